package io.signetmesh.proxy.authorize.compile;

import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.http_route.HeaderMatch;
import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_types.HttpMethod;
import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.meta.Resource;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.LinearPattern;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.ServerPolicy;
import java.net.InetAddress;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What a request may cost in regular expressions. */
class ExpressionWorkTest {
  private static final Client STRANGER = new Client(InetAddress.getLoopbackAddress(), false, null);
  private static final Client KNOWN =
      new Client(InetAddress.getLoopbackAddress(), true, "web.shop");

  private static final String AGENT =
      "(Mozilla|Opera|curl|wget|okhttp|Java|Dart|axios).*(Windows|Linux|Android|iPhone|iPad)"
          + ".*(build|rev|v)[ /]?%d\\.[0-9]+(\\.[0-9]+)?.*";

  private static final String WORST = ("curl Linux " + "build/9 ".repeat(500)).substring(0, 4000);

  private record Ask(
      String method, String path, Map<String, String> headers, ExpressionWork expressions)
      implements RequestAttributes {
    Ask(String path, String agent) {
      this("GET", path, Map.of("user-agent", agent), new ExpressionWork());
    }

    @Override
    public CharSequence authority() {
      return "web";
    }

    @Override
    public @Nullable CharSequence header(CharSequence lowerCaseName) {
      return headers.get(lowerCaseName.toString());
    }

    @Override
    public boolean repeats(CharSequence lowerCaseName) {
      return false;
    }
  }

  private static HeaderMatch agent(String expression) {
    return HeaderMatch.newBuilder().setName("user-agent").setRegex(expression).build();
  }

  private static HttpRoute.Builder route(HttpRouteMatch.Builder... matches) {
    HttpRoute.Rule.Builder rule = HttpRoute.Rule.newBuilder();
    for (HttpRouteMatch.Builder match : matches) {
      rule.addMatches(match);
    }
    return HttpRoute.newBuilder()
        .setMetadata(
            Metadata.newBuilder()
                .setResource(
                    Resource.newBuilder()
                        .setGroup("policy.linkerd.io")
                        .setKind("HTTPRoute")
                        .setName("agents")))
        .addRules(rule);
  }

  private static Server.Builder server(HttpRoute.Builder route) {
    return Server.newBuilder()
        .putLabels("name", "web")
        .setProtocol(
            ProxyProtocol.newBuilder().setHttp1(ProxyProtocol.Http1.newBuilder().addRoutes(route)));
  }

  private static Authz identities(String identity) {
    return Authz.newBuilder()
        .setMetadata(Metadata.newBuilder().setDefault("known"))
        .addNetworks(
            Network.newBuilder()
                .setNet(
                    IPNetwork.newBuilder()
                        .setIp(IPAddress.newBuilder().setIpv4(0))
                        .setPrefixLen(0)))
        .setAuthentication(
            Authn.newBuilder()
                .setMeshTLS(
                    Authn.PermitMeshTLS.newBuilder()
                        .setIdentities(
                            Authn.PermitMeshTLS.PermitClientIdentities.newBuilder()
                                .addIdentities(Identity.newBuilder().setName(identity)))))
        .build();
  }

  private static HttpRoute.Builder agents(int count) {
    HttpRouteMatch.Builder[] matches = new HttpRouteMatch.Builder[count];
    for (int i = 0; i < count; i++) {
      matches[i] = HttpRouteMatch.newBuilder().addHeaders(agent(AGENT.formatted(i)));
    }
    return route(matches);
  }

  private static ServerPolicy compile(Server.Builder message) {
    return new PolicyCompiler(false, () -> 0L).compile(message.build());
  }

  @Test
  void allExpressionsOfARequestHaveOneBudgetAndBeyondItTheRequestIsRefused() {
    ServerPolicy policy = compile(server(agents(128).addAuthorizations(identities("web.shop"))));
    Ask worst = new Ask("/x", WORST);

    assertThat(policy.route(worst)).isNull();
    assertThat(policy.decideWithoutRoute(KNOWN, worst).reason()).isEqualTo(Reason.UNSAFE_PATH);
    assertThat(worst.expressions().isExhausted()).isTrue();
    assertThat(worst.expressions().spent()).isLessThanOrEqualTo(LinearPattern.MAX_STEPS);
    // The next request has a budget of its own, and one that fits is decided on as ever.
    worst.expressions().reset();
    Ask small = new Ask("GET", "/x", Map.of("user-agent", "curl Linux v7.1"), worst.expressions());
    assertThat(policy.route(small)).isNotNull();
  }

  @Test
  void anExpressionIsAskedAboutAValueOnce() {
    String expression = AGENT.formatted(1);
    HttpRouteMatch.Builder[] matches = new HttpRouteMatch.Builder[64];
    for (int i = 0; i < matches.length; i++) {
      matches[i] =
          HttpRouteMatch.newBuilder()
              .addHeaders(agent(expression))
              .addHeaders(HeaderMatch.newBuilder().setName("x").setRegex(i + ".?|" + i));
    }
    ServerPolicy policy = compile(server(route(matches)));
    Ask request = new Ask("/x", "curl Linux v1.1 " + "a".repeat(100));
    long once =
        LinearPattern.compile(expression)
            .steps(Objects.requireNonNull(request.header("user-agent")), 116);

    assertThat(policy.route(request)).isNull();
    assertThat(policy.decideWithoutRoute(KNOWN, request).reason()).isEqualTo(Reason.NO_ROUTE);
    assertThat(request.expressions().spent()).isBetween(once, once + 64);
  }

  @Test
  void conditionsThatCostNothingComeFirst() {
    HttpRouteMatch.Builder expressed =
        HttpRouteMatch.newBuilder().addHeaders(agent(AGENT.formatted(1)));
    ServerPolicy policy =
        compile(
            server(
                route(
                    expressed
                        .clone()
                        .setMethod(
                            HttpMethod.newBuilder().setRegistered(HttpMethod.Registered.POST)),
                    expressed
                        .clone()
                        .setPath(
                            io.linkerd.proxy.http_route.PathMatch.newBuilder().setExact("/other")),
                    expressed
                        .clone()
                        .addHeaders(
                            HeaderMatch.newBuilder()
                                .setName("x-tier")
                                .setExact(com.google.protobuf.ByteString.copyFromUtf8("gold"))),
                    expressed
                        .clone()
                        .addQueryParams(
                            io.linkerd.proxy.http_route.QueryParamMatch.newBuilder()
                                .setName("v")
                                .setExact("2")))));
    Ask request = new Ask("/x?v=1", WORST);

    assertThat(policy.route(request)).isNull();
    assertThat(request.expressions().spent()).isZero();
    assertThat(policy.decideWithoutRoute(KNOWN, request).reason()).isEqualTo(Reason.NO_ROUTE);
  }

  @Test
  void whomNoRouteGrantsAnythingIsRefusedWithoutAsking() {
    ServerPolicy policy = compile(server(agents(128).addAuthorizations(identities("web.shop"))));
    Ask worst = new Ask("/x", WORST);

    Decision early = policy.decideBeforeRoute(STRANGER);
    assertThat(early).isNotNull();
    assertThat(early.allowed()).isFalse();
    assertThat(early.reason()).isEqualTo(Reason.NO_AUTHORIZATION);
    Explanation explanation = policy.explain(STRANGER, worst);
    assertThat(explanation.decision()).isEqualTo(early);
    assertThat(worst.expressions().spent()).isZero();
    assertThat(policy.decideBeforeRoute(KNOWN)).isNull();
    // A grant of the server is one of every route.
    assertThat(
            compile(server(agents(128)).addAuthorizations(identities("web.shop")))
                .decideBeforeRoute(KNOWN))
        .isNull();
  }
}
