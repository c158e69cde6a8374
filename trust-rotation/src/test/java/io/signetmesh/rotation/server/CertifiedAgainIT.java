package io.signetmesh.rotation.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.SigningKey;
import io.signetmesh.identity.ca.source.CaKey;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.TrustRotationFinding;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Somebody has certified the issuer in force again, under another anchor. */
@Timeout(180)
final class CertifiedAgainIT extends RotationServer {

  @Test
  void theAnchorThatTheIssuerWasUnderBeforeDoesNotLeave() throws Exception {
    EmbeddedAuthority files = Objects.requireNonNull(parts().embedded());
    EmbeddedAuthority.Ca old = files.ca();
    KeyPair pair = KeyKind.P256.generate();
    X509Certificate other =
        CertificateBuilder.anchor("other", pair, Instant.now().minusSeconds(60), end());
    CaKey key = CaKey.of(pair.getPrivate());
    files.replace(
        new EmbeddedAuthority.Ca(
            key,
            other,
            List.of(before.getFirst(), other),
            old.issuerKey(),
            List.of(
                files.makeIssuer(
                    old.chain().getFirst().getPublicKey(), key, other, Duration.ofDays(30))),
            List.of()));
    awaitIssuerUnder(other);

    assertThat(planWithout(before.getFirst()))
        .anyMatch(
            finding ->
                finding.getIsError()
                    && finding.getMessage().contains("certificates that it signed then need"));
  }

  /** What the issuer has signed verifies under both. */
  @Test
  void anotherCertificateOfTheSameNameAndKeyIsNoOtherAnchor() throws Exception {
    EmbeddedAuthority files = Objects.requireNonNull(parts().embedded());
    EmbeddedAuthority.Ca old = files.ca();
    X509Certificate first = before.getFirst();
    X509Certificate again =
        CertificateBuilder.anchor(
            first.getSubjectX500Principal().getName().replaceFirst("^CN=", ""),
            first.getPublicKey(),
            SigningKey.of(((CaKey.InMemory) old.anchorKey()).key()),
            Instant.now().minusSeconds(60),
            end());
    files.replace(
        new EmbeddedAuthority.Ca(
            old.anchorKey(),
            again,
            List.of(again, first),
            old.issuerKey(),
            old.chain(),
            List.of()));
    awaitIssuerUnder(again);

    assertThat(planWithout(first)).noneMatch(TrustRotationFinding::getIsError);
  }

  private static Instant end() {
    return Instant.now().plusSeconds(80_000_000);
  }

  private void awaitIssuerUnder(X509Certificate anchor) throws Exception {
    await(
        "the issuer under the other anchor",
        () ->
            trust()
                .getIssuerAnchorSha256()
                .equals(ByteString.copyFrom(Certificates.sha256(anchor))));
  }

  private List<TrustRotationFinding> planWithout(X509Certificate anchor) throws Exception {
    return rotations()
        .startRotation(
            StartRotationRequest.newBuilder()
                .addLeavingSha256(ByteString.copyFrom(Certificates.sha256(anchor)))
                .setDryRun(true)
                .build())
        .getFindingsList();
  }
}
