package io.signetmesh.identity.ca.source;

import static io.signetmesh.identity.ca.source.Pkcs11Slots.function;
import static io.signetmesh.identity.ca.source.Pkcs11Slots.require;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.util.concurrent.TimeUnit.MINUTES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.SigningKey;
import io.signetmesh.identity.ca.source.Pkcs11Objects.Kind;
import io.signetmesh.identity.ca.source.Pkcs11Token.TokenAnchor;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import java.lang.foreign.MemorySegment;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A CA in the state directory whose anchor has its key in a token: SoftHSM2. */
@Timeout(120)
class TokenAnchorIT {
  private static final Duration ISSUER_LIFE = Duration.ofDays(90);

  private static SoftHsm hsm;
  private static int anchors;

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
    config = hsm.config("anchor-" + test.getTestMethod().orElseThrow().getName() + "-" + ++anchors);
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
    return createAnchor(at, KeyKind.P256, journal);
  }

  private TokenAnchor createAnchor(Pkcs11Token.Config at, KeyKind kind, Path journal)
      throws PkiException {
    return Pkcs11Token.createAnchor(
        at,
        "root.signet.cluster.local",
        kind,
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
  @ParameterizedTest
  @EnumSource(names = {"P256", "P384", "RSA2048"})
  void aKeyThatWasLeftWithoutItsCertificateIsDeletedWhenTheAnchorIsMadeAgain(KeyKind kind)
      throws Exception {
    Pkcs11Token.Config place = hsm.config(config.keyLabel() + "-again-" + kind.option());
    X509Certificate first = createAnchor(place, kind, state.resolve("elsewhere")).certificate();
    new UnfinishedKeys(state).begin(place, first.getPublicKey());
    loseCertificate(place);
    assertThat(Pkcs11Token.find(place, state)).isNull();
    assertThat(count(place, Kind.PRIVATE_KEY)).as("a plan deletes nothing").isEqualTo(1);

    TokenAnchor made = createAnchor(place);

    assertThat(made.certificate()).isNotEqualTo(first);
    assertThat(made.key().matches(made.certificate().getPublicKey())).isTrue();
    assertThat(count(place, Kind.PRIVATE_KEY)).isEqualTo(1);
    assertThat(unfinished()).isEmpty();
    assertThat(anchor.key().matches(anchor.certificate().getPublicKey())).as("others").isTrue();
  }

  private List<Path> unfinished() throws Exception {
    try (var files = Files.list(state)) {
      return files.filter(file -> file.toString().endsWith(".making")).toList();
    }
  }

  /** Somebody else has put it under the label since, or the token has taken another's place. */
  @Test
  void anotherKeyThanTheOneThatWasBeingMadeIsNamedAndStays() throws Exception {
    Pkcs11Token.Config place = hsm.config(config.keyLabel() + "-another");
    X509Certificate others = createAnchor(place, state.resolve("elsewhere")).certificate();
    loseCertificate(place);
    UnfinishedKeys journal = new UnfinishedKeys(state);
    journal.begin(place, KeyKind.P256.generate().getPublic());
    requireNotDeleted(place, 1);
    journal.begin(place, KeyKind.RSA2048.generate().getPublic());
    requireNotDeleted(place, 1);
    journal.begin(place, "00".repeat(16), others.getPublicKey());
    requireNotDeleted(place, 1);
  }

  @Test
  void ofTwoKeysUnderTheLabelTheOneThatWasBeingMadeIsDeleted() throws Exception {
    Pkcs11Token.Config place = hsm.config(config.keyLabel() + "-two");
    X509Certificate first = createAnchor(place, state.resolve("elsewhere")).certificate();
    loseCertificate(place);
    KeyPair others = KeyKind.P256.generate();
    hsm.put(
        place.keyLabel(),
        others.getPrivate(),
        List.of(
            CertificateBuilder.anchor(
                "somebody.else",
                others.getPublic(),
                SigningKey.of(others.getPrivate()),
                now.minusSeconds(300),
                now.plusSeconds(3600))));
    loseCertificate(place);
    new UnfinishedKeys(state).begin(place, first.getPublicKey());
    assertThat(count(place, Kind.PRIVATE_KEY)).isEqualTo(2);

    requireNotDeleted(place, 2);

    assertThat(
            Pkcs11Objects.countKeys(
                place.library(), place.token(), place.keyLabel(), others.getPublic()))
        .isEqualTo(new Pkcs11Objects.Found(1, 0));
    assertThat(count(place, Kind.PRIVATE_KEY)).as("the one of the attempt").isEqualTo(1);
  }

  /** A token that is busy or failing must not have it forgotten that the key is one of ours. */
  @Test
  void aKeyThatDoesNotSignNowIsNotForgotten() throws Exception {
    Pkcs11Token.Config place = hsm.config(config.keyLabel() + "-silent");
    X509Certificate first = createAnchor(place, state.resolve("elsewhere")).certificate();
    new UnfinishedKeys(state).begin(place, first.getPublicKey());
    loseCertificate(place);
    maySign(place, false);

    for (ThrowingCallable act :
        List.<ThrowingCallable>of(
            () -> Pkcs11Token.find(place, state),
            () -> createAnchor(place),
            () -> createAnchor(place))) {
      assertThatThrownBy(act)
          .isInstanceOf(PkiException.class)
          .hasMessageContaining("cannot be told whether an attempt of this server has left it");
      assertThat(unfinished()).hasSize(1);
    }

    maySign(place, true);
    TokenAnchor made = createAnchor(place);
    assertThat(made.key().matches(made.certificate().getPublicKey())).isTrue();
    assertThat(count(place, Kind.PRIVATE_KEY)).isEqualTo(1);
    assertThat(unfinished()).isEmpty();
  }

  /** Sets CKA_SIGN of the private key with the id of a place, by C_SetAttributeValue. */
  private static void maySign(Pkcs11Token.Config place, boolean sign) throws Exception {
    long slot = Pkcs11Slots.of(place.library(), place.token()).id();
    int set =
        Pkcs11Slots.call(
            place.library(),
            (functions, arena) -> {
              MemorySegment session = arena.allocate(JAVA_LONG);
              require(
                  (long)
                      function(functions, 12, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS)
                          .invokeExact(slot, 6L, MemorySegment.NULL, MemorySegment.NULL, session),
                  "C_OpenSession");
              long opened = session.get(JAVA_LONG, 0);
              List<Long> keys =
                  Pkcs11Objects.find(functions, arena, opened, Kind.PRIVATE_KEY, place.keyLabel());
              MemorySegment value = arena.allocate(1);
              value.fill((byte) (sign ? 1 : 0));
              MemorySegment attribute = arena.allocate(JAVA_LONG, 3);
              attribute.setAtIndex(JAVA_LONG, 0, 0x108L);
              attribute.setAtIndex(JAVA_LONG, 1, value.address());
              attribute.setAtIndex(JAVA_LONG, 2, 1L);
              for (long key : keys) {
                require(
                    (long)
                        function(functions, 25, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG)
                            .invokeExact(opened, key, attribute, 1L),
                    "C_SetAttributeValue");
              }
              require(
                  (long) function(functions, 13, JAVA_LONG).invokeExact(opened), "C_CloseSession");
              return keys.size();
            });
    assertThat(set).isEqualTo(1);
  }

  /** The file of an attempt that has failed in good order says nothing of keys made later. */
  @Test
  void anAttemptThatLeavesNoKeyLeavesNoFile() throws Exception {
    Pkcs11Token.Config place = hsm.config(config.keyLabel() + "-failed");
    UnfinishedKeys journal = new UnfinishedKeys(state);
    journal.begin(place, KeyKind.P256.generate().getPublic());
    assertThat(unfinished()).hasSize(1);

    journal.clear(place);

    assertThat(unfinished()).isEmpty();
  }

  /** Else a crash in between would leave a key that nobody knows to be one of ours. */
  @Test
  void noKeyIsPutInTheTokenBeforeItIsOnRecord() throws Exception {
    Pkcs11Token.Config place = hsm.config(config.keyLabel() + "-unrecorded");
    Path file = Files.createFile(state.resolve("in-the-way"));

    assertThatThrownBy(() -> createAnchor(place, file.resolve("journal")))
        .isInstanceOf(PkiException.class);

    assertThat(count(place, Kind.PRIVATE_KEY)).isZero();
    assertThat(count(place, Kind.CERTIFICATE)).isZero();
  }

  @Test
  void aFileThatNamesNoKeyLetsNothingBeDeleted() throws Exception {
    Pkcs11Token.Config place = hsm.config(config.keyLabel() + "-damaged");
    X509Certificate first = createAnchor(place, state.resolve("elsewhere")).certificate();
    loseCertificate(place);
    new UnfinishedKeys(state).begin(place, first.getPublicKey());
    Path file = unfinished().getFirst();
    String text = Files.readString(file);
    for (String damaged :
        List.of("", Pkcs11Uri.format(place) + "\n", text.replace("public ", "public !"))) {
      StateFiles.writeSecret(file, damaged);
      requireNotDeleted(place, 1);
    }
  }

  private void requireNotDeleted(Pkcs11Token.Config place, int keys) throws Exception {
    assertThat(count(place, Kind.PRIVATE_KEY)).isEqualTo(keys);
    for (ThrowingCallable act :
        List.<ThrowingCallable>of(
            () -> Pkcs11Token.find(place, state), () -> createAnchor(place))) {
      assertThatThrownBy(act)
          .isInstanceOf(PkiException.class)
          .hasMessageContaining("has a private key with id '" + place.keyLabel() + "'")
          .hasMessageContaining("which this server did not make");
    }
    assertThat(count(place, Kind.PRIVATE_KEY)).isPositive();
  }

  @Test
  void aKeyOfSomebodyElseWithoutACertificateIsNamedAndStays() throws Exception {
    Pkcs11Token.Config place = hsm.config(config.keyLabel() + "-strange");
    createAnchor(place);
    loseCertificate(place);

    requireNotDeleted(place, 1);
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
