package io.signetmesh.cli.check;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.cli.check.CheckResult.Level;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.MeshLeaf;
import io.signetmesh.v1.TrustAnchorStatus;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationObstacle;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class TrustChecksTest {
  private static final Instant NOW = Instant.parse("2027-01-15T08:00:00Z");

  private final X509Certificate anchor = certificate(Duration.ofDays(3650), Duration.ofDays(400));
  private final X509Certificate issuer = certificate(Duration.ofDays(365), Duration.ofDays(200));

  private static X509Certificate certificate(Duration life, Duration left) {
    try {
      X509Bundle bundle =
          new CertificateBuilder()
              .algorithm(CertificateBuilder.Algorithm.ecp256)
              .subject("CN=root.linkerd.cluster.local")
              .notBefore(NOW.plus(left).minus(life))
              .notAfter(NOW.plus(left))
              .setIsCertificateAuthority(true)
              .buildSelfSigned();
      return bundle.getCertificate();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static ByteString der(X509Certificate certificate) {
    try {
      return ByteString.copyFrom(certificate.getEncoded());
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static ByteString sha256(X509Certificate certificate) {
    try {
      return ByteString.copyFrom(
          MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded()));
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static GetTrustResponse.Builder trust(X509Certificate anchor, X509Certificate issuer) {
    return GetTrustResponse.newBuilder()
        .addAnchors(
            TrustAnchorStatus.newBuilder()
                .setCertificate(der(anchor))
                .setSha256(sha256(anchor))
                .setState(TrustAnchorStatus.State.IN_FORCE))
        .addIssuerChain(der(issuer))
        .setIssuerAnchorSha256(sha256(anchor))
        .setLive(3)
        .setAdopted(3);
  }

  private static CheckResult only(GetTrustResponse.Builder trust, String check) {
    return TrustChecks.of(trust.build(), NOW).stream()
        .filter(result -> result.name().equals(check))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void aMeshInOrderHasNothingToLookAt() {
    assertThat(TrustChecks.of(trust(anchor, issuer).build(), NOW))
        .hasSize(5)
        .allSatisfy(result -> assertThat(result.level()).isEqualTo(Level.OK));
  }

  @Test
  void anAnchorWithLessThanNinetyDaysIsAWarningAndWithLessThanThirtyAFailure() {
    X509Certificate soon = certificate(Duration.ofDays(3650), Duration.ofDays(80));
    X509Certificate now = certificate(Duration.ofDays(3650), Duration.ofDays(29));
    X509Certificate past = certificate(Duration.ofDays(3650), Duration.ofDays(-1));

    assertThat(only(trust(soon, issuer), "anchor-life").level()).isEqualTo(Level.WARNING);
    assertThat(only(trust(now, issuer), "anchor-life").level()).isEqualTo(Level.FAILURE);
    assertThat(only(trust(past, issuer), "anchor-life").text()).contains("expired");
  }

  @Test
  void anIssuerUnderNoAnchorInForceFails() {
    GetTrustResponse.Builder elsewhere =
        trust(anchor, issuer).setIssuerAnchorSha256(sha256(issuer));
    GetTrustResponse.Builder retired = trust(anchor, issuer);
    retired.getAnchorsBuilder(0).setState(TrustAnchorStatus.State.RETIRED);

    assertThat(only(elsewhere, "issuer-anchor").level()).isEqualTo(Level.FAILURE);
    assertThat(only(retired, "issuer-anchor").level()).isEqualTo(Level.FAILURE);
  }

  @Test
  void anIssuerInTheLastTenthOfItsLifeIsAWarningAndOneThatHasEndedAFailure() {
    assertThat(
            only(
                    trust(anchor, certificate(Duration.ofDays(100), Duration.ofDays(9))),
                    "issuer-life")
                .level())
        .isEqualTo(Level.WARNING);
    assertThat(
            only(
                    trust(anchor, certificate(Duration.ofDays(100), Duration.ofDays(-1))),
                    "issuer-life")
                .level())
        .isEqualTo(Level.FAILURE);
    assertThat(only(trust(anchor, issuer).clearIssuerChain(), "issuer-life").level())
        .isEqualTo(Level.FAILURE);
  }

  @Test
  void workloadsThatDoNotTrustTheBundleAreNamed() {
    CheckResult result =
        only(
            trust(anchor, issuer)
                .setAdopted(2)
                .addBehind(MeshLeaf.newBuilder().setIdentity("web.shop.example")),
            "bundle-adoption");

    assertThat(result.level()).isEqualTo(Level.WARNING);
    assertThat(result.text()).contains("2 of 3 live workloads", "behind: web.shop.example");
  }

  @Test
  void aRotationThatIsUnderWaySaysWhatItWaitsFor() {
    GetTrustResponse.Builder trust = trust(anchor, issuer);
    trust
        .getRotationBuilder()
        .setPhase(TrustRotation.Phase.RENEW)
        .addObstacles(
            TrustRotationObstacle.newBuilder().setMessage("web.shop.example, which is silent"));

    CheckResult underWay = only(trust, "rotation");
    trust.getRotationBuilder().setPhase(TrustRotation.Phase.DONE);
    CheckResult done = only(trust, "rotation");

    assertThat(underWay.level()).isEqualTo(Level.WARNING);
    assertThat(underWay.text())
        .isEqualTo(
            "a rotation of anchors is in phase renew; waits for web.shop.example, which is silent");
    assertThat(done.level()).isEqualTo(Level.OK);
  }
}
