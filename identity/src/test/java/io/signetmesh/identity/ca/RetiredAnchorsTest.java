package io.signetmesh.identity.ca;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.pki.Certificates;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RetiredAnchorsTest {
  private static final Instant NOW = Instant.parse("2026-06-01T00:00:00Z");
  private static final String ROTATION = "0123456789abcdef";

  @TempDir private Path state;
  private final KeyPair keys = generate();
  private final X509Certificate anchor = anchor(keys, 100);
  private final X509Certificate again = anchor(keys, 200);
  private final X509Certificate other = anchor(generate(), 100);

  @Test
  void anAnchorIsKnownByItsFingerprintAndByItsKeyAlsoAfterARestart() throws Exception {
    try (RetiredAnchors retired = RetiredAnchors.open(state)) {
      retired.retire(fingerprint(anchor), RetiredAnchors.key(anchor), ROTATION);
      requireKnown(retired);
      // What it stands for is deleted next.
      assertThat(retired.isOnDisk()).isTrue();
    }
    try (RetiredAnchors retired = RetiredAnchors.open(state)) {
      requireKnown(retired);
    }
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(state.resolve(RetiredAnchors.FILE))))
        .isEqualTo("rw-------");
  }

  private void requireKnown(RetiredAnchors retired) {
    assertThat(retired.refusal(anchor)).isEqualTo("was retired by rotation " + ROTATION);
    assertThat(retired.refusal(again))
        .isEqualTo(
            "has the key of anchor "
                + fingerprint(anchor).substring(0, 16)
                + ", which rotation "
                + ROTATION
                + " retired");
    assertThat(retired.refusal(other)).isEmpty();
    assertThat(retired.digests())
        .containsExactlyInAnyOrder(fingerprint(anchor), RetiredAnchors.key(anchor));
  }

  @Test
  void aKeyThatStaysInUseIsNotRetired() throws Exception {
    try (RetiredAnchors retired = RetiredAnchors.open(state)) {
      retired.retire(fingerprint(anchor), "", ROTATION);

      assertThat(retired.refusal(anchor)).isNotEmpty();
      assertThat(retired.refusal(again)).isEmpty();

      // When the other certificate of the key leaves, too, the key is known.
      retired.retire(fingerprint(anchor), RetiredAnchors.key(anchor), ROTATION);
      assertThat(retired.refusal(again)).isNotEmpty();
    }
  }

  @Test
  void whatIsKnownAlreadyIsNotWrittenAgain() throws Exception {
    Path file = state.resolve(RetiredAnchors.FILE);
    try (RetiredAnchors retired = RetiredAnchors.open(state)) {
      retired.retire(fingerprint(anchor), RetiredAnchors.key(anchor), ROTATION);
      long size = Files.size(file);

      retired.retire(fingerprint(anchor), RetiredAnchors.key(anchor), ROTATION);
      retired.retire(fingerprint(anchor), "", ROTATION);

      assertThat(Files.size(file)).isEqualTo(size);
    }
  }

  @Test
  void whatIsNoDigestIsRefused() throws Exception {
    try (RetiredAnchors retired = RetiredAnchors.open(state)) {
      assertThatThrownBy(() -> retired.retire("7acc", "", ROTATION))
          .hasMessageContaining("'7acc - " + ROTATION + "'");
    }
  }

  private static String fingerprint(X509Certificate certificate) {
    return HexFormat.of().formatHex(Certificates.sha256(certificate));
  }

  private static KeyPair generate() {
    return KeyKind.P256.generate();
  }

  private static X509Certificate anchor(KeyPair keys, int days) {
    try {
      return CertificateBuilder.anchor(
          "root", keys, NOW.minusSeconds(60), NOW.plusSeconds(days * 86_400L));
    } catch (io.signetmesh.identity.pki.PkiException e) {
      throw new AssertionError(e);
    }
  }
}
