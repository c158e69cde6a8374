package io.signetmesh.proxy.authorize.compile;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.linkerd.proxy.http_route.HeaderMatch;
import io.linkerd.proxy.http_route.HostMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.meta.Resource;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.linkerd.proxy.net.IPv6;
import io.signetmesh.path.RequestPath;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.PolicyBundles;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.RandomPolicies.Request;
import io.signetmesh.rego.RegoAnswer;
import io.signetmesh.rego.RegoAnswer.Outcome;
import io.signetmesh.rego.RegoInput;
import io.signetmesh.v1.RegoAuthentication;
import io.signetmesh.v1.RegoBundle;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PolicyCompilerTest {
  private static final Client CLIENT = client("10.0.0.1", "web.shop");

  private final PolicyCompiler compiler = new PolicyCompiler(true, () -> 0);

  // ---- policy bundles

  @Test
  void aBundleThatIsNotReadyIsUnavailableAndOneThatWasRefusedIsNotCompiledAgain() {
    Authz.Builder asking = everyone("by-day").toBuilder().addSignetRego("shop/hours");
    Server message =
        http()
            .addAuthorizations(asking)
            .addSignetRegoAuthentications(
                RegoAuthentication.newBuilder()
                    .setName("shop/hours")
                    .setEntrypoint("mesh/allow")
                    .setBundle(
                        RegoBundle.newBuilder().setContent(ByteString.copyFromUtf8("no bundle"))))
            .build();
    PolicyBundles bundles = compiler.bundles(message);
    assertThat(bundles.areReady()).isFalse();
    ServerPolicy early = compiler.compile(message, null, bundles);
    Route route = Objects.requireNonNull(early.route(new Request("GET", "/", "web", Map.of())));
    RegoQuestion question =
        Objects.requireNonNull(early.nextRego(CLIENT.with(RequestProofs.NONE), route));
    RegoInput input =
        new RegoInput(
            new RegoInput.Peer(List.of(), "10.0.0.1", 1, false, Optional.empty()),
            new RegoInput.Server(80, Map.of()),
            new RegoInput.Head("GET", "http", "web", "/", "", List.of()),
            Map.of(),
            0);
    assertThat(question.authentication().ask(input, Instant.EPOCH))
        .isEqualTo(new RegoAnswer(Outcome.UNAVAILABLE, "the bundle is not compiled yet"));

    bundles.compileNext();
    assertThat(bundles.areReady()).isTrue();
    assertThat(compiler.compile(message, early, bundles).nextRego(CLIENT, route)).isNull();
    Server next = message.toBuilder().setSignetGeneration(2).build();
    assertThat(compiler.bundles(next).areReady()).isTrue();
  }

  @Test
  void aMessageThatCannotBeCompiledRefusesEverything() {
    Server message = http().addAuthorizations(everyone("allow")).setSignetGeneration(7).build();
    ServerPolicy refusing = compiler.refusing(message, compiler.compile(message), "too deep");
    assertThat(refusing.generation()).isEqualTo(7);
    assertThat(refusing.invalidity()).isEqualTo("too deep");
    assertThat(refusing.decideConnection(CLIENT).allowed()).isFalse();
  }

  // ---- denials

  @Test
  void denialWinsOverAuthorizationsLocalhostAndAudit() {
    Server message =
        http()
            .addAuthorizations(everyone("allow"))
            .addAuthorizations(audit())
            .addSignetDenials(named("no", "web.shop"))
            .build();
    ServerPolicy policy = compiler.compile(message);

    Decision denied = policy.decideConnection(CLIENT);
    assertThat(denied.allowed()).isFalse();
    assertThat(denied.reason()).isEqualTo(Reason.DENIED_BY_POLICY);
    assertThat(denied.authorizationLabel()).isEqualTo("policy.linkerd.io/authorizationpolicy/no");
    assertThat(denied.detail()).isEqualTo("denies web.shop");
    assertThat(policy.decideConnection(client("127.0.0.1", "web.shop")).reason())
        .isEqualTo(Reason.DENIED_BY_POLICY);
    assertThat(policy.decideConnection(client("10.0.0.1", "api.shop")).allowed()).isTrue();
  }

  @Test
  void explanationOfADenialNamesTheNameOfTheCertificateThatMetIt() {
    ServerPolicy policy =
        compiler.compile(
            http()
                .addSignetDenials(named("no", "web.shop"))
                .addAuthorizations(named("yes", "other.shop"))
                .build());
    Client client = Client.ofMeshTls(CLIENT.address(), List.of("first.shop", "web.shop"));

    assertThat(policy.explain(client, null).rules())
        .extracting(rule -> rule.conditions().getFirst().seen())
        .startsWith("web.shop", "first.shop");
  }

  @Test
  void denialOfARouteHoldsForItOnlyAndOverWhatTheServerAllows() {
    Server.Builder server = http().addAuthorizations(everyone("allow"));
    server
        .getProtocolBuilder()
        .getHttp1Builder()
        .addRoutes(route("admin", "/admin").addSignetDenials(named("no", "web.shop")))
        .addRoutes(route("rest", "/"));
    ServerPolicy policy = compiler.compile(server.build());

    assertThat(decide(policy, "/admin/x").reason()).isEqualTo(Reason.DENIED_BY_POLICY);
    assertThat(decide(policy, "/x").allowed()).isTrue();
    assertThat(policy.decideConnection(CLIENT).allowed()).isTrue();
    assertThat(policy.explain(CLIENT, get("/admin/x")).rules().getFirst().level())
        .isEqualTo(Explanation.Level.ROUTE_DENIAL);
  }

  @Test
  void denialThatCannotBeReadRefusesEverything() {
    Authz unreadable = everyone("no").toBuilder().clearAuthentication().build();
    ServerPolicy policy =
        compiler.compile(
            http().addAuthorizations(everyone("allow")).addSignetDenials(unreadable).build());

    assertThat(policy.invalidity()).contains("no known authentication");
    assertThat(policy.decideConnection(CLIENT).reason()).isEqualTo(Reason.INVALID_POLICY);
    assertThat(policy.explain(CLIENT, get("/")).decision().reason())
        .isEqualTo(Reason.INVALID_POLICY);
  }

  // ---- what is tried

  /** A condition that only a later version has: the others alone would grant more. */
  @Test
  void conditionsThatAreNotKnownGrantNothing() {
    UnknownFieldSet later =
        UnknownFieldSet.newBuilder()
            .addField(99, UnknownFieldSet.Field.newBuilder().addVarint(1).build())
            .build();
    Authz everyone = everyone("allow");
    List<Server.Builder> policies =
        List.of(
            http().addAuthorizations(everyone.toBuilder().setUnknownFields(later)),
            http()
                .addAuthorizations(
                    everyone.toBuilder()
                        .setNetworks(
                            0, everyone.getNetworks(0).toBuilder().setUnknownFields(later))),
            http()
                .addAuthorizations(
                    everyone.toBuilder()
                        .setAuthentication(
                            everyone.getAuthentication().toBuilder().setUnknownFields(later))),
            http()
                .addAuthorizations(everyone)
                .addSignetDenials(named("no", "web.shop").toBuilder().setUnknownFields(later)));

    for (Server.Builder builder : policies) {
      ServerPolicy policy = compiler.compile(builder.build());
      assertThat(policy.invalidity()).contains("the field 99", "does not know");
      assertThat(policy.decideConnection(client("10.0.0.1", "api.shop")).reason())
          .isEqualTo(Reason.INVALID_POLICY);
    }
  }

  @Test
  void matchWithAConditionThatIsNotKnownGrantsNothing() {
    UnknownFieldSet later =
        UnknownFieldSet.newBuilder()
            .addField(99, UnknownFieldSet.Field.newBuilder().addVarint(1).build())
            .build();
    HttpRoute.Builder path = route("open", "/open");
    path.getRulesBuilder(0).getMatchesBuilder(0).setUnknownFields(later);
    HttpRoute.Builder header = route("open", "/open");
    header
        .getRulesBuilder(0)
        .getMatchesBuilder(0)
        .addHeaders(
            HeaderMatch.newBuilder()
                .setName("x-role")
                .setExact(ByteString.copyFromUtf8("a"))
                .setUnknownFields(later));

    for (HttpRoute.Builder route : List.of(path, header)) {
      Server.Builder server = http().addAuthorizations(everyone("allow"));
      server.getProtocolBuilder().getHttp1Builder().addRoutes(route);
      ServerPolicy policy = compiler.compile(server.build());
      assertThat(policy.invalidity()).contains("the field 99");
      assertThat(policy.decideConnection(CLIENT).reason()).isEqualTo(Reason.INVALID_POLICY);
    }
  }

  @Test
  void trialThatCannotBeReadChangesNothingForThePolicyInForce() {
    Server message =
        http()
            .addAuthorizations(everyone("allow"))
            .setSignetTrial(Server.newBuilder().putLabels("name", "s"))
            .setSignetGeneration(5)
            .build();
    ServerPolicy policy = compiler.compile(message);

    assertThat(policy.invalidity()).isNull();
    assertThat(decide(policy, "/").allowed()).isTrue();
    Decision trial = policy.trialRequest(CLIENT, get("/"));
    assertThat(trial).isNotNull();
    assertThat(trial.reason()).isEqualTo(Reason.INVALID_POLICY);
    assertThat(trial.generation()).isEqualTo(5);
  }

  @Test
  void verdictThatRestsOnTheAuditIsToldWithWhatItWouldBe() {
    ServerPolicy policy =
        compiler.compile(
            http().addAuthorizations(named("web", "web.shop")).addAuthorizations(audit()).build());

    assertThat(decide(policy, "/").mode()).isEqualTo(Decision.Mode.ENFORCE);
    assertThat(policy.trialRequest(CLIENT, get("/"))).isNull();
    Client other = client("10.0.0.1", "api.shop");
    Decision decision = policy.decideConnection(other);
    assertThat(decision.allowed()).isTrue();
    assertThat(decision.reason()).isEqualTo(Reason.AUDITED);
    assertThat(decision.mode()).isEqualTo(Decision.Mode.AUDIT);
    Decision trial = policy.trialConnection(other);
    assertThat(trial).isNotNull();
    assertThat(trial.reason()).isEqualTo(Reason.IDENTITY_MISMATCH);
    assertThat(trial.authorizationLabel()).isEqualTo("policy.linkerd.io/authorizationpolicy/web");
    assertThat(policy.explain(other, get("/")).trial()).isNotNull();
  }

  @Test
  void pathsOfWhatIsTriedNormalizeNoRequest() {
    Server.Builder tried = http();
    tried.getProtocolBuilder().getHttp1Builder().addRoutes(route("admin", "/admin"));
    Server.Builder probe = http();
    probe
        .getProtocolBuilder()
        .getHttp1Builder()
        .addRoutes(
            route("probe", "/healthz").setMetadata(Metadata.newBuilder().setDefault("probe")))
        .addRoutes(route("default", "/").setMetadata(Metadata.newBuilder().setDefault("default")));

    assertThat(compiler.compile(http().build()).matchesPaths()).isFalse();
    assertThat(compiler.compile(probe.build()).matchesPaths()).isFalse();
    assertThat(compiler.compile(tried.build()).matchesPaths()).isTrue();
    assertThat(compiler.compile(http().setSignetTrial(tried).build()).matchesPaths()).isFalse();
  }

  // ---- rate limits

  @Test
  void rateLimitOfAGrpcServerIsEnforcedAndQuestionsTakeNothingOfIt() {
    Server.Builder server =
        Server.newBuilder().putLabels("name", "s").addAuthorizations(everyone("allow"));
    server
        .getProtocolBuilder()
        .getGrpcBuilder()
        .setSignetLocalRateLimit(
            HttpLocalRateLimit.newBuilder()
                .setTotal(HttpLocalRateLimit.Limit.newBuilder().setRequestsPerSecond(2)));
    ServerPolicy policy = compiler.compile(server.build());
    Route route = policy.route(get("/s/m"));
    assertThat(route).isNotNull();

    for (int i = 0; i < 10; i++) {
      assertThat(policy.authorizeRequest(CLIENT, route).allowed()).isTrue();
      assertThat(policy.explain(CLIENT, get("/s/m")).decision().allowed()).isTrue();
    }
    assertThat(policy.decideRequest(CLIENT, route).allowed()).isTrue();
    assertThat(policy.decideRequest(CLIENT, route).allowed()).isTrue();
    assertThat(policy.decideRequest(CLIENT, route).reason()).isEqualTo(Reason.RATE_LIMITED);
  }

  @ParameterizedTest
  @MethodSource("limits")
  void anEditOfSomethingElseEachSecondLeavesWhatIsGrantedAtTheLimit(HttpLocalRateLimit limit) {
    AtomicLong nanos = new AtomicLong();
    PolicyCompiler timed = new PolicyCompiler(true, nanos::get);
    ServerPolicy policy = null;
    int granted = 0;
    for (int second = 0; second < 12; second++) {
      Server.Builder edited = http().setSignetGeneration(second + 1);
      edited.addAuthorizations(everyone("allow-" + second));
      edited.getProtocolBuilder().getHttp1Builder().setLocalRateLimit(limit);
      policy = timed.compile(edited.build(), policy);
      for (int i = 0; i < 100; i++) {
        granted += decide(policy, "/").allowed() ? 1 : 0;
        nanos.addAndGet(10_000_000);
      }
    }
    // Twelve seconds at two a second, and one burst at the start.
    assertThat(granted).isBetween(24, 26);
  }

  static Stream<HttpLocalRateLimit> limits() {
    HttpLocalRateLimit.Limit two =
        HttpLocalRateLimit.Limit.newBuilder().setRequestsPerSecond(2).build();
    HttpLocalRateLimit.Builder override =
        HttpLocalRateLimit.newBuilder().setMetadata(resource("httplocalratelimitpolicy", "limit"));
    override
        .addOverridesBuilder()
        .setLimit(two)
        .getClientsBuilder()
        .addIdentities(Identity.newBuilder().setName("web.shop"));
    return Stream.of(
        HttpLocalRateLimit.newBuilder().setTotal(two).build(),
        HttpLocalRateLimit.newBuilder().setIdentity(two).build(),
        override.build());
  }

  @Test
  void aLimitThatIsTakenAwayAndBroughtBackIsNotFullAgain() {
    Server.Builder limited = http().addAuthorizations(everyone("allow"));
    limited
        .getProtocolBuilder()
        .getHttp1Builder()
        .setLocalRateLimit(
            HttpLocalRateLimit.newBuilder()
                .setMetadata(resource("httplocalratelimitpolicy", "limit"))
                .setTotal(HttpLocalRateLimit.Limit.newBuilder().setRequestsPerSecond(1)));
    ServerPolicy policy = compiler.compile(limited.build());
    assertThat(decide(policy, "/").allowed()).isTrue();

    policy = compiler.compile(http().addAuthorizations(everyone("allow")).build(), policy);
    assertThat(decide(policy, "/").allowed()).isTrue();
    policy = compiler.compile(Server.getDefaultInstance(), policy);
    assertThat(decide(policy, "/").reason()).isEqualTo(Reason.INVALID_POLICY);
    policy = compiler.compile(limited.build(), policy);
    assertThat(decide(policy, "/").reason()).isEqualTo(Reason.RATE_LIMITED);
  }

  // ---- routes

  @Test
  void regularExpressionCountsForTheWholePathAndShorterPrefixesDoNotHideIt() {
    ServerPolicy policy =
        routes(
            route("all", "/"),
            regex("secret", "/files/[0-9]+/secret"),
            route("files", "/files"),
            route("exact", "x").clearRules().addRules(exact("/files/7/open")),
            regex("any", "/files/.*/open"));

    assertThat(routeOf(policy, "/files/1/secret")).isEqualTo("secret");
    assertThat(routeOf(policy, "/files/x/secret")).isEqualTo("files");
    assertThat(routeOf(policy, "/files/7/open")).isEqualTo("exact");
    assertThat(routeOf(policy, "/files/8/open")).isEqualTo("any");
    assertThat(routeOf(policy, "/other")).isEqualTo("all");
  }

  @Test
  void hostsAreComparedWithoutCasePortUserOrDotAtTheEnd() {
    ServerPolicy policy =
        routes(
            route("exact", "/").addHosts(HostMatch.newBuilder().setExact("Web.Shop")),
            route("suffix", "/")
                .addHosts(
                    HostMatch.newBuilder()
                        .setSuffix(HostMatch.Suffix.newBuilder().addReverseLabels("shop"))),
            route("any", "/"));

    for (String host :
        List.of("web.shop", "WEB.shop.", "web.shop:80", "web.SHOP.:8080", "user@web.shop")) {
      assertThat(routeOf(policy, host, "/")).as(host).isEqualTo("exact");
    }
    for (String host : List.of("a.shop", "b.a.shop:1", "x.web.shop")) {
      assertThat(routeOf(policy, host, "/")).as(host).isEqualTo("suffix");
    }
    for (String host : List.of("shop", ".shop", "webxshop", "", "[::1]:80", "web.shop.other")) {
      assertThat(routeOf(policy, host, "/")).as(host).isEqualTo("any");
    }
  }

  /** Policies are written in many spellings, requests come in one. */
  @Test
  void pathsOfPoliciesAreReadInNormalForm() {
    ServerPolicy policy =
        routes(
            route("all", "/"),
            route("cafe", "/caf%c3%a9"),
            route("tea", "/th\u00e9"),
            route("admin", "/%61dmin"));

    assertThat(routeOf(policy, "/caf%C3%A9/x")).isEqualTo("cafe");
    assertThat(routeOf(policy, "/th%C3%A9")).isEqualTo("tea");
    assertThat(routeOf(policy, "/admin")).isEqualTo("admin");
  }

  @Test
  void emptySegmentsOfPathsAreLeftOutAsThoseOfRequestsAre() {
    ServerPolicy policy =
        routes(
            route("all", "/"),
            route("slashes", "x").clearRules().addRules(exact("/a//b")),
            route("prefix", "/c//d//"));

    for (var wanted :
        Map.of(
                "/a//b", "slashes", "/a/b", "slashes", "/c/d/x", "prefix", "/c//d", "prefix", "/c",
                "all", "/c/../f", "all")
            .entrySet()) {
      String path = String.valueOf(RequestPath.normalize(wanted.getKey()));
      assertThat(routeOf(policy, path)).as(wanted.getKey()).isEqualTo(wanted.getValue());
    }
  }

  /** A route that no request took does not become one that takes those of others, or all. */
  @Test
  void pathsWithDotSegmentsOrOfSlashesAloneMatchNothing() {
    for (String path :
        List.of(
            "//",
            "///",
            "/.",
            "/./",
            "/%2e",
            "/..",
            "/../",
            "/../f",
            "/internal/..",
            "/x/%2E%2e/",
            "/x/../admin",
            "/admin/.",
            "/admin/%2e/",
            "//./admin",
            "/x/..//admin")) {
      for (HttpRoute.Rule.Builder rule :
          List.of(exact(path), route("x", path).getRulesBuilder(0))) {
        ServerPolicy policy =
            routes(route("admin", "/admin"), route("dead", "x").clearRules().addRules(rule));

        assertThat(policy.matchesPaths()).isTrue();
        for (String asked : List.of("/", "/f", "/x", "/x/", "/internal", path)) {
          CharSequence normal = RequestPath.normalize(asked);
          if (normal != null && !normal.toString().startsWith("/admin")) {
            assertThat(routeOf(policy, normal.toString())).as(path + " asked " + asked).isNull();
          }
        }
        for (String asked : List.of("/admin", "/admin/", "/admin/users")) {
          assertThat(routeOf(policy, asked)).as(path).isEqualTo("admin");
        }
      }
    }
  }

  /** What is written for a path itself is not taken away by what is only normalized to it. */
  @Test
  void aPathAsItIsWrittenGoesBeforeOneThatIsNormalizedToIt() {
    ServerPolicy policy =
        routes(
            route("public", "x").clearRules().addRules(exact("//admin")),
            route("admin", "x").clearRules().addRules(exact("/admin")));

    assertThat(routeOf(policy, "/admin")).isEqualTo("admin");
  }

  /** An application that decodes a colon would serve what another route guards. */
  @Test
  void escapeOfAReservedCharacterThatLeadsToAnotherRouteIsAmbiguous() {
    ServerPolicy policy =
        routes(
            route("all", "/v1"),
            route("cancel", "x").clearRules().addRules(exact("/v1/job:cancel")));

    assertThat(routeOf(policy, "/v1/job:cancel")).isEqualTo("cancel");
    assertThat(routeOf(policy, "/v1/job%3Acancel")).isNull();
    assertThat(policy.decideWithoutRoute(CLIENT, get("/v1/job%3Acancel")).reason())
        .isEqualTo(Reason.UNSAFE_PATH);
    assertThat(routeOf(policy, "/v1/job%3Alist")).isEqualTo("all");
    assertThat(routeOf(policy, "/v1/job;v=2:cancel")).isEqualTo("all");
  }

  @Test
  void grpcMethodsRankServicesBeforeMethods() {
    Server.Builder server = Server.newBuilder().putLabels("name", "s");
    server
        .getProtocolBuilder()
        .getGrpcBuilder()
        .addRoutes(grpc("any", "", ""))
        .addRoutes(grpc("method", "", "Get"))
        .addRoutes(grpc("service", "shop.Cart", ""))
        .addRoutes(grpc("both", "shop.Cart", "Get"));
    ServerPolicy policy = compiler.compile(server.build());

    assertThat(post(policy, "/shop.Cart/Get")).isEqualTo("both");
    assertThat(post(policy, "/shop.Cart/Put")).isEqualTo("service");
    assertThat(post(policy, "/other/Get")).isEqualTo("method");
    assertThat(post(policy, "/other/Put")).isEqualTo("any");
    assertThat(post(policy, "/shop.Cart/x/Get")).isEqualTo("service");
    assertThat(policy.route(get("/shop.Cart/Get"))).isNull();
  }

  // ---- networks

  /** Linkerd's proxy compares addresses of one family only. */
  @Test
  void networkOfIpv6HoldsNoIpv4Address() {
    Authz ipv6 = everyone("six").toBuilder().clearNetworks().addNetworks(everywhere(false)).build();
    ServerPolicy policy = compiler.compile(http().addAuthorizations(ipv6).build());

    assertThat(policy.decideConnection(client("10.0.0.1", null)).reason())
        .isEqualTo(Reason.NETWORK_MISMATCH);
    assertThat(policy.decideConnection(client("2001:db8::1", null)).allowed()).isTrue();
  }

  // ---- making

  private Decision decide(ServerPolicy policy, String path) {
    Route route = policy.route(get(path));
    assertThat(route).as(path).isNotNull();
    return policy.decideRequest(CLIENT, route);
  }

  private ServerPolicy routes(HttpRoute.Builder... routes) {
    Server.Builder server = http();
    for (HttpRoute.Builder route : routes) {
      server.getProtocolBuilder().getHttp1Builder().addRoutes(route);
    }
    ServerPolicy policy = compiler.compile(server.build());
    assertThat(policy.invalidity()).isNull();
    return policy;
  }

  private static @Nullable String routeOf(ServerPolicy policy, String path) {
    return routeOf(policy, "web", path);
  }

  private static @Nullable String routeOf(ServerPolicy policy, String host, String path) {
    Route route = policy.route(new Request("GET", path, host, Map.of()));
    return route == null ? null : route.ref().name();
  }

  private static @Nullable String post(ServerPolicy policy, String path) {
    Route route = policy.route(new Request("POST", path, "web", Map.of()));
    return route == null ? null : route.ref().name();
  }

  private static Server.Builder http() {
    Server.Builder server = Server.newBuilder().putLabels("name", "s");
    server.getProtocolBuilder().getHttp1Builder();
    return server;
  }

  private static HttpRoute.Builder route(String name, String prefix) {
    HttpRoute.Builder route = HttpRoute.newBuilder().setMetadata(resource("httproute", name));
    route.addRulesBuilder().addMatchesBuilder().setPath(PathMatch.newBuilder().setPrefix(prefix));
    return route;
  }

  private static HttpRoute.Builder regex(String name, String regex) {
    HttpRoute.Builder route = route(name, "/").clearRules();
    route.addRulesBuilder().addMatchesBuilder().setPath(PathMatch.newBuilder().setRegex(regex));
    return route;
  }

  private static HttpRoute.Rule.Builder exact(String path) {
    HttpRoute.Rule.Builder rule = HttpRoute.Rule.newBuilder();
    rule.addMatchesBuilder().setPath(PathMatch.newBuilder().setExact(path));
    return rule;
  }

  private static GrpcRoute.Builder grpc(String name, String service, String method) {
    GrpcRoute.Builder route = GrpcRoute.newBuilder().setMetadata(resource("grpcroute", name));
    route
        .addRulesBuilder()
        .addMatchesBuilder()
        .getRpcBuilder()
        .setService(service)
        .setMethod(method);
    return route;
  }

  private static Authz everyone(String name) {
    return Authz.newBuilder()
        .setMetadata(resource("authorizationpolicy", name))
        .addNetworks(everywhere(true))
        .addNetworks(everywhere(false))
        .setAuthentication(
            Authn.newBuilder().setUnauthenticated(Authn.PermitUnauthenticated.newBuilder()))
        .build();
  }

  private static Authz named(String name, String identity) {
    Authn.Builder authn = Authn.newBuilder();
    authn.getMeshTLSBuilder().getIdentitiesBuilder().addIdentitiesBuilder().setName(identity);
    return everyone(name).toBuilder().setAuthentication(authn).build();
  }

  private static Authz audit() {
    return everyone("x").toBuilder().setMetadata(Metadata.newBuilder().setDefault("audit")).build();
  }

  private static Network.Builder everywhere(boolean ipv4) {
    IPAddress.Builder ip = IPAddress.newBuilder();
    return Network.newBuilder()
        .setNet(
            IPNetwork.newBuilder()
                .setIp(ipv4 ? ip.setIpv4(0) : ip.setIpv6(IPv6.getDefaultInstance())));
  }

  private static Metadata resource(String kind, String name) {
    return Metadata.newBuilder()
        .setResource(
            Resource.newBuilder()
                .setGroup("policy.linkerd.io")
                .setKind(kind)
                .setName(name)
                .setNamespace("ns"))
        .build();
  }

  private static Request get(String path) {
    return new Request("GET", path, "web", Map.of());
  }

  private static Client client(String address, @Nullable String identity) {
    try {
      return new Client(InetAddress.getByName(address), identity != null, identity);
    } catch (UnknownHostException e) {
      throw new IllegalStateException(address, e);
    }
  }
}
