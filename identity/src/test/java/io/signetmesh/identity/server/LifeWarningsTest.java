package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.pki.PkiException;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LifeWarningsTest {
  private static final Instant START = Instant.parse("2026-06-01T00:00:00Z");

  @TempDir private Path state;
  private final List<AuditEvent> audit = new ArrayList<>();
  private Instant now = START;

  @Test
  void eachLimitIsToldOnceAlsoOverRestarts() throws Exception {
    X509Certificate anchor = certificate(365);
    List<String> expected = new ArrayList<>();
    for (int left = 365; left >= 1; left--) {
      now = START.plus(Duration.ofDays(365L - left)).plusSeconds(1);
      if (left == 90 || left == 30 || left == 7) {
        expected.add("trust_anchor " + left);
      }
      for (int restarts = 0; restarts < 2; restarts++) {
        try (LifeWarnings warnings = open()) {
          warnings.check(List.of(), List.of(anchor));
          warnings.check(List.of(), List.of(anchor));
        }
      }
      assertThat(told()).as("%d days left", left).isEqualTo(expected);
    }
    assertThat(expected).hasSize(3);
  }

  @Test
  void aServerThatWasDownTellsTheLowestLimitOnly() throws Exception {
    now = START.plus(Duration.ofDays(345));
    try (LifeWarnings warnings = open()) {
      warnings.check(List.of(), List.of(certificate(365)));
    }
    assertThat(told()).containsExactly("trust_anchor 30");
  }

  @Test
  void certificatesThatProgramsRenewAreLeftOut() throws Exception {
    X509Certificate week = certificate(7);
    X509Certificate quarter = certificate(90);
    now = START.plus(Duration.ofDays(6));
    try (LifeWarnings warnings = open()) {
      warnings.check(List.of(week, quarter), List.of(certificate(3_650)));
      assertThat(audit).isEmpty();

      now = START.plus(Duration.ofDays(61));
      warnings.check(List.of(quarter), List.of());
      assertThat(told()).containsExactly("issuer 30");
    }
  }

  @Test
  void anAnchorThatIsInTheChainToldOnceAsAnAnchor() throws Exception {
    X509Certificate anchor = certificate(365);
    now = START.plus(Duration.ofDays(360));
    try (LifeWarnings warnings = open()) {
      warnings.check(List.of(anchor), List.of(anchor));
    }
    assertThat(told()).containsExactly("trust_anchor 7");
  }

  @Test
  void whatWasToldWhileTheClockWasAheadIsToldAgain() throws Exception {
    X509Certificate anchor = certificate(365);
    now = START.plus(Duration.ofDays(3_650));
    try (LifeWarnings warnings = open()) {
      warnings.check(List.of(), List.of(anchor));
    }
    now = START.plus(Duration.ofDays(1));
    try (LifeWarnings warnings = open()) {
      warnings.check(List.of(), List.of(anchor));
    }
    assertThat(told()).containsExactly("trust_anchor 7");
    now = START.plus(Duration.ofDays(276));
    for (int restarts = 0; restarts < 2; restarts++) {
      try (LifeWarnings warnings = open()) {
        warnings.check(List.of(), List.of(anchor));
      }
    }
    assertThat(told()).containsExactly("trust_anchor 7", "trust_anchor 90");
  }

  @Test
  void aClockThatIsPutBackALittleTellsNothingAgain() throws Exception {
    X509Certificate anchor = certificate(365);
    try (LifeWarnings warnings = open()) {
      for (long hours : List.of(1L, -1L, 1L, -23L, 1L)) {
        now = START.plus(Duration.ofDays(275)).plus(Duration.ofHours(hours));
        warnings.check(List.of(), List.of(anchor));
      }
    }
    assertThat(told()).containsExactly("trust_anchor 90");
  }

  private List<String> told() {
    return audit.stream()
        .map(event -> (AdministrativeEvent) event)
        .map(
            event -> {
              assertThat(event.act()).isEqualTo("certificate-ends");
              return event.attributes().get("certificate") + " " + event.attributes().get("days");
            })
        .toList();
  }

  private LifeWarnings open() throws Exception {
    return LifeWarnings.open(state, audit::add, () -> now);
  }

  private static X509Certificate certificate(int days) throws PkiException {
    return CertificateBuilder.anchor(
        "root", KeyKind.P256.generate(), START, START.plus(Duration.ofDays(days)));
  }
}
