package io.signetmesh.identity.ca.source;

import static java.util.concurrent.TimeUnit.MINUTES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.source.Pkcs11Objects.Kind;
import io.signetmesh.identity.ca.source.Pkcs11Token.TokenAnchor;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.ProviderException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A CA in the state directory whose anchor has its key in a token: SoftHSM2. */
@Timeout(120)
class TokenAnchorIT {
  private static final Duration ISSUER_LIFE = Duration.ofDays(90);

  private static SoftHsm hsm;

  @TempDir Path state;

  private Instant now = Instant.now();
  private final InstantSource clock = () -> now;
  private Pkcs11Token.Config config;
  private TokenAnchor anchor;
  private EmbeddedAuthority authority;

  @BeforeAll
  static void makeToken() throws Exception {
    hsm = SoftHsm.shared();
  }

  /** Gives the CA an anchor in the token. */
  @BeforeEach
  void replace(TestInfo test) throws Exception {
    config = hsm.config("anchor-" + test.getTestMethod().orElseThrow().getName());
    assertThat(Pkcs11Token.find(config, state)).isNull();
    anchor = createAnchor(config);
    authority = EmbeddedAuthority.open(state, "signet", "cluster.local", clock);
    EmbeddedAuthority.Ca before = authority.ca();
    KeyPair issuer = KeyKind.P256.generate();
    authority.replace(
        new EmbeddedAuthority.Ca(
            anchor.key(),
            anchor.certificate(),
            List.of(anchor.certificate()),
            issuer.getPrivate(),
            List.of(
                authority.makeIssuer(
                    issuer.getPublic(), anchor.key(), anchor.certificate(), ISSUER_LIFE)),
            before.crossCertificates()));
  }

  private TokenAnchor createAnchor(Pkcs11Token.Config at) throws PkiException {
    return createAnchor(at, state);
  }

  private TokenAnchor createAnchor(Pkcs11Token.Config at, Path journal) throws PkiException {
    return Pkcs11Token.createAnchor(
        at,
        "root.signet.cluster.local",
        KeyKind.P256,
        now.minusSeconds(300),
        now.plus(Duration.ofDays(1000)),
        journal);
  }

  @Test
  void theIssuerIsRenewedByTheTokenAndNoFileHoldsTheAnchorsKey() throws Exception {
    EmbeddedAuthority reopened = EmbeddedAuthority.open(state, "signet", "cluster.local", clock);
    X509Certificate first = reopened.current().certificate();
    first.verify(anchor.certificate().getPublicKey());
    assertThat(reopened.anchor()).isEqualTo(anchor.certificate());
    assertThat(Files.readString(state.resolve("ca/anchor.key")))
        .startsWith("pkcs11:token=signet;object=anchor-")
        .doesNotContain("PRIVATE KEY", "87654321");

    now = now.plus(ISSUER_LIFE.dividedBy(3).multipliedBy(2)).plusSeconds(3600);
    X509Certificate second = reopened.current().certificate();

    assertThat(second).isNotEqualTo(first);
    second.verify(anchor.certificate().getPublicKey());
    assertThat(Files.readString(state.resolve("ca/anchor.key"))).startsWith("pkcs11:");
  }

  @Test
  void whileTheTokenIsAwayTheIssuerGoesOnAndIsRenewedLater() throws Exception {
    X509Certificate first = authority.current().certificate();
    Path away = Files.move(config.pinFile(), hsm.directory().resolve("away"));
    now = now.plus(ISSUER_LIFE.dividedBy(3).multipliedBy(2)).plusSeconds(3600);

    EmbeddedAuthority restarted = EmbeddedAuthority.open(state, "signet", "cluster.local", clock);
    assertThat(restarted.current().certificate()).isEqualTo(first);
    assertThat(restarted.anchor()).isEqualTo(anchor.certificate());

    Files.move(away, config.pinFile());
    assertThat(restarted.current().certificate()).as("not asked at once").isEqualTo(first);
    now = now.plusSeconds(61);
    assertThat(restarted.current().certificate()).isNotEqualTo(first);
  }

  /** The next parse of the files would refuse such an issuer, and the good one would be gone. */
  @Test
  void anotherKeyOfTheTokenRenewsNothing() throws Exception {
    X509Certificate first = authority.current().certificate();
    Pkcs11Token.Config place = hsm.config(config.keyLabel() + "-wrong");
    TokenAnchor other = createAnchor(place);
    Path away = Files.move(place.pinFile(), hsm.directory().resolve("away-too"));
    // Nobody can say yet that this is the wrong key.
    StateFiles.writeSecret(state.resolve("ca/anchor.key"), other.key().stored());
    EmbeddedAuthority restarted = EmbeddedAuthority.open(state, "signet", "cluster.local", clock);
    Files.move(away, place.pinFile());
    now = now.plus(ISSUER_LIFE.dividedBy(3).multipliedBy(2)).plusSeconds(3600);

    assertThat(restarted.current().certificate()).isEqualTo(first);
    assertThat(restarted.ca().chain().getFirst()).isEqualTo(first);
    KeyPair issuer = KeyKind.P256.generate();
    assertThatThrownBy(
            () ->
                restarted.makeIssuer(
                    issuer.getPublic(), other.key(), anchor.certificate(), ISSUER_LIFE))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("does not belong to");
  }

  @Test
  void aTokenThatDoesNotAnswerHoldsUpNobodyForLong() throws Exception {
    Pkcs11Token token = Pkcs11Token.shared(config);
    CountDownLatch answers = new CountDownLatch(1);
    try {
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(() -> token.call(() -> answers.await(1, MINUTES), Duration.ofMillis(50)))
            .isInstanceOf(PkiException.class)
            .hasMessageContaining("has not answered for 50 ms");
      }
    } finally {
      answers.countDown();
    }
    assertThat(anchor.key().matches(anchor.certificate().getPublicKey())).isTrue();
  }

  /** PKCS#11 providers throw unchecked exceptions when a token that is open cannot sign. */
  @Test
  void aTokenThatFailsInItsWorkCannotBeUsed() {
    assertThatThrownBy(
            () ->
                anchor
                    .key()
                    .use(
                        key -> {
                          throw new ProviderException("CKR_DEVICE_REMOVED");
                        }))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("cannot be used: CKR_DEVICE_REMOVED");
  }

  @Test
  void aKeyOfAnotherAnchorIsRefused() throws Exception {
    Pkcs11Token.Config other = hsm.config(config.keyLabel() + "-other");
    TokenAnchor stranger = createAnchor(other);
    EmbeddedAuthority.Ca now = authority.ca();

    assertThatThrownBy(
            () ->
                authority.replace(
                    new EmbeddedAuthority.Ca(
                        stranger.key(),
                        now.anchor(),
                        now.anchors(),
                        now.issuerKey(),
                        now.chain(),
                        List.of())))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("the private key does not belong to any of the 1 trust anchors");
    assertThat(authority.ca().anchorKey()).isEqualTo(anchor.key());
  }

  /** As after a process that was killed between the key and its certificate. */
  @Test
  void aKeyThatWasLeftWithoutItsCertificateIsDeletedWhenTheAnchorIsMadeAgain() throws Exception {
    Pkcs11Token.Config place = hsm.config(config.keyLabel() + "-again");
    new UnfinishedKeys(state).begin(place);
    Path elsewhere = state.resolve("elsewhere");
    X509Certificate first = createAnchor(place, elsewhere).certificate();
    loseCertificate(place);
    assertThat(Pkcs11Token.find(place, state)).isNull();

    TokenAnchor made = createAnchor(place);

    assertThat(made.certificate()).isNotEqualTo(first);
    assertThat(made.key().matches(made.certificate().getPublicKey())).isTrue();
    assertThat(count(place, Kind.PRIVATE_KEY)).isEqualTo(1);
    try (var files = Files.list(state)) {
      assertThat(files.filter(file -> file.toString().endsWith(".making"))).isEmpty();
    }
    assertThat(anchor.key().matches(anchor.certificate().getPublicKey())).as("others").isTrue();
  }

  @Test
  void aKeyOfSomebodyElseWithoutACertificateIsNamedAndStays() throws Exception {
    Pkcs11Token.Config place = hsm.config(config.keyLabel() + "-strange");
    createAnchor(place);
    loseCertificate(place);

    for (ThrowingCallable act :
        List.<ThrowingCallable>of(
            () -> Pkcs11Token.find(place, state), () -> createAnchor(place))) {
      assertThatThrownBy(act)
          .isInstanceOf(PkiException.class)
          .hasMessageContaining("has a private key with id '" + place.keyLabel() + "'")
          .hasMessageContaining("which this server did not make");
    }
    assertThat(count(place, Kind.PRIVATE_KEY)).isEqualTo(1);
  }

  private static void loseCertificate(Pkcs11Token.Config place) throws Exception {
    assertThat(
            Pkcs11Objects.delete(
                place.library(), place.token(), Kind.CERTIFICATE, place.keyLabel()))
        .isEqualTo(1);
  }

  private static int count(Pkcs11Token.Config place, Kind kind) throws Exception {
    return Pkcs11Objects.count(place.library(), place.token(), kind, place.keyLabel());
  }

  @Test
  void anAnchorInTheTokenIsFoundAndNotMadeAgain() throws Exception {
    assertThat(Objects.requireNonNull(Pkcs11Token.find(config, state)).certificate())
        .isEqualTo(anchor.certificate());
    assertThatThrownBy(() -> createAnchor(config))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("has an object with label " + config.keyLabel());
    assertThat(anchor.key().toString()).doesNotContain("87654321");
    assertThat(CaKey.parse("anchor.key", anchor.key().stored().getBytes(StandardCharsets.US_ASCII)))
        .isEqualTo(anchor.key());
  }
}
