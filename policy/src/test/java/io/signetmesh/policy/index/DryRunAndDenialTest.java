package io.signetmesh.policy.index;

import static io.signetmesh.policy.TestPolicies.CONFIG;
import static io.signetmesh.policy.TestPolicies.NS;
import static io.signetmesh.policy.TestPolicies.START;
import static io.signetmesh.policy.TestPolicies.WEB;
import static io.signetmesh.policy.TestPolicies.audited;
import static io.signetmesh.policy.TestPolicies.deny;
import static io.signetmesh.policy.TestPolicies.identities;
import static io.signetmesh.policy.TestPolicies.index;
import static io.signetmesh.policy.TestPolicies.meshTls;
import static io.signetmesh.policy.TestPolicies.network;
import static io.signetmesh.policy.TestPolicies.networks;
import static io.signetmesh.policy.TestPolicies.pod;
import static io.signetmesh.policy.TestPolicies.policy;
import static io.signetmesh.policy.TestPolicies.rateLimit;
import static io.signetmesh.policy.TestPolicies.route;
import static io.signetmesh.policy.TestPolicies.server;
import static io.signetmesh.policy.TestPolicies.serviceAccount;
import static io.signetmesh.policy.TestPolicies.speaking;
import static io.signetmesh.policy.TestPolicies.toNamespace;
import static io.signetmesh.policy.TestPolicies.toRoute;
import static io.signetmesh.policy.TestPolicies.toServer;
import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicyFeatures;
import io.signetmesh.policy.effective.PolicySource;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RateLimitModel;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Dry runs, denials and limits: objects in, message out. */
final class DryRunAndDenialTest {
  private static final Map<String, String> APP = Map.of("app", "web");
  private static final WorkloadModel POD = pod("web", APP);
  private static final ServerModel SERVER = server("web", 8080, APP);

  @Nested
  final class DryRuns {
    @Test
    void withoutAuditModeThereIsNoDryRun() {
      assertThat(
              at(index(CONFIG, POD, SERVER, policy("p", toServer("web"))), 8080).hasSignetTrial())
          .isFalse();
    }

    @Test
    void anAuthorizationInAuditModeGrantsOnlyInTheDryRun() {
      Server message = at(index(CONFIG, POD, SERVER, audited(policy("p", toServer("web")))), 8080);
      assertThat(message.getAuthorizationsList()).isEmpty();
      assertThat(names(message.getSignetTrial().getAuthorizationsList())).containsExactly("p");
      assertThat(message.getSignetTrial().getSignetGeneration()).isZero();
    }

    @Test
    void aPolicyInAuditModeThatComesToNothingIsNoDryRun() {
      assertThat(
              at(
                      index(
                          CONFIG,
                          POD,
                          SERVER,
                          audited(policy("p", toServer("web"), meshTls("missing")))),
                      8080)
                  .hasSignetTrial())
          .isFalse();
    }

    @Test
    void aServerInAuditModeLeavesItsPortToTheDefaultAndTakesItInTheDryRun() {
      PolicyIndex index =
          index(
              CONFIG.withDefaultPolicy(AccessPolicy.ALL_UNAUTHENTICATED),
              POD,
              audited(SERVER),
              policy("p", toServer("web")));
      Server message = at(index, 8080);
      assertThat(message.getLabelsOrThrow("kind")).isEqualTo("default");
      assertThat(message.getSignetTrial().getLabelsOrThrow("name")).isEqualTo("web");
      assertThat(names(message.getSignetTrial().getAuthorizationsList())).containsExactly("p");
      assertThat(index.policy(WEB, 8080).orElseThrow().sources())
          .containsExactly(
              new PolicySource(SERVER.ref(), EnforcementMode.AUDIT),
              new PolicySource(policy("p", toServer("web")).ref(), EnforcementMode.AUDIT));
    }

    @Test
    void aTriedServerLeavesItsPortToTheNextServer() {
      ServerModel younger =
          server(
              "young",
              new ServerModel.Port.ByNumber(8080),
              APP,
              START.plusSeconds(1),
              AccessPolicy.DENY);
      Server message = at(index(CONFIG, POD, audited(SERVER), younger), 8080);
      assertThat(message.getLabelsOrThrow("name")).isEqualTo("young");
      assertThat(message.getSignetTrial().getLabelsOrThrow("name")).isEqualTo("web");
      // Younger than the enforced one, the one in dry run would not get the port.
      message = at(index(CONFIG, POD, SERVER, audited(younger)), 8080);
      assertThat(message.getLabelsOrThrow("name")).isEqualTo("web");
      assertThat(message.hasSignetTrial()).isFalse();
    }

    @Test
    void allThatIsTriedIsTriedTogether() {
      Server message =
          at(
              index(
                  CONFIG,
                  POD,
                  SERVER,
                  policy("enforced", toServer("web")),
                  audited(policy("tried", toServer("web"))),
                  audited(deny("no", toNamespace(NS), network("office"))),
                  networks("office", "10.0.0.0/8")),
              8080);
      assertThat(names(message.getAuthorizationsList())).containsExactly("enforced");
      assertThat(message.getSignetDenialsList()).isEmpty();
      assertThat(names(message.getSignetTrial().getAuthorizationsList()))
          .containsExactly("enforced", "tried");
      assertThat(names(message.getSignetTrial().getSignetDenialsList())).containsExactly("no");
    }

    @Test
    void proxiesThatDoNotKnowDryRunsGetNone() {
      EffectivePolicy policy =
          index(CONFIG, POD, SERVER, audited(policy("p", toServer("web"))))
              .policy(WEB, 8080)
              .orElseThrow();
      assertThat(policy.message(PolicyFeatures.ALL)).isEqualTo(policy.stamped());
      assertThat(policy.message(PolicyFeatures.of(List.of("generation", "deny", "?"))))
          .isEqualTo(policy.stamped().toBuilder().clearSignetTrial().build());
      assertThat(policy.message(PolicyFeatures.NONE))
          .isEqualTo(policy.server().toBuilder().clearSignetTrial().build());
    }
  }

  @Nested
  final class Denials {
    @Test
    void aServerIsDenied() {
      Server message =
          at(
              index(
                  CONFIG,
                  POD,
                  SERVER,
                  policy("p", toServer("web")),
                  deny("no", toServer("web"), meshTls("m")),
                  deny("other", toServer("api"), meshTls("m")),
                  identities("m", "a.b", "*.c")),
              8080);
      assertThat(message.getSignetDenialsList()).hasSize(1);
      Authz denial = message.getSignetDenials(0);
      assertThat(denial.getMetadata().getResource().getGroup()).isEqualTo("policy.signetmesh.io");
      assertThat(denial.getMetadata().getResource().getKind()).isEqualTo("denypolicy");
      assertThat(denial.getAuthentication().getMeshTLS().getIdentities().getIdentities(0).getName())
          .isEqualTo("a.b");
    }

    /** Certificates of the mesh have both, the DNS name first. */
    @Test
    void aSpiffeIdOfTheMeshDeniesTheWorkloadByItsDnsNameToo() {
      String own = "spiffe://cluster.local/ns/shop/sa/batch";
      String foreign = "spiffe://other.example/ns/shop/sa/batch";
      List<PolicyObject> objects =
          List.of(
              POD,
              SERVER,
              policy("p", toServer("web"), serviceAccount("batch"), network("n")),
              networks("n", "10.0.0.0/8"),
              identities("m", own, foreign, "spiffe://cluster.local/device/7"));
      assertThat(
              denial(deny("no", toServer("web"), meshTls("m")), objects.getLast())
                  .getAuthentication()
                  .getMeshTLS()
                  .getIdentities()
                  .getIdentitiesList())
          .extracting(Identity::getName)
          .containsExactlyInAnyOrder(
              own,
              foreign,
              "spiffe://cluster.local/device/7",
              "batch.shop.serviceaccount.identity.signet.cluster.local");
      List<PolicyObject> denied = new ArrayList<>(objects);
      denied.add(deny("no", toServer("web"), meshTls("m")));
      // A proxy that knows no denials loses the grant.
      assertThat(legacy(objects).getAuthorizationsList()).hasSize(1);
      assertThat(legacy(denied).getAuthorizationsList()).isEmpty();
    }

    private static Server legacy(List<PolicyObject> objects) {
      return index(CONFIG, objects.toArray(PolicyObject[]::new))
          .policy(WEB, 8080)
          .orElseThrow()
          .message(PolicyFeatures.NONE);
    }

    @Test
    void aNamespaceIsDeniedOnEveryPort() {
      PolicyIndex index = index(CONFIG, POD, SERVER, deny("no", toNamespace(NS)));
      assertThat(names(at(index, 8080).getSignetDenialsList())).containsExactly("no");
      assertThat(names(at(index, 7777).getSignetDenialsList())).containsExactly("no");
    }

    @Test
    void aRouteIsDenied() {
      Server message =
          at(
              index(
                  CONFIG,
                  POD,
                  SERVER,
                  route("api", "web"),
                  deny("no", toRoute("API"), serviceAccount("front"))),
              8080);
      assertThat(message.getSignetDenialsList()).isEmpty();
      assertThat(names(message.getProtocol().getDetect().getHttpRoutes(0).getSignetDenialsList()))
          .containsExactly("no");
    }

    @Test
    void whatIsMissingOrNotUnderstoodCountsAsMet() {
      Authz everyone = denial(deny("no", toServer("web")));
      for (Reference reference :
          List.of(
              meshTls("missing"),
              network("missing"),
              new Reference("policy.signetmesh.io", "JWTAuthentication", null, "j"))) {
        assertThat(denial(deny("no", toServer("web"), reference))).isEqualTo(everyone);
      }
      assertThat(
              denial(
                  deny("no", toServer("web"), meshTls("missing"), network("n")),
                  networks("n", "10.0.0.0/8")))
          .isEqualTo(
              denial(deny("no", toServer("web"), network("n")), networks("n", "10.0.0.0/8")));
    }

    @Test
    void anIdentityThatIsNoneRefusesEveryoneAndGrantsNoOne() {
      Authz everyone = denial(deny("no", toServer("web")));
      assertThat(denial(deny("no", toServer("web"), meshTls("m")), identities("m", "*.", "a.b")))
          .isEqualTo(everyone);
      PolicyIndex index =
          index(
              CONFIG,
              POD,
              SERVER,
              policy("p", toServer("web"), meshTls("m")),
              identities("m", "*."));
      assertThat(
              at(index, 8080)
                  .getAuthorizations(0)
                  .getAuthentication()
                  .getMeshTLS()
                  .getIdentities()
                  .getSuffixesList())
          .isEmpty();
    }

    @Test
    void foldingManyNetworksTakesLittleTimeAndGrantsNoMore() {
      List<PolicyObject> objects = new java.util.ArrayList<>(List.of(POD, SERVER));
      for (int i = 0; i < 50; i++) {
        objects.add(policy("p" + i, toServer("web")));
      }
      String[] denied =
          java.util.stream.IntStream.range(0, 6_000)
              .mapToObj(i -> "10." + i / 250 + "." + i % 250 + ".1/32")
              .toArray(String[]::new);
      objects.add(networks("n", denied));
      objects.add(deny("no", toServer("web"), network("n")));
      EffectivePolicy policy =
          index(CONFIG, objects.toArray(PolicyObject[]::new)).policy(WEB, 8080).orElseThrow();
      Server plain =
          org.junit.jupiter.api.Assertions.assertTimeout(
              java.time.Duration.ofSeconds(20), () -> policy.rendered(PolicyFeatures.NONE));
      assertThat(plain.getAuthorizationsList()).isEmpty();
    }

    private Authz denial(PolicyObject... objects) {
      PolicyIndex index = index(CONFIG, POD, SERVER);
      index.apply(List.of(objects), List.of());
      return at(index, 8080).getSignetDenials(0);
    }
  }

  @Nested
  final class Touched {
    private final ServerModel api = server("api", 9990, APP);
    private final PolicyIndex index = index(CONFIG, POD, SERVER, api, networks("n", "10.0.0.0/8"));

    Touched() {
      for (int port : new int[] {8080, 9990, 7777, 7778}) {
        index.watch(
            WEB,
            port,
            new PortListener() {
              @Override
              public void onPolicy(EffectivePolicy policy) {}

              @Override
              public void onWorkloadGone() {}
            });
      }
    }

    @Test
    void aDenialOfAServerTouchesItsPortsOnly() {
      assertTouched(deny("no", toServer("web"), network("n")), 1, 1);
      assertTouched(networks("n", "10.1.0.0/16"), 1, 1);
      assertTouched(audited(deny("no", toServer("web"), network("n"))), 1, 1);
    }

    @Test
    void aDenialOfTheNamespaceTouchesEveryPort() {
      assertTouched(deny("no", toNamespace(NS), network("n")), 4, 4);
      assertTouched(networks("n", "10.1.0.0/16"), 4, 4);
    }

    @Test
    void aGrantOfTheNamespaceTouchesPortsWithAServer() {
      assertTouched(policy("p", toNamespace(NS), network("n")), 2, 2);
    }

    @Test
    void aRateLimitTouchesItsServerOnly() {
      assertTouched(rateLimit("r", "web", 10L, null), 1, 1);
      // The younger one does not count.
      assertTouched(rateLimit("s", "web", 20L, null), 1, 0);
      assertTouched(rateLimit("t", "nowhere", 20L, null), 0, 0);
    }

    @Test
    void aTriedServerTouchesTheWorkloadsItSelects() {
      assertTouched(audited(server("tried", 7777, APP)), 4, 1);
    }

    private void assertTouched(PolicyObject object, int evaluated, int touched) {
      AppliedChange change = index.apply(List.of(object), List.of());
      assertThat(change.portsEvaluated()).as("evaluated").isEqualTo(evaluated);
      assertThat(change.portsTouched()).as("touched").isEqualTo(touched);
    }
  }

  @Nested
  final class RateLimits {
    private final RateLimitModel limits =
        new RateLimitModel(
            new ObjectRef(ObjectRef.Kind.RATE_LIMIT_POLICY, NS, "limits"),
            "",
            START,
            toServer("web"),
            100L,
            10L,
            List.of(
                new RateLimitModel.ClientLimit(
                    50,
                    List.of(
                        serviceAccount("front"),
                        new Reference("", "ServiceAccount", "other", "back"),
                        meshTls("m")))));

    @Test
    void theWholeOfItIsSent() {
      HttpLocalRateLimit message =
          at(index(CONFIG, POD, SERVER, limits), 8080)
              .getProtocol()
              .getDetect()
              .getHttpLocalRateLimit();
      assertThat(message.getMetadata().getResource().getKind())
          .isEqualTo("HTTPLocalRateLimitPolicy");
      assertThat(message.getMetadata().getResource().getName()).isEqualTo("limits");
      assertThat(message.getTotal().getRequestsPerSecond()).isEqualTo(100);
      assertThat(message.getIdentity().getRequestsPerSecond()).isEqualTo(10);
      assertThat(message.getOverridesList()).hasSize(1);
      assertThat(message.getOverrides(0).getLimit().getRequestsPerSecond()).isEqualTo(50);
      assertThat(message.getOverrides(0).getClients().getIdentitiesList())
          .extracting(identity -> identity.getName())
          .containsExactly(CONFIG.identity("back", "other"), CONFIG.identity("front", NS));
    }

    @Test
    void everyHttpProtocolIsLimited() {
      assertThat(protocol(ProxyProtocol.HTTP_1).getHttp1().hasLocalRateLimit()).isTrue();
      assertThat(protocol(ProxyProtocol.HTTP_2).getHttp2().hasLocalRateLimit()).isTrue();
      assertThat(protocol(ProxyProtocol.GRPC).getGrpc().hasSignetLocalRateLimit()).isTrue();
      assertThat(protocol(ProxyProtocol.OPAQUE).hasOpaque()).isTrue();
    }

    @Test
    void theOldestCounts() {
      PolicyIndex index =
          index(CONFIG, POD, SERVER, limits, rateLimit("a", "web", 7L, START.plusSeconds(1)));
      assertThat(total(index)).isEqualTo(100);
      index.apply(List.of(rateLimit("a", "web", 7L, START)), List.of());
      assertThat(total(index)).as("then the first by name").isEqualTo(7);
      index.apply(List.of(rateLimit("z", "web", 8L, null)), List.of());
      assertThat(total(index)).as("no time sorts first").isEqualTo(8);
    }

    private int total(PolicyIndex index) {
      return at(index, 8080)
          .getProtocol()
          .getDetect()
          .getHttpLocalRateLimit()
          .getTotal()
          .getRequestsPerSecond();
    }

    private io.linkerd.proxy.inbound.ProxyProtocol protocol(ProxyProtocol protocol) {
      return at(index(CONFIG, POD, speaking(SERVER, protocol), limits), 8080).getProtocol();
    }
  }

  private static Server at(PolicyIndex index, int port) {
    return index.policy(WEB, port).orElseThrow().server();
  }

  private static List<String> names(List<Authz> authz) {
    return authz.stream().map(one -> one.getMetadata().getResource().getName()).toList();
  }
}
