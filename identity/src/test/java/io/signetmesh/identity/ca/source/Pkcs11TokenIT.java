package io.signetmesh.identity.ca.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder.Algorithm;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.CaChain;
import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.SigningKey;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.source.EmbeddedAuthority.Plan;
import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.IdentityServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A CA in a token: SoftHSM2. */
@Timeout(120)
class Pkcs11TokenIT {
  private static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");
  private static final InstantSource CLOCK = InstantSource.system();

  private static SoftHsm hsm;
  private static Path library;

  @TempDir Path state;

  @BeforeAll
  static void makeToken() throws Exception {
    hsm = SoftHsm.shared();
    library = hsm.library();
  }

  @ParameterizedTest
  @EnumSource(
      value = KeyKind.class,
      names = {"P256", "P384", "RSA2048"})
  void keysAreGeneratedInTheTokenAndSignThere(KeyKind kind) throws Exception {
    Pkcs11Token.Config config = config("issuer-" + kind.option());

    X509Certificate anchor = create(config, kind);

    ReloadingAuthority authority = open(config, anchor);
    Issuer issuer = authority.current();
    assertThat(issuer.keyKind()).isEqualTo(kind);
    assertThat(issuer.key().privateKey().getEncoded()).isNull();
    assertThat(issuer.key().privateKey().getFormat()).isNull();
    assertThat(issuer.key().toString()).startsWith("key in token");
    issuer.certificate().verify(anchor.getPublicKey());
    assertThat(anchor.getBasicConstraints()).isEqualTo(1);
    // Not even the provider can wrap it: the token refuses.
    assertThatThrownBy(() -> PrivateKeys.toPem(issuer.key().privateKey()))
        .isInstanceOf(NullPointerException.class);
  }

  @Test
  void serverIssuesFromTheTokenAndTheFileSystemHoldsNoKeyOfTheCa() throws Exception {
    Pkcs11Token.Config config = config("server");
    X509Certificate anchor = create(config, KeyKind.P256);
    Path anchors = anchors(anchor);
    WorkloadTokens tokens = WorkloadTokens.open(state, "signet", "cluster.local", CLOCK);
    try (ControlLoops loops = ControlLoops.start(1);
        IdentityServer server =
            IdentityServer.start(
                new IdentityServer.Config(
                    state,
                    SERVER,
                    new InetSocketAddress("127.0.0.1", 0),
                    false,
                    IssuancePolicy.DEFAULT,
                    new Pkcs11Token(config, anchors)),
                tokens,
                loops,
                event -> {},
                CLOCK)) {
      List<X509Certificate> chain =
          server
              .authority()
              .issue(
                  WEB,
                  SigningRequest.parse(
                      SigningRequest.create(WEB.dnsName(), PrivateKeys.generate())));

      ChainVerifier verifier = ChainVerifier.of(server.bundles().get(), CLOCK);
      assertThat(verifier.verify(chain, Purpose.SERVER).name()).isEqualTo(WEB.dnsName());
      assertThat(server.bundles().get().anchors()).containsExactly(anchor);
    }
    assertThat(state.resolve("ca")).doesNotExist();
    List<String> holders = new ArrayList<>();
    try (Stream<Path> files = Files.walk(state)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (Files.readString(file, StandardCharsets.ISO_8859_1).contains("PRIVATE KEY")) {
          holders.add(file.getFileName().toString());
        }
      }
    }
    // Keys that sign tokens, and none of the CA.
    assertThat(holders).isSubsetOf("token.key", "jwt-signing.json");
  }

  @Test
  void labelThatIsTakenIsNeverOverwritten() throws Exception {
    Pkcs11Token.Config config = config("taken");
    X509Certificate anchor = create(config, KeyKind.P256);

    assertThatThrownBy(() -> create(config, KeyKind.P256))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("has an object with label taken: nothing was changed");
    assertThat(open(config, anchor).current().keyKind()).isEqualTo(KeyKind.P256);
  }

  @Test
  void keysThatATokenCannotMakeAreRefused() {
    assertThatThrownBy(() -> create(config("ed"), KeyKind.ED25519))
        .hasMessageContaining("ed25519 cannot be made in a token");
  }

  @Test
  void certificateThatIsReplacedInTheTokenIsTakenWhileServing() throws Exception {
    Pkcs11Token.Config config = config("renewed");
    X509Certificate anchor = create(config, KeyKind.P256);
    Instant[] now = {CLOCK.instant()};
    Path anchors = anchors(anchor);
    MaterialCheck check = new MaterialCheck(SERVER, IssuancePolicy.DEFAULT, () -> now[0]);
    ReloadingAuthority authority =
        ReloadingAuthority.open(new Pkcs11Token(config, anchors), check, () -> now[0]);
    X509Certificate before = authority.current().certificate();
    TrustBundleStore bundles = TrustBundleStore.open(state, "cluster.local", List.of(anchor));
    List<String> heard = new ArrayList<>();

    KeyStore store = new Pkcs11Token(config, anchors).store();
    PrivateKey anchorKey = (PrivateKey) store.getKey("renewed-anchor", null);
    X509Certificate renewed =
        CertificateBuilder.issuer(
            "identity.signet.cluster.local",
            before.getPublicKey(),
            new SigningKey(anchorKey, store.getProvider()),
            anchor,
            now[0].minusSeconds(60).truncatedTo(ChronoUnit.SECONDS),
            now[0].plus(Duration.ofDays(30)));
    store.setKeyEntry("renewed", store.getKey("renewed", null), null, new Certificate[] {renewed});
    for (int i = 0; i < 3; i++) {
      authority.poll(bundles, listener(heard));
      now[0] = now[0].plus(ReloadingAuthority.INTERVAL);
    }

    assertThat(heard).containsExactly("accepted");
    assertThat(authority.current().certificate()).isEqualTo(renewed);
  }

  /** As after a restart of the token, or when its object is written anew. */
  @Test
  void keyWhoseHandleHasEndedIsOpenedAgainToSign() throws Exception {
    CaChain ca = CaChain.of("again", Algorithm.ecp256, 1);
    Issuer issuer = issuerInToken("again", ca);
    KeyStore store = new Pkcs11Token(config("again"), Path.of("")).store();

    store.deleteEntry("again");
    hsm.put("again", PrivateKeys.parsePem("key", ca.keyPem()), ca.chain());

    assertThat(leaf(issuer).getIssuerX500Principal())
        .isEqualTo(ca.chain().getFirst().getSubjectX500Principal());
    assertThat(issuer.key().matches(issuer.certificate().getPublicKey())).isTrue();
  }

  @Test
  void keyThatIsAnotherOneWhenOpenedAgainDoesNotSign() throws Exception {
    CaChain ca = CaChain.of("other", Algorithm.ecp256, 1);
    Issuer issuer = issuerInToken("other", ca);
    KeyStore store = new Pkcs11Token(config("other"), Path.of("")).store();

    store.deleteEntry("other");
    hsm.put("other", PrivateKeys.generate().getPrivate(), ca.chain());

    assertThatThrownBy(() -> leaf(issuer))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("the token has another private key under this label");
    // Nor does it the next time.
    assertThatThrownBy(() -> leaf(issuer)).isInstanceOf(PkiException.class);
    assertThatThrownBy(() -> issuer.key().matches(issuer.certificate().getPublicKey()))
        .isInstanceOf(RuntimeException.class);
  }

  @Test
  void tokenWithoutTheKeyIsNamedWhenItCannotBeOpenedAgain() throws Exception {
    CaChain ca = CaChain.of("away", Algorithm.ecp256, 1);
    Issuer issuer = issuerInToken("away", ca);

    new Pkcs11Token(config("away"), Path.of("")).store().deleteEntry("away");

    assertThatThrownBy(() -> leaf(issuer))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("token 'signet', key 'away' holds no private key");
    // Not asked again so soon: the token's own word for it.
    assertThatThrownBy(() -> leaf(issuer)).hasMessageContaining("CKR_OBJECT_HANDLE_INVALID");
  }

  private Issuer issuerInToken(String label, CaChain ca) throws Exception {
    hsm.put(label, PrivateKeys.parsePem("key", ca.keyPem()), ca.chain());
    Path anchors = Files.writeString(state.resolve("anchors.pem"), ca.anchorPem());
    AuthoritySource.Material material =
        new Pkcs11Token(config(label), anchors).read().parser().parse();
    return Issuer.of(label, material.key(), material.chain());
  }

  private static X509Certificate leaf(Issuer issuer) throws Exception {
    return CertificateBuilder.issuer(
        "below",
        PrivateKeys.generate().getPublic(),
        issuer.key(),
        issuer.certificate(),
        CLOCK.instant(),
        CLOCK.instant().plus(Duration.ofHours(1)));
  }

  @Test
  void whatIsWrongWithTheTokenIsNamed() throws Exception {
    X509Certificate anchor = create(config("good"), KeyKind.P256);
    Path anchors = anchors(anchor);

    assertRefused(
        new Pkcs11Token.Config(library, "other", pin("87654321"), "good"),
        anchors,
        "has no token with label other: expected one; there are [signet]");
    assertRefused(
        new Pkcs11Token.Config(library, "signet", pin("87654321"), "missing"),
        anchors,
        "key 'missing' holds no private key with a certificate under this label");
    assertRefused(
        new Pkcs11Token.Config(
            hsm.directory().resolve("nothing.so"), "signet", pin("87654321"), "good"),
        anchors,
        "nothing.so cannot be read");
    assertRefused(
        new Pkcs11Token.Config(
            hsm.directory().resolve("softhsm2.conf"), "signet", pin("87654321"), "good"),
        anchors,
        "cannot be loaded");
    Path open = pin("87654321");
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rw-r--r--"));
    assertRefused(
        new Pkcs11Token.Config(library, "signet", open, "good"),
        anchors,
        "is open to others (rw-r--r--): expected rw-------");
    assertThatThrownBy(() -> new Pkcs11Token.Config(library, "signet\nslot = 1", pin("1"), "good"))
        .hasMessageContaining("expected 1 to 255 letters, digits");
  }

  private static void assertRefused(Pkcs11Token.Config config, Path anchors, String message) {
    assertThatThrownBy(() -> new Pkcs11Token(config, anchors).read())
        .isInstanceOfSatisfying(
            RefusedMaterialException.class,
            e -> assertThat(e.reason()).isEqualTo(Reason.UNREADABLE))
        .hasMessageContaining(message);
  }

  private static ReloadingAuthority.Listener listener(List<String> heard) {
    return new ReloadingAuthority.Listener() {
      @Override
      public void accepted(Issuer old, Issuer issuer) {
        heard.add("accepted");
      }

      @Override
      public void refused(Issuer kept, Reason reason, String message) {
        heard.add(message);
      }

      @Override
      public void restored(TrustBundle kept) {
        heard.add("restored");
      }
    };
  }

  private static Pkcs11Token.Config config(String label) throws IOException {
    return hsm.config(label);
  }

  private static Path pin(String pin) throws IOException {
    return hsm.pin(pin);
  }

  private static X509Certificate create(Pkcs11Token.Config config, KeyKind kind)
      throws PkiException {
    return Pkcs11Token.create(
        config,
        "signet.cluster.local",
        new Plan(kind, Duration.ofDays(100), Duration.ofDays(50)),
        CLOCK.instant());
  }

  private ReloadingAuthority open(Pkcs11Token.Config config, X509Certificate anchor)
      throws Exception {
    return ReloadingAuthority.open(
        new Pkcs11Token(config, anchors(anchor)),
        new MaterialCheck(SERVER, IssuancePolicy.DEFAULT, CLOCK),
        CLOCK);
  }

  private Path anchors(X509Certificate anchor) throws IOException {
    return Files.writeString(state.resolve("anchors.crt"), Certificates.toPem(List.of(anchor)));
  }
}
