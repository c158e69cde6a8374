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

  /** The file of a journal and its collector are not the pod's to say. */
  @Test
  void whatIsNotKnownIsAnErrorAndDoesNotReachTheProxy() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> AuditAnnotations.variables(Map.of("config.signetmesh.io/audit-file", "/x")))
        .withMessageContaining("audit-file: expected one of");
  }
}
