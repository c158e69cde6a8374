package io.signetmesh.rotation.authority;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.rotation.AnchorSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is kept of issuers, also over a crash. */
final class IssuerAnchorsTest {
  private static final String OLD = "a".repeat(64);
  private static final String NEW = "b".repeat(64);
  private static final String ROTATION = "0123456789abcdef";

  @TempDir Path state;

  @Test
  void issuersFromBeforeACompromiseCountNoMoreAlsoAfterARestart() throws Exception {
    X509Certificate old = issuer();
    X509Certificate between = issuer();
    X509Certificate inFiles = issuer();
    X509Certificate after = issuer();
    try (IssuerAnchors anchors = IssuerAnchors.open(state)) {
      anchors.learn(old, OLD);
      anchors.learn(between, NEW);
      assertThat(anchors.isDecided(ROTATION)).isFalse();

      anchors.distrust(ROTATION, AnchorSet.of(NEW), List.of(inFiles));
      anchors.learn(inFiles, NEW);
      anchors.learn(after, NEW);
    }

    try (IssuerAnchors anchors = IssuerAnchors.open(state)) {
      assertThat(anchors.isDecided(ROTATION)).isTrue();
      assertThat(anchors.isDecided("fedcba9876543210")).isFalse();
      assertThat(anchors.of(key(old))).isEqualTo(OLD);
      assertThat(anchors.of(key(between))).isEmpty();
      assertThat(anchors.of(key(inFiles))).isEmpty();
      assertThat(anchors.of(key(after))).isEqualTo(NEW);
      assertThat(anchors.onRecord(key(between))).containsExactly(NEW);
      assertThat(List.of(between, inFiles)).allMatch(anchors::isDistrusted);
      assertThat(List.of(old, after)).noneMatch(anchors::isDistrusted);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void anIssuerThatWasCertifiedUnderSeveralAnchorsIsUnderEachOfThem(boolean restart)
      throws Exception {
    X509Certificate issuer = issuer();
    String third = "c".repeat(64);
    IssuerAnchors anchors = IssuerAnchors.open(state);
    for (String anchor : List.of(OLD, NEW, OLD, third)) {
      anchors.learn(issuer, anchor);
    }
    if (restart) {
      anchors.close();
      anchors = IssuerAnchors.open(state);
    }

    assertThat(anchors.of(key(issuer))).isEqualTo(third);
    assertThat(anchors.onRecord(key(issuer))).containsExactlyInAnyOrder(OLD, NEW, third);
    assertThat(anchors.earlier(key(issuer))).containsExactlyInAnyOrder(OLD, NEW);
    assertThat(anchors.earlier(key(issuer()))).isEmpty();
    anchors.distrust(ROTATION, AnchorSet.of(NEW), List.of());
    assertThat(anchors.isDistrusted(issuer)).isTrue();
    assertThat(anchors.of(key(issuer))).isEmpty();
    anchors.close();
  }

  /** The decision is the last line: without it, there is no later issuer yet. */
  @Test
  void aDecisionThatACrashCutShortIsMadeAgain() throws Exception {
    X509Certificate between = issuer();
    try (IssuerAnchors anchors = IssuerAnchors.open(state)) {
      anchors.learn(between, NEW);
      anchors.distrust(ROTATION, AnchorSet.of(NEW), List.of());
    }
    Path file = state.resolve("issuer-anchors.log");
    List<String> lines = Files.readAllLines(file);
    assertThat(lines).hasSize(3);
    String whole = Files.readString(file);
    for (int length = lines.getFirst().length() + 1; length < whole.length(); length++) {
      Files.writeString(file, whole.substring(0, length));
      try (IssuerAnchors anchors = IssuerAnchors.open(state)) {
        assertThat(anchors.isDecided(ROTATION)).as("%s bytes", length).isFalse();
        anchors.distrust(ROTATION, AnchorSet.of(NEW), List.of());
      }
      assertThat(Files.readString(file)).isEqualTo(whole);
    }
  }

  @Test
  void aDecisionThatCannotBeSyncedIsTriedAgainAndWrittenOnce() throws Exception {
    IOException full = new IOException("the disk is away");
    AtomicInteger failures = new AtomicInteger(3);
    X509Certificate between = issuer();
    try (IssuerAnchors anchors =
        IssuerAnchors.open(
            state,
            file -> {
              if (failures.getAndDecrement() > 0) {
                throw full;
              }
              file.sync();
            })) {
      anchors.learn(between, NEW);
      for (int i = 0; i < 3; i++) {
        assertThatThrownBy(() -> anchors.distrust(ROTATION, AnchorSet.of(NEW), List.of()))
            .isSameAs(full);
        assertThat(anchors.isDecided(ROTATION)).isFalse();
        assertThat(anchors.isDistrusted(between)).isTrue();
      }
      anchors.distrust(ROTATION, AnchorSet.of(NEW), List.of());
      assertThat(anchors.isDecided(ROTATION)).isTrue();
    }

    assertThat(Files.readAllLines(state.resolve("issuer-anchors.log"))).hasSize(3);
  }

  private static X509Certificate issuer() throws PkiException {
    Instant now = Instant.now();
    return CertificateBuilder.anchor(
        "issuer", KeyKind.P256.generate(), now.minusSeconds(60), now.plusSeconds(3600));
  }

  private static String key(X509Certificate issuer) {
    return HexFormat.of().formatHex(Certificates.sha256(issuer.getPublicKey()));
  }
}
