package io.signetmesh.cli.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Map;
import org.junit.jupiter.api.Test;

final class AuditAnnotationsTest {
  @Test
  void setTheVariablesOfTheProxy() {
    assertThat(
            AuditAnnotations.variables(
                Map.of("config.signetmesh.io/audit-unavailable", "block", "other", "x")))
        .containsExactly(Map.entry("SIGNET_PROXY_AUDIT_UNAVAILABLE", "block"));
  }

  @Test
  void aWrongValueIsNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> AuditAnnotations.variables(Map.of("config.signetmesh.io/audit-unavailable", "b")))
        .withMessage(
            "annotation config.signetmesh.io/audit-unavailable='b': expected continue or block");
  }

  @Test
  void whatTheHostSetsCanBeMadeStricterOnly() {
    Map<String, String> host =
        Map.of(
            "SIGNET_PROXY_AUDIT_UNAVAILABLE", "block", "SIGNET_PROXY_AUDIT_ALLOWS", "first-seen");
    assertThat(AuditAnnotations.variables(Map.of(), host)).isEmpty();
    assertThat(AuditAnnotations.variables(Map.of("config.signetmesh.io/audit-allows", "all"), host))
        .containsExactly(Map.entry("SIGNET_PROXY_AUDIT_ALLOWS", "all"));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                AuditAnnotations.variables(
                    Map.of("config.signetmesh.io/audit-unavailable", "continue"), host))
        .withMessage(
            "annotation config.signetmesh.io/audit-unavailable='continue': expected nothing weaker"
                + " than SIGNET_PROXY_AUDIT_UNAVAILABLE=block of the host");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                AuditAnnotations.variables(
                    Map.of("config.signetmesh.io/audit-allows", "sampled"), host))
        .withMessageContaining("audit-allows='sampled': expected nothing weaker");
    // A host that sets nothing demands nothing.
    assertThat(
            AuditAnnotations.variables(
                Map.of("config.signetmesh.io/audit-allows", "sampled"), Map.of()))
        .hasSize(1);
  }

  @Test
  void aHostsSampleAndWindowCanOnlyBecomeSmaller() {
    Map<String, String> host =
        Map.of("SIGNET_PROXY_AUDIT_SAMPLE", "10", "SIGNET_PROXY_AUDIT_WINDOW", "10s");
    assertThat(
            AuditAnnotations.variables(
                Map.of(
                    "config.signetmesh.io/audit-sample",
                    "2",
                    "config.signetmesh.io/audit-window",
                    "5s"),
                host))
        .hasSize(2);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                AuditAnnotations.variables(Map.of("config.signetmesh.io/audit-sample", "11"), host))
        .withMessageContaining("audit-sample='11'");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                AuditAnnotations.variables(
                    Map.of("config.signetmesh.io/audit-window", "11s"), host))
        .withMessageContaining("audit-window='11s'");
  }

  /** The file of a journal and its collector are not the pod's to say. */
  @Test
  void whatIsNotKnownIsAnErrorAndDoesNotReachTheProxy() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> AuditAnnotations.variables(Map.of("config.signetmesh.io/audit-file", "/x")))
        .withMessageContaining("audit-file: expected one of");
  }
}
