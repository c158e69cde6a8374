package io.signetmesh.policy.index;

import static io.signetmesh.policy.TestPolicies.CONFIG;
import static io.signetmesh.policy.TestPolicies.NS;
import static io.signetmesh.policy.TestPolicies.START;
import static io.signetmesh.policy.TestPolicies.WEB;
import static io.signetmesh.policy.TestPolicies.audited;
import static io.signetmesh.policy.TestPolicies.configMap;
import static io.signetmesh.policy.TestPolicies.deny;
import static io.signetmesh.policy.TestPolicies.fetched;
import static io.signetmesh.policy.TestPolicies.fetchedKeys;
import static io.signetmesh.policy.TestPolicies.jwt;
import static io.signetmesh.policy.TestPolicies.keys;
import static io.signetmesh.policy.TestPolicies.pod;
import static io.signetmesh.policy.TestPolicies.policy;
import static io.signetmesh.policy.TestPolicies.route;
import static io.signetmesh.policy.TestPolicies.server;
import static io.signetmesh.policy.TestPolicies.toNamespace;
import static io.signetmesh.policy.TestPolicies.toRoute;
import static io.signetmesh.policy.TestPolicies.toServer;
import static io.signetmesh.policy.TestPolicies.tokens;
import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicyFeatures;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyModel;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.UnusableModel;
import io.signetmesh.policy.model.WorkloadModel;
import io.signetmesh.policy.token.KeySource;
import io.signetmesh.v1.ClaimRule;
import io.signetmesh.v1.ClaimValue;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.TokenForwarding;
import io.signetmesh.v1.TokenLocation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Policies about tokens: objects in, message out. */
final class TokenPolicyTest {
  private static final Map<String, String> APP = Map.of("app", "web");
  private static final WorkloadModel POD = pod("web", APP);
  private static final ServerModel SERVER = server("web", 8080, APP);

  private static Server message(PolicyObject... objects) {
    return message(index(objects(objects)));
  }

  private static Server message(PolicyIndex index) {
    return index.policy(WEB, 8080).orElseThrow().server();
  }

  private static PolicyIndex index(List<PolicyObject> objects) {
    return io.signetmesh.policy.TestPolicies.index(CONFIG, objects.toArray(PolicyObject[]::new));
  }

  private static List<PolicyObject> objects(PolicyObject... more) {
    List<PolicyObject> all = new ArrayList<>(List.of(POD, SERVER));
    all.addAll(List.of(more));
    return all;
  }

  private static List<String> named(Server message) {
    return message.getSignetJwtAuthenticationsList().stream()
        .map(JwtAuthentication::getName)
        .toList();
  }

  @Test
  void aGrantNamesItsTokensAndTheMessageExplainsThem() {
    Server message =
        message(
            policy("p", toServer("web"), jwt("b"), jwt("a")),
            tokens("a"),
            tokens("b"),
            tokens("unused"));
    assertThat(message.getAuthorizations(0).getSignetTokensList())
        .containsExactly("shop/a", "shop/b");
    assertThat(named(message)).containsExactly("shop/a", "shop/b");
    assertThat(message.getSignetJwtAuthentications(0).getKeySet().getJwks())
        .isEqualTo(keys("a").jwks());
  }

  @Test
  void tokensOfRoutesAndOfDenialsAreExplainedToo() {
    Server message =
        message(
            route("api", "web"),
            policy("p", toRoute("api"), jwt("a")),
            deny("q", toRoute("api"), jwt("b")),
            deny("r", toNamespace(NS), jwt("c")),
            tokens("a"),
            tokens("b"),
            tokens("c"));
    assertThat(named(message)).containsExactly("shop/a", "shop/b", "shop/c");
    assertThat(message.getSignetDenials(0).getSignetTokensList()).containsExactly("shop/c");
  }

  @Test
  void aPortWithoutServerExplainsTheTokensOfItsNamespace() {
    PolicyIndex index = index(objects(deny("r", toNamespace(NS), jwt("c")), tokens("c")));
    Server other = index.policy(WEB, 9999).orElseThrow().server();
    assertThat(named(other)).containsExactly("shop/c");
    index.apply(List.of(tokens("c", new KeySource.Inline(keys("other")))), List.of());
    assertThat(
            index
                .policy(WEB, 9999)
                .orElseThrow()
                .server()
                .getSignetJwtAuthentications(0)
                .getKeySet()
                .getJwks())
        .isEqualTo(keys("other").jwks());
  }

  @Test
  void aDryRunHasAuthenticationsOfItsOwn() {
    Server message =
        message(
            policy("p", toServer("web"), jwt("a")),
            audited(policy("q", toServer("web"), jwt("b"))),
            tokens("a"),
            tokens("b"));
    assertThat(named(message)).containsExactly("shop/a");
    assertThat(named(message.getSignetTrial())).containsExactly("shop/a", "shop/b");
  }

  @Test
  void whatIsMissingOrNotUnderstoodGrantsNothingAndCountsAsPassedInADenial() {
    PolicyObject odd =
        new UnusableModel(new ObjectRef(ObjectRef.Kind.JWT_AUTHENTICATION, NS, "a"), "", "is odd");
    for (List<PolicyObject> more : List.of(List.<PolicyObject>of(), List.of(odd))) {
      List<PolicyObject> objects =
          objects(policy("p", toServer("web"), jwt("a")), deny("q", toServer("web"), jwt("a")));
      objects.addAll(more);
      Server message = message(index(objects));
      assertThat(message.getAuthorizationsList()).isEmpty();
      assertThat(message.getSignetDenialsList())
          .singleElement()
          .matches(denial -> denial.getSignetTokensCount() == 0);
      assertThat(named(message)).isEmpty();
    }
  }

  @Test
  void fiveTokensGrantNothingAndDenyEverybody() {
    PolicyObject[] five = new PolicyObject[7];
    var references = new io.signetmesh.policy.model.Reference[5];
    for (int i = 0; i < 5; i++) {
      references[i] = jwt("t" + i);
      five[i] = tokens("t" + i);
    }
    five[5] = policy("p", toServer("web"), references);
    five[6] = deny("q", toServer("web"), references);
    Server message = message(five);
    assertThat(message.getAuthorizationsList()).isEmpty();
    assertThat(message.getSignetDenials(0).getSignetTokensList()).isEmpty();
  }

  @Test
  void anAuthenticationWithoutKeysStaysWithTheReason() {
    PolicyIndex index =
        index(
            objects(
                policy("p", toServer("web"), jwt("a")),
                tokens("a", new KeySource.Held(false, "keys", "jwks.json"))));
    JwtAuthentication first = message(index).getSignetJwtAuthentications(0);
    assertThat(first.getKeySet().getJwks()).isEmpty();
    assertThat(first.getKeySet().getUnavailable()).isEqualTo("there is no ConfigMap shop/keys");
    assertThat(index.apply(List.of(configMap("keys", keys("k"))), List.of()).generation())
        .isEqualTo(index.generation());
    assertThat(message(index).getSignetJwtAuthentications(0).getKeySet().getJwks())
        .isEqualTo(keys("k").jwks());
  }

  @Test
  void anEditReachesExactlyThePortsThatUseIt() {
    PolicyIndex index =
        index(
            objects(
                policy("p", toServer("web"), jwt("a")),
                tokens("a", new KeySource.Held(true, "keys", "jwks.json")),
                fetched("b", "x"),
                pod("other", Map.of("app", "other")),
                server("other", 8080, Map.of("app", "other")),
                policy("q", toServer("other"), jwt("b"))));
    Recorder web = new Recorder();
    Recorder other = new Recorder();
    index.watch(WEB, 8080, web);
    index.watch(ObjectRef.pod(NS, "other"), 8080, other);
    assertThat(web.seen).hasSize(1);
    JwtModel.Holder secret =
        new JwtModel.Holder(
            new ObjectRef(ObjectRef.Kind.SECRET, NS, "keys"), "", Map.of("jwks.json", keys("s")));
    index.apply(List.of(secret, configMap("keys", keys("c"))), List.of());
    assertThat(web.seen).hasSize(2);
    assertThat(other.seen).hasSize(1);
    index.apply(List.of(fetchedKeys("b", "x", keys("f"))), List.of());
    assertThat(web.seen).hasSize(2);
    assertThat(other.seen).hasSize(2);
    assertThat(index.tokens(WEB)).containsExactly("shop/a");
    index.apply(List.of(), List.of(secret.ref()));
    assertThat(web.seen).hasSize(3);
  }

  @Test
  void keysOfAnotherLocationDoNotCount() {
    PolicyIndex index =
        index(
            objects(
                policy("p", toServer("web"), jwt("b")),
                fetched("b", "x"),
                fetchedKeys("b", "x", keys("f"))));
    var set = message(index).getSignetJwtAuthentications(0).getKeySet();
    assertThat(set.getJwks()).isEqualTo(keys("f").jwks());
    assertThat(set.getExpiresAt().getSeconds()).isEqualTo(START.getEpochSecond() + 86_400);
    index.apply(List.of(fetched("b", "y")), List.of());
    assertThat(message(index).getSignetJwtAuthentications(0).getKeySet().getUnavailable())
        .isEqualTo("the keys have not been fetched yet");
  }

  @Test
  void aProxyThatDoesNotKnowTokensGetsNoGrantWithThemAndWiderDenials() {
    EffectivePolicy policy =
        index(
                objects(
                    policy("open", toServer("web")),
                    policy("p", toServer("web"), jwt("a")),
                    deny("q", toServer("web"), jwt("a")),
                    audited(policy("r", toServer("web"), jwt("b"))),
                    tokens("a"),
                    tokens("b")))
            .policy(WEB, 8080)
            .orElseThrow();
    Server plain = policy.rendered(PolicyFeatures.of(List.of("generation", "deny", "trial")));
    assertThat(plain.getAuthorizationsList())
        .extracting(authz -> authz.getLabelsOrThrow("name"))
        .containsExactly("open");
    assertThat(plain.getSignetDenialsList())
        .singleElement()
        .matches(denial -> denial.getSignetTokensCount() == 0);
    assertThat(named(plain)).isEmpty();
    assertThat(plain.hasSignetTrial()).isFalse();
    assertThat(policy.rendered(PolicyFeatures.NONE).getAuthorizationsList()).isEmpty();
    Server knowing = policy.rendered(PolicyFeatures.of(List.of("deny", "trial", "jwt")));
    assertThat(knowing).isEqualTo(policy.server());
  }

  @Test
  void aManifestBecomesItsMessage() {
    String manifest =
        """
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: JWTAuthentication
        metadata: {name: a, namespace: shop}
        spec:
          issuer: https://id.example
          audiences: [b, a]
          keys: {discovery: 'https://id.example/.well-known/openid-configuration', maxAge: 1h}
          algorithms: [RS256, ES256]
          from: [{header: X-Token}, {header: Authorization}, {cookie: c}, {queryParameter: q}]
          clockSkew: 1500ms
          maxTokenAge: 1h
          claims:
          - {path: [kubernetes.io, ns], anyOf: [shop, 1, true]}
          boundTo: Certificate
          forward: {stripToken: true, claims: [{path: [sub], header: X-User}]}
          errorDetail: true
        """;
    var manifests = new ManifestReader(AdmissionRules::check).read("m.yaml", manifest);
    ClusterView view = ClusterView.of(1, manifests.objects().values(), manifests.positions());
    ObjectRef ref = new ObjectRef(ObjectRef.Kind.JWT_AUTHENTICATION, NS, "a");
    JwtModel.Authentication model =
        (JwtModel.Authentication) new PolicyModel(CONFIG::identity).read(view, ref).orElseThrow();
    assertThat(model.keys())
        .isEqualTo(
            new KeySource.Fetched(
                DocumentLocation.discovery(
                    "https://id.example/.well-known/openid-configuration",
                    "https://id.example",
                    ""),
                Duration.ofMinutes(5),
                Duration.ofHours(1)));
    assertThat(model.message())
        .isEqualTo(
            JwtAuthentication.newBuilder()
                .setName("shop/a")
                .setIssuer("https://id.example")
                .addAllAudiences(List.of("a", "b"))
                .addAllAlgorithms(List.of("ES256", "RS256"))
                .addLocations(header("x-token", ""))
                .addLocations(header("authorization", "Bearer "))
                .addLocations(TokenLocation.newBuilder().setCookie("c"))
                .addLocations(TokenLocation.newBuilder().setQueryParameter("q"))
                .setClockSkew(
                    com.google.protobuf.Duration.newBuilder().setSeconds(1).setNanos(500_000_000))
                .setMaxTokenAge(com.google.protobuf.Duration.newBuilder().setSeconds(3_600))
                .addClaims(
                    ClaimRule.newBuilder()
                        .addAllPath(List.of("kubernetes.io", "ns"))
                        .setAnyOf(
                            ClaimRule.Values.newBuilder()
                                .addValues(ClaimValue.newBuilder().setText("shop"))
                                .addValues(ClaimValue.newBuilder().setNumber("1"))
                                .addValues(ClaimValue.newBuilder().setTruth(true))))
                .setBoundTo(JwtAuthentication.Binding.BINDING_CERTIFICATE)
                .setForwarding(
                    TokenForwarding.newBuilder()
                        .setStrip(true)
                        .addClaims(
                            TokenForwarding.ClaimHeader.newBuilder()
                                .addPath("sub")
                                .setHeader("x-user")))
                .setErrorDetail(true)
                .build());
  }

  private static TokenLocation header(String name, String prefix) {
    return TokenLocation.newBuilder()
        .setHeader(TokenLocation.Header.newBuilder().setName(name).setPrefix(prefix))
        .build();
  }

  private static final class Recorder implements PortListener {
    final List<EffectivePolicy> seen = new ArrayList<>();

    @Override
    public void onPolicy(EffectivePolicy policy) {
      seen.add(policy);
    }

    @Override
    public void onWorkloadGone() {}
  }
}
