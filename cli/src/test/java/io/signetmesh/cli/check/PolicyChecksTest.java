package io.signetmesh.cli.check;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Timestamp;
import io.signetmesh.cli.check.CheckResult.Level;
import io.signetmesh.v1.BundleStatus;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.KeySetStatus;
import io.signetmesh.v1.ObjectReach;
import io.signetmesh.v1.ObjectStatus;
import io.signetmesh.v1.PolicyObject;
import io.signetmesh.v1.PortStatus;
import java.util.List;
import org.junit.jupiter.api.Test;

class PolicyChecksTest {
  private static final Timestamp TIME = Timestamp.newBuilder().setSeconds(1_800_000_000).build();

  private static CheckResult only(EnforcementStatus.Builder status, String check) {
    List<CheckResult> found =
        PolicyChecks.of(status.build()).stream()
            .filter(result -> result.name().equals(check))
            .toList();
    assertThat(found).hasSize(1);
    return found.getFirst();
  }

  private static PortStatus.Builder port(String name, boolean inForce) {
    return PortStatus.newBuilder()
        .setNamespace("shop")
        .setName(name)
        .setPort(8080)
        .setConnected(true)
        .setInForce(inForce);
  }

  @Test
  void aMeshInOrderHasNothingToLookAt() {
    EnforcementStatus.Builder status =
        EnforcementStatus.newBuilder().setCurrentGeneration(7).addPorts(port("web", true));

    assertThat(PolicyChecks.of(status.build()))
        .allSatisfy(
            result -> {
              assertThat(result.level()).isEqualTo(Level.OK);
              assertThat(result.hint()).isEmpty();
            })
        .extracting(CheckResult::text)
        .contains("generation 7 is in force on 1 of 1 ports of connected proxies");
  }

  @Test
  void aPortThatIsBehindIsNamedWithWhatItsProxyRefuses() {
    CheckResult result =
        only(
            EnforcementStatus.newBuilder()
                .addPorts(port("web", true))
                .addPorts(port("api", false).setRefusal("route 3 has no match"))
                .addPorts(port("gone", false).setConnected(false)),
            "policy-in-force");

    assertThat(result.level()).isEqualTo(Level.FAILURE);
    assertThat(result.text())
        .endsWith(
            "on 1 of 2 ports of connected proxies; behind: shop/api:8080 refuses it: route 3 has no match");
    assertThat(result.hint()).contains("signet policy status --ports");
  }

  @Test
  void errorsOfManifestsErrorsOfObjectsAndWarningsAreToldApart() {
    EnforcementStatus.Builder status =
        EnforcementStatus.newBuilder()
            .addFindings("web.yaml:3:1: error: not valid")
            .addFindings("api.yaml:5:1: error: dangling reference")
            .addFindings("api.yaml:9:1: warning: unused");

    CheckResult manifests =
        only(status.clone().setInvalidManifests(1).setPolicyErrors(1), "manifests-valid");
    CheckResult objects =
        only(status.clone().setInvalidManifests(1).setPolicyErrors(1), "policy-objects");

    assertThat(manifests.level()).isEqualTo(Level.FAILURE);
    assertThat(manifests.text()).contains("web.yaml:3:1").doesNotContain("api.yaml");
    assertThat(objects.level()).isEqualTo(Level.FAILURE);
    assertThat(objects.text()).contains("api.yaml:5:1").doesNotContain("unused");
    assertThat(
            only(status.clone().clearFindings().addFindings("x: warning: unused"), "policy-objects")
                .level())
        .isEqualTo(Level.WARNING);
  }

  @Test
  void anObjectThatIsInForceNowhereIsAWarningWithTheReason() {
    CheckResult result =
        only(
            EnforcementStatus.newBuilder()
                .addObjects(
                    ObjectStatus.newBuilder()
                        .setReach(ObjectReach.OBJECT_REACH_NO_PORT)
                        .setReason("no Server web2")
                        .setObject(
                            PolicyObject.newBuilder()
                                .setKind("AuthorizationPolicy")
                                .setNamespace("shop")
                                .setName("web"))),
            "policy-reach");

    assertThat(result.level()).isEqualTo(Level.WARNING);
    assertThat(result.text())
        .isEqualTo(
            "1 of 1 policy objects are in force nowhere: AuthorizationPolicy shop/web (no Server web2)");
  }

  @Test
  void aKeySetIsFreshOrStaleOrUnavailable() {
    KeySetStatus.Builder keys =
        KeySetStatus.newBuilder()
            .setAuthentication("shop/users")
            .setLocation("https://login.test/keys")
            .setKeys(2)
            .setFetchedAt(TIME)
            .setExpiresAt(TIME);

    CheckResult fresh =
        only(EnforcementStatus.newBuilder().addKeySets(keys.setState("fresh")), "key-set");
    CheckResult bad =
        only(
            EnforcementStatus.newBuilder().addKeySets(keys.clone().addBadKeys("key 2 is weak")),
            "key-set");
    CheckResult stale =
        only(
            EnforcementStatus.newBuilder().addKeySets(keys.setState("stale").setError("503")),
            "key-set");
    CheckResult none =
        only(
            EnforcementStatus.newBuilder()
                .addKeySets(
                    keys.setState("a state of a later version").setError("connection refused")),
            "key-set");

    assertThat(fresh.level()).isEqualTo(Level.OK);
    assertThat(fresh.text()).contains("2 keys", "fetched at 2027-01-15T08:00:00Z");
    assertThat(bad.level()).isEqualTo(Level.WARNING);
    assertThat(bad.text()).contains("key 2 is weak");
    assertThat(stale.level()).isEqualTo(Level.WARNING);
    assertThat(stale.text())
        .contains("used until 2027-01-15T08:00:00Z", "cannot be fetched anew: 503");
    assertThat(none.level()).isEqualTo(Level.FAILURE);
    assertThat(none.text()).contains("no token passes: connection refused");
    assertThat(none.hint()).contains("https://login.test/keys");
  }

  @Test
  void aBundleThatIsNotThereFails() {
    CheckResult result =
        only(
            EnforcementStatus.newBuilder()
                .addBundles(
                    BundleStatus.newBuilder()
                        .setAuthentication("shop/rules")
                        .setLocation("file rules.tar.gz")
                        .setState("unavailable")
                        .setError("there is no such file")),
            "bundle");

    assertThat(result.level()).isEqualTo(Level.FAILURE);
    assertThat(result.text())
        .isEqualTo(
            "RegoAuthentication shop/rules: no bundle, so no request passes: there is no such file");
  }

  @Test
  void ofManyOnlyTheFirstAreNamed() {
    assertThat(PolicyChecks.some(List.of("a", "b", "c", "d", "e")))
        .isEqualTo("a; b; c; and 2 more");
  }
}
