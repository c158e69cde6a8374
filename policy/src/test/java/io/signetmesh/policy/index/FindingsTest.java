package io.signetmesh.policy.index;

import static io.signetmesh.policy.index.Facts.CONFIG;
import static io.signetmesh.policy.index.Facts.NS;
import static io.signetmesh.policy.index.Facts.START;
import static io.signetmesh.policy.index.Facts.identities;
import static io.signetmesh.policy.index.Facts.index;
import static io.signetmesh.policy.index.Facts.meshTls;
import static io.signetmesh.policy.index.Facts.network;
import static io.signetmesh.policy.index.Facts.networks;
import static io.signetmesh.policy.index.Facts.pod;
import static io.signetmesh.policy.index.Facts.policy;
import static io.signetmesh.policy.index.Facts.server;
import static io.signetmesh.policy.index.Facts.serverAuthorization;
import static io.signetmesh.policy.index.Facts.serviceAccount;
import static io.signetmesh.policy.index.Facts.toNamespace;
import static io.signetmesh.policy.index.Facts.toServer;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.network.Cidr;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.NetworkFact;
import io.signetmesh.policy.facts.NetworkMatch;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.PolicyAnnotations;
import io.signetmesh.policy.facts.ServerAuthorizationFact;
import io.signetmesh.policy.facts.ServiceAccountFact;
import io.signetmesh.policy.facts.UnusableFact;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the controller says about objects that are wrong or hardly meant. */
final class FindingsTest {
  private static final Map<String, String> APP = Map.of("app", "web");
  private static final List<Fact> SOUND = List.of(pod("web", APP), server("web", 8080, APP));

  @Test
  void soundObjectsHaveNone() {
    assertThat(
            findings(
                policy("p", toServer("web"), meshTls("m")), identities("m", "a.b", "*.c", "*")))
        .isEmpty();
  }

  @Test
  void aTypoInATargetIsNamedWithWhatWasMeant() {
    assertThat(findings(policy("p", toServer("wbe"))))
        .containsExactly(
            "ERROR dangling-reference AuthorizationPolicy shop/p: spec.targetRef is"
                + " policy.linkerd.io/Server wbe, but namespace shop has no such object (there is a"
                + " Server web); it grants nothing");
  }

  @Test
  void aMissingAuthenticationIsNamed() {
    assertThat(findings(policy("p", toServer("web"), network("office"))))
        .containsExactly(
            "ERROR dangling-reference AuthorizationPolicy shop/p: requires"
                + " policy.linkerd.io/NetworkAuthentication office, but there is no"
                + " NetworkAuthentication shop/office; it grants nothing");
  }

  @Test
  void anObjectThatIsNotUnderstoodIsNamed() {
    assertThat(
            findings(
                new UnusableFact(
                    new ObjectRef(ObjectRef.Kind.NETWORK_AUTHENTICATION, NS, "n"),
                    "net.yaml:3:1",
                    "spec.networks[0].cidr: \"10/8\" is not a network")))
        .containsExactly(
            "ERROR not-understood net.yaml:3:1: NetworkAuthentication shop/n:"
                + " spec.networks[0].cidr: \"10/8\" is not a network; it grants nothing");
  }

  @Test
  void aTargetThatPolicyCannotHaveIsNamed() {
    assertThat(findings(policy("p", toNamespace("elsewhere"))))
        .singleElement()
        .asString()
        .startsWith(
            "ERROR bad-target AuthorizationPolicy shop/p: spec.targetRef is core/Namespace");
  }

  @Test
  void twoAuthenticationsOfAKindAreNamed() {
    assertThat(findings(policy("p", toServer("web"), serviceAccount("a"), serviceAccount("b"))))
        .singleElement()
        .asString()
        .contains("bad-authentications")
        .contains("name 2 MeshTLSAuthentications or ServiceAccounts: expected at most one");
  }

  @Test
  void aServiceAccountThatIsNotThereIsNamedWhereAccountsAreListed() {
    Fact account =
        new ServiceAccountFact(new ObjectRef(ObjectRef.Kind.SERVICE_ACCOUNT, NS, "front"), "");
    assertThat(findings(policy("p", toServer("web"), serviceAccount("frnt")))).isEmpty();
    assertThat(findings(account, policy("p", toServer("web"), serviceAccount("frnt"))))
        .containsExactly(
            "WARNING dangling-reference AuthorizationPolicy shop/p: refers to ServiceAccount"
                + " shop/frnt, which is not there");
  }

  @Test
  void twoServersOnOnePortAreNamed() {
    Fact younger =
        Facts.server(
            "young",
            new io.signetmesh.policy.facts.ServerFact.Port.ByName("http"),
            APP,
            START.plusSeconds(1),
            io.signetmesh.crds.policy.AccessPolicy.DENY);
    assertThat(findings(younger))
        .containsExactly(
            "WARNING port-conflict Server shop/young: port 8080 of Pod shop/web belongs to the"
                + " older Server shop/web; this Server has no effect there");
  }

  @Test
  void aServerThatSelectsNothingIsNamed() {
    assertThat(findings(server("api", 80, Map.of("app", "api"))))
        .containsExactly(
            "WARNING selects-nothing Server shop/api: spec.podSelector selects no workload of"
                + " namespace shop");
  }

  @Test
  void networksThatNobodyIsInAreNamed() {
    NetworkFact empty =
        new NetworkFact(
            new ObjectRef(ObjectRef.Kind.NETWORK_AUTHENTICATION, NS, "n"),
            "",
            List.of(new NetworkMatch(Cidr.parse("10.0.0.0/8"), List.of(Cidr.parse("0.0.0.0/0")))));
    assertThat(findings(empty, policy("p", toServer("web"), network("n"))))
        .containsExactly(
            "ERROR never-matches AuthorizationPolicy shop/p: its NetworkAuthentication leaves no"
                + " address after its exceptions; it grants nothing",
            "WARNING never-matches NetworkAuthentication shop/n: spec.networks: the exceptions of"
                + " 10.0.0.0/8 leave no address");
    assertThat(findings(networks("m", "10.0.0.0/8"))).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"Front.shop", "a.*.b", "front.shop."})
  void anIdentityThatNoCertificateHasIsNamed(String identity) {
    assertThat(findings(identities("m", identity)))
        .singleElement()
        .asString()
        .contains("never-matches")
        .contains("\"" + identity + "\"");
  }

  @Test
  void aServerAuthorizationWithoutAuthenticationIsNamed() {
    assertThat(findings(serverAuthorization("a", "web", false, null)))
        .singleElement()
        .asString()
        .contains("says nothing about authentication");
    assertThat(
            findings(
                serverAuthorization(
                    "a",
                    "web",
                    true,
                    new ServerAuthorizationFact.MeshTls(true, List.of(), List.of()))))
        .singleElement()
        .asString()
        .contains("unauthenticated: true together with meshTLS");
  }

  @Test
  void anAnnotationThatCannotBeReadIsNamed() {
    List<Fact> facts =
        List.of(pod("api", Map.of(), new PolicyAnnotations("allow", "80-70", "x_y")));
    assertThat(findings(facts.toArray(Fact[]::new)))
        .satisfiesExactly(
            f -> assertThat(f).contains("default-inbound-policy is \"allow\"").contains("deny"),
            f -> assertThat(f).contains("opaque-ports has \"80-70\""),
            f -> assertThat(f).contains("on all ports").contains("\"x_y\""));
  }

  @ParameterizedTest
  @CsvSource({
    "web,web,false",
    "web,wbe,true",
    "web,weeb,true",
    "web,we,true",
    "web,wab,true",
    "web,bew,false",
    "web,w,false",
    "abcd,badc,false",
    "a,b,true",
  })
  void aSlipOfThePenIsOneEdit(String left, String right, boolean slip) {
    assertThat(Findings.oneEditApart(left, right)).isEqualTo(slip);
    assertThat(Findings.oneEditApart(right, left)).isEqualTo(slip);
  }

  private static List<String> findings(Fact... more) {
    List<Fact> facts = new ArrayList<>(SOUND);
    facts.addAll(List.of(more));
    return index(CONFIG, facts.toArray(Fact[]::new)).findings().stream()
        .map(finding -> finding.severity() + " " + finding.rule().text() + " " + finding)
        .toList();
  }
}
