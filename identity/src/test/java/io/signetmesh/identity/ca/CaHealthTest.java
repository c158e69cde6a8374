package io.signetmesh.identity.ca;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.ca.CaHealth.Finding;
import io.signetmesh.identity.ca.CaHealth.Level;
import io.signetmesh.identity.pki.TestPki;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CaHealthTest {
  private static final Instant START = TestPki.START;
  private static final X509Certificate ANCHOR = certificate(Duration.ofDays(3650));

  @ParameterizedTest
  @CsvSource({
    // life of the issuer in hours, hours that have passed, expected
    "8760, 7000, OK",
    "8760, 7010, WARN",
    "8760, 8760, FAIL",
    // 48 hours are more than a fifth of ten days less an hour: it is renewed by a program.
    "239, 190, OK",
    "239, 192, WARN",
    "240, 193, WARN",
    "24, 19, OK",
    "24, 20, WARN",
    "24, 25, FAIL"
  })
  void issuerIsWarnedOfByItsLifeLeft(long life, long passed, Level expected) {
    X509Certificate issuer = certificate(Duration.ofHours(life));

    CaHealth health =
        CaHealth.of(List.of(issuer), List.of(ANCHOR), START.plus(Duration.ofHours(passed)));

    assertThat(health.level()).isEqualTo(expected);
    assertThat(health.findings()).hasSize(expected == Level.OK ? 0 : 1);
  }

  @Test
  void anchorIsWarnedOfSixtyDaysAhead() {
    Instant end = ANCHOR.getNotAfter().toInstant();
    assertThat(CaHealth.of(List.of(), List.of(ANCHOR), end.minus(Duration.ofDays(90))).level())
        .isEqualTo(Level.OK);
    assertThat(CaHealth.of(List.of(), List.of(ANCHOR), end.minus(Duration.ofDays(89))).level())
        .isEqualTo(Level.WARN);
    assertThat(CaHealth.of(List.of(), List.of(ANCHOR), end).level()).isEqualTo(Level.FAIL);
  }

  @Test
  void thresholdsAreThoseOfTheCaller() {
    X509Certificate issuer = certificate(Duration.ofHours(24));
    Instant now = START.plus(Duration.ofHours(1));

    assertThat(level(issuer, now, Duration.ofHours(23), Duration.ZERO)).isEqualTo(Level.OK);
    assertThat(level(issuer, now, Duration.ofHours(24), Duration.ZERO)).isEqualTo(Level.WARN);
    assertThat(level(issuer, now, null, Duration.ofDays(3649))).isEqualTo(Level.OK);
    assertThat(level(issuer, now, null, Duration.ofDays(3650))).isEqualTo(Level.WARN);
  }

  private static Level level(
      X509Certificate issuer, Instant now, @Nullable Duration ofIssuer, Duration ofAnchor) {
    return CaHealth.of(
            List.of(issuer),
            List.of(ANCHOR),
            now,
            new CaHealth.Thresholds(ofIssuer, ofAnchor, Duration.ofMinutes(1)))
        .level();
  }

  @Test
  void itIsAFailureFromWhenIssuingStops() {
    X509Certificate issuer = certificate(Duration.ofHours(24));
    Instant end = issuer.getNotAfter().toInstant();

    assertThat(CaHealth.of(List.of(issuer), List.of(ANCHOR), end.minusSeconds(60)).level())
        .isEqualTo(Level.WARN);
    CaHealth stopped = CaHealth.of(List.of(issuer), List.of(ANCHOR), end.minusSeconds(59));

    assertThat(stopped.level()).isEqualTo(Level.FAIL);
    assertThat(stopped.findings().getFirst().message()).contains("so issuing has stopped");
  }

  @Test
  void whatIsNotValidYetIsAFailureUnlessAnotherAnchorIs() {
    X509Certificate issuer = certificate(Duration.ofHours(24));
    Instant early = START.minusSeconds(1);
    X509Certificate next =
        TestPki.selfSigned(
                TestPki.ca("CN=next", 1)
                    .notBefore(START.plus(Duration.ofHours(1)))
                    .notAfter(START.plus(Duration.ofDays(3650))))
            .getCertificate();

    CaHealth health = CaHealth.of(List.of(issuer), List.of(ANCHOR), early);

    assertThat(health.findings())
        .extracting(Finding::level)
        .containsExactly(Level.FAIL, Level.FAIL);
    assertThat(health.findings().getFirst().message()).contains("is not valid before " + START);
    assertThat(CaHealth.of(List.of(), List.of(ANCHOR, next), START).level()).isEqualTo(Level.WARN);
  }

  @Test
  void expiredAnchorBesideAGoodOneIsToBeRemoved() {
    X509Certificate old = certificate(Duration.ofHours(1));

    CaHealth health = CaHealth.of(List.of(), List.of(ANCHOR, old), START.plus(Duration.ofHours(2)));

    assertThat(health.level()).isEqualTo(Level.WARN);
    assertThat(health.findings())
        .singleElement()
        .extracting(Finding::message)
        .asString()
        .startsWith("trust anchor ")
        .endsWith("remove it");
  }

  private static X509Certificate certificate(Duration life) {
    X509Bundle made =
        TestPki.selfSigned(
            TestPki.ca("CN=of " + life, 1).notBefore(START).notAfter(START.plus(life)));
    return made.getCertificate();
  }
}
