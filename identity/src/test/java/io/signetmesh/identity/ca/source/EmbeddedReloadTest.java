package io.signetmesh.identity.ca.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder.Algorithm;
import io.signetmesh.identity.ca.CaChain;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.source.EmbeddedAuthority.Plan;
import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An operator changes the CA of a state directory while the server runs. */
class EmbeddedReloadTest {
  private static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");
  private static final Plan PLAN = new Plan(KeyKind.P256, Duration.ofDays(900), Duration.ofDays(9));

  @TempDir Path state;
  @TempDir Path elsewhere;

  private final List<String> heard = new ArrayList<>();
  private Instant now = TestPki.START;
  private TrustBundleStore bundles;
  private X509Certificate anchor;
  private X509Certificate issuer;
  private ReloadingAuthority authority;

  private final ReloadingAuthority.Listener listener =
      new ReloadingAuthority.Listener() {
        @Override
        public void accepted(Issuer old, Issuer accepted) {
          heard.add(old == accepted ? "anchors" : "issuer");
        }

        @Override
        public void refused(Issuer kept, Reason reason, String message) {
          heard.add(reason.label() + ": " + message);
        }

        @Override
        public void restored(TrustBundle kept) {
          heard.add("restored");
        }
      };

  @BeforeEach
  void start() throws Exception {
    EmbeddedAuthority embedded =
        EmbeddedAuthority.create(state, "signet", "cluster.local", PLAN, () -> now);
    anchor = embedded.anchor();
    bundles = TrustBundleStore.open(state, "cluster.local", List.of(anchor));
    authority = reload(embedded);
    issuer = authority.current().certificate();
  }

  @Test
  void anchorIsReplacedWithoutARestart() throws Exception {
    EmbeddedAuthority next = next();
    polls(4);

    write("anchor.crt", Certificates.toPem(List.of(anchor, next.anchor())));
    polls(2);
    assertThat(bundles.get().anchors()).containsExactly(anchor, next.anchor());
    assertThat(authority.current().certificate()).isEqualTo(issuer);

    now = now.plus(ReloadingAuthority.ADOPTION);
    copy("anchor.key");
    copy("issuer.pem");
    polls(2);
    assertThat(authority.current().certificate()).isEqualTo(next.current().certificate());

    copy("anchor.crt");
    polls(2);
    assertThat(bundles.get().anchors()).containsExactly(next.anchor());
    assertThat(bundles.get().version()).isEqualTo(3);
    assertThat(heard).containsExactly("anchors", "issuer", "anchors");

    // A restart finds the same, and the issuer is renewed under the new anchor.
    assertThat(reload(open()).anchors()).containsExactly(next.anchor());
    now = now.plus(Duration.ofDays(8));
    polls(3);
    assertThat(heard).hasSize(4).last().isEqualTo("issuer");
    authority.current().certificate().verify(next.anchor().getPublicKey());
  }

  static Stream<List<String>> orders() {
    return Stream.of(
        List.of("anchor.crt", "anchor.key", "issuer.pem"),
        List.of("anchor.crt", "issuer.pem", "anchor.key"),
        List.of("anchor.key", "anchor.crt", "issuer.pem"),
        List.of("anchor.key", "issuer.pem", "anchor.crt"),
        List.of("issuer.pem", "anchor.crt", "anchor.key"),
        List.of("issuer.pem", "anchor.key", "anchor.crt"));
  }

  /** A reading falls between any two writes, and into each file half written. */
  @ParameterizedTest
  @MethodSource("orders")
  void filesReplacedOneByOneAreNeverTakenHalfAndNeverReported(List<String> order) throws Exception {
    EmbeddedAuthority next = next();
    for (String name : order) {
      String content =
          name.equals("anchor.crt")
              ? Certificates.toPem(List.of(anchor, next.anchor()))
              : Files.readString(elsewhere.resolve("ca").resolve(name));
      write(name, content.substring(0, content.length() / 3));
      polls(1);
      write(name, content);
      polls(1);
      assertThat(authority.current().certificate()).isEqualTo(issuer);
    }
    polls(1);
    now = now.plus(ReloadingAuthority.ADOPTION);
    polls(1);

    assertThat(authority.current().certificate()).isEqualTo(next.current().certificate());
    assertThat(heard).isSubsetOf("anchors", "issuer");
  }

  static Stream<Arguments> halfSets() {
    return Stream.of(
        Arguments.of(List.of("anchor.key"), Reason.KEY_MISMATCH, "anchor.key: the private key"),
        Arguments.of(List.of("anchor.crt"), Reason.KEY_MISMATCH, "anchor.key: the private key"),
        Arguments.of(List.of("issuer.pem"), Reason.UNTRUSTED, "issuer.pem: "),
        Arguments.of(List.of("anchor.key", "anchor.crt"), Reason.UNTRUSTED, "issuer.pem: "),
        Arguments.of(
            List.of("anchor.key", "anchor.crt", "issuer.pem"),
            Reason.CUTS_OFF_ISSUER,
            "add new anchors beside the old ones first"));
  }

  @ParameterizedTest
  @MethodSource("halfSets")
  void setThatDoesNotFitIsRefusedWithTheReasonAndTheOldKept(
      List<String> replaced, Reason reason, String message) throws Exception {
    next();
    for (String name : replaced) {
      copy(name);
    }

    assertRefusedAndKept(reason, message);
  }

  @Test
  void keyOfAnotherIssuerIsRefused() throws Exception {
    write(
        "issuer.pem",
        PrivateKeys.toPem(PrivateKeys.generate().getPrivate())
            + Certificates.toPem(List.of(issuer)));

    assertRefusedAndKept(Reason.KEY_MISMATCH, "the private key does not belong to issuer");
  }

  /** It is the operator's: only what is in force is renewed. */
  @Test
  void issuerThatHasExpiredIsRefusedAndNotRenewed() throws Exception {
    CaChain ca = CaChain.of("other", Algorithm.ecp256, 1);
    CaChain expired = ca.reissued("expired", c -> c.notAfter(TestPki.START.minusSeconds(1)));
    write("anchor.crt", Certificates.toPem(List.of(anchor, ca.anchor())));
    write("anchor.key", PrivateKeys.toPem(ca.anchorBundle().getKeyPair().getPrivate()));
    String content = expired.keyPem() + expired.chainPem();
    write("issuer.pem", content);

    assertRefusedAndKept(Reason.EXPIRED, "expired");
    assertThat(file("issuer.pem")).hasContent(content);
  }

  @ParameterizedTest
  @ValueSource(strings = {"anchor.crt", "anchor.key", "issuer.pem"})
  void missingFileIsReportedAndNeverMadeAnew(String name) throws Exception {
    Files.delete(file(name));

    assertRefusedAndKept(Reason.UNREADABLE, name + " is missing from the CA");
    assertThat(file(name)).doesNotExist();
  }

  @Test
  void directoryThatIsMissingIsReportedAndNeverMadeAnew() throws Exception {
    Files.move(state.resolve("ca"), state.resolve("moved"));

    assertRefusedAndKept(Reason.UNREADABLE, "is missing from the CA");
    assertThat(state.resolve("ca")).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "anchor.key rw-r-----",
        "issuer.pem rw----r--",
        "issuer.pem rw--w----",
        "anchor.crt rw-rw-r--",
        "anchor.crt rw-r--rw-"
      })
  void fileThatIsOpenToOthersIsRefused(String fileAndMode) throws Exception {
    String name = fileAndMode.split(" ")[0];
    String mode = fileAndMode.split(" ")[1];
    // Another content, which would be taken.
    if (name.equals("issuer.pem")) {
      write(name, Files.readString(file(name)) + "\n");
    }
    Files.setPosixFilePermissions(file(name), PosixFilePermissions.fromString(mode));

    assertRefusedAndKept(Reason.UNREADABLE, name + " ");
    assertThat(heard.getFirst()).contains("others (" + mode + "): expected rw-");
  }

  @Test
  void renewalIsReadLikeAnyOtherChange() throws Exception {
    now = now.plus(Duration.ofDays(5));
    polls(3);
    assertThat(heard).isEmpty();

    now = now.plus(Duration.ofDays(2));
    polls(3);

    assertThat(heard).containsExactly("issuer");
    assertThat(authority.current().certificate()).isNotEqualTo(issuer);
    assertThat(open().current().certificate()).isEqualTo(authority.current().certificate());
    assertThat(bundles.get().version()).isEqualTo(1);
  }

  @Test
  void renewalThatFailsKeepsTheOldIssuerKeepsNoChangeOutAndIsTriedAgainAfterAWhile()
      throws Exception {
    EmbeddedAuthority files = open();
    int[] attempts = {0};
    authority =
        ReloadingAuthority.open(
            new AuthoritySource() {
              @Override
              public Snapshot read() throws RefusedMaterialException {
                return files.read();
              }

              @Override
              public void renew(String digest) throws IOException {
                attempts[0]++;
                throw new IOException("no space left on device");
              }
            },
            new MaterialCheck(SERVER, IssuancePolicy.DEFAULT, () -> now),
            () -> now);

    polls(39);
    assertThat(attempts[0]).isEqualTo(1);
    polls(3);
    assertThat(attempts[0]).isEqualTo(2);
    EmbeddedAuthority next = next();
    write("anchor.crt", Certificates.toPem(List.of(anchor, next.anchor())));
    polls(2);

    assertThat(heard).containsExactly("anchors");
    assertThat(authority.current().certificate()).isEqualTo(issuer);
  }

  /** An empty volume in its place must not make another CA that the mesh does not know. */
  @Test
  void restartWithAnotherCaIsRefusedAsLongAsTheOldBundleIsThere() throws Exception {
    next();
    for (String name : List.of("anchor.crt", "anchor.key", "issuer.pem")) {
      copy(name);
    }

    assertThatThrownBy(() -> reload(open()).requireTrustedBy(bundles.get()))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("no anchor of trust-bundle.json vouches for issuer")
        .hasMessageContaining("move trust-bundle.json away");
  }

  private void assertRefusedAndKept(Reason reason, String message) throws Exception {
    polls(60);
    assertThat(heard)
        .singleElement()
        .asString()
        .startsWith(reason.label() + ": ")
        .contains(message)
        .doesNotContain("PRIVATE KEY");
    assertThat(authority.current().certificate()).isEqualTo(issuer);
    assertThat(bundles.get().anchors()).containsExactly(anchor);
  }

  private EmbeddedAuthority open() throws Exception {
    return EmbeddedAuthority.open(state, "signet", "cluster.local", () -> now);
  }

  /** The CA to come, beside the one in force. */
  private EmbeddedAuthority next() throws Exception {
    return EmbeddedAuthority.create(elsewhere, "signet", "cluster.local", PLAN, () -> now);
  }

  private ReloadingAuthority reload(EmbeddedAuthority embedded) throws PkiException {
    return ReloadingAuthority.open(
        embedded, new MaterialCheck(SERVER, IssuancePolicy.DEFAULT, () -> now), () -> now);
  }

  private void polls(int times) throws IOException {
    for (int i = 0; i < times; i++) {
      authority.poll(bundles, listener);
      now = now.plus(ReloadingAuthority.INTERVAL);
    }
  }

  private Path file(String name) {
    return state.resolve("ca").resolve(name);
  }

  private void copy(String name) throws IOException {
    write(name, Files.readString(elsewhere.resolve("ca").resolve(name)));
  }

  private void write(String name, String content) throws IOException {
    if (name.equals("anchor.crt")) {
      StateFiles.writePublic(file(name), content);
    } else {
      StateFiles.writeSecret(file(name), content.getBytes(StandardCharsets.UTF_8));
    }
  }
}
