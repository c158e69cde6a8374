package io.signetmesh.identity.ca.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder.Algorithm;
import io.netty.pkitesting.CertificateBuilder.KeyUsage;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.ca.CaChain;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.RetiredAnchors;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReloadingAuthorityTest {
  private static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");

  @TempDir Path files;
  @TempDir Path state;

  private final CaChain ca = CaChain.of("first", Algorithm.ecp256, 1);
  private final List<String> heard = new ArrayList<>();
  private Instant now = TestPki.START;
  private TrustBundleStore bundles;
  private boolean hasRevocations;
  private final Set<String> retired = new HashSet<>();

  private final ReloadingAuthority.Listener listener =
      new ReloadingAuthority.Listener() {
        @Override
        public void accepted(Issuer old, Issuer issuer) {
          heard.add("accepted " + Certificates.describe(issuer.certificate()));
        }

        @Override
        public void refused(Issuer kept, Reason reason, String message) {
          heard.add(reason.label() + ": " + message);
        }

        @Override
        public void restored(TrustBundle kept) {
          heard.add("restored version " + kept.version());
        }
      };

  @BeforeEach
  void write() throws Exception {
    bundles = TrustBundleStore.open(state, "cluster.local", List.of(ca.anchor()));
    put("chain", ca.chainPem());
    put("key", ca.keyPem());
    put("anchors", ca.anchorPem());
  }

  @Test
  void changeIsInForceAfterTwoReadings() throws Exception {
    ReloadingAuthority authority = open(pemFiles());
    CaChain next = ca.reissued("next");
    put("chain", next.chainPem());
    put("key", next.keyPem());

    poll(authority);
    assertThat(authority.current().certificate()).isEqualTo(ca.chain().getFirst());
    poll(authority);

    assertThat(authority.current().certificate()).isEqualTo(next.chain().getFirst());
    assertThat(heard).containsExactly("accepted " + Certificates.describe(next.chain().getFirst()));
    polls(authority, 8);
    assertThat(heard).hasSize(1);
  }

  static Stream<List<String>> orders() {
    return Stream.of(
        List.of("chain", "key", "anchors"),
        List.of("chain", "anchors", "key"),
        List.of("key", "chain", "anchors"),
        List.of("key", "anchors", "chain"),
        List.of("anchors", "chain", "key"),
        List.of("anchors", "key", "chain"));
  }

  /** A reading falls between any two writes, and into each file half written. */
  @ParameterizedTest
  @MethodSource("orders")
  void filesReplacedOneByOneAreNeverTakenHalfAndNeverReported(List<String> order) throws Exception {
    ReloadingAuthority authority = open(pemFiles());
    CaChain next = CaChain.of("next", Algorithm.ecp384, 2);
    Map<String, String> contents =
        Map.of(
            "chain", next.chainPem(),
            "key", next.keyPem(),
            "anchors", ca.anchorPem() + next.anchorPem());

    for (String name : order) {
      String content = Objects.requireNonNull(contents.get(name));
      put(name, content.substring(0, content.length() / 3));
      poll(authority);
      assertThat(authority.current().certificate()).isEqualTo(ca.chain().getFirst());
      put(name, content);
      poll(authority);
      assertThat(authority.current().certificate()).isEqualTo(ca.chain().getFirst());
    }
    // The new anchor is in force before an issuer under it.
    poll(authority);
    assertThat(bundles.get().anchors()).containsExactly(ca.anchor(), next.anchor());
    now = now.plus(ReloadingAuthority.ADOPTION);
    poll(authority);

    assertThat(authority.current().certificate()).isEqualTo(next.chain().getFirst());
    assertThat(heard).noneMatch(text -> !text.startsWith("accepted"));
  }

  @Test
  void setThatStaysHalfIsReportedOnceAndTakenWhenItIsWhole() throws Exception {
    ReloadingAuthority authority = open(pemFiles());
    CaChain next = ca.reissued("next");
    put("chain", next.chainPem());

    polls(authority, 100);

    assertThat(heard).singleElement().asString().startsWith("key_mismatch: ");
    assertThat(authority.current().certificate()).isEqualTo(ca.chain().getFirst());
    put("key", next.keyPem());
    polls(authority, 2);
    assertThat(authority.current().certificate()).isEqualTo(next.chain().getFirst());
  }

  static Stream<Arguments> badMaterial() {
    CaChain first = CaChain.of("bad", Algorithm.ecp256, 1);
    CaChain foreign = CaChain.of("foreign", Algorithm.ecp256, 1);
    CaChain expired = first.reissued("expired", ca -> ca.notAfter(TestPki.START.minusSeconds(1)));
    CaChain ending = first.reissued("ending", ca -> ca.notAfter(TestPki.START.plusSeconds(30)));
    CaChain early = first.reissued("early", ca -> ca.notBefore(TestPki.START.plusSeconds(3600)));
    CaChain noCa =
        first.reissued(
            "leaf",
            ca -> ca.setIsCertificateAuthority(false).setKeyUsage(true, KeyUsage.digitalSignature));
    CaChain noSigning = first.reissued("no signing", ca -> ca.setKeyUsage(true, KeyUsage.cRLSign));
    CaChain ed448 = first.reissued("ml", ca -> ca.algorithm(Algorithm.ed448));
    CaChain serverOnly = first.reissued("server", ca -> ca.addExtendedKeyUsageServerAuth());
    X509Bundle deep = TestPki.issued(TestPki.ca("CN=too deep", 0), first.issuerBundle());
    String tooDeep =
        Certificates.toPem(List.of(deep.getCertificate(), first.issuerBundle().getCertificate()));
    return Stream.of(
        Arguments.of(first, Reason.UNTRUSTED, foreign.chainPem(), foreign.keyPem(), null),
        Arguments.of(first, Reason.KEY_MISMATCH, first.chainPem(), foreign.keyPem(), null),
        Arguments.of(first, Reason.EXPIRED, expired.chainPem(), expired.keyPem(), null),
        Arguments.of(first, Reason.EXPIRED, ending.chainPem(), ending.keyPem(), null),
        Arguments.of(first, Reason.NOT_YET_VALID, early.chainPem(), early.keyPem(), null),
        Arguments.of(first, Reason.NOT_CA, noCa.chainPem(), noCa.keyPem(), null),
        Arguments.of(first, Reason.NOT_CA, noSigning.chainPem(), noSigning.keyPem(), null),
        Arguments.of(first, Reason.KEY_KIND, ed448.chainPem(), first.keyPem(), null),
        Arguments.of(first, Reason.PROFILE, serverOnly.chainPem(), serverOnly.keyPem(), null),
        Arguments.of(
            first,
            Reason.PROFILE,
            tooDeep,
            PrivateKeys.toPem(deep.getKeyPair().getPrivate()),
            null),
        Arguments.of(first, Reason.MALFORMED, "no certificate", first.keyPem(), null),
        Arguments.of(first, Reason.MALFORMED, first.chainPem(), "no key", null),
        Arguments.of(first, Reason.MALFORMED, first.chainPem(), first.keyPem(), "no anchors"),
        Arguments.of(
            first,
            Reason.MALFORMED,
            first.chainPem(),
            first.keyPem(),
            first.anchorPem() + first.anchorPem()),
        Arguments.of(
            first,
            Reason.CUTS_OFF_ISSUER,
            foreign.chainPem(),
            foreign.keyPem(),
            foreign.anchorPem()));
  }

  @ParameterizedTest
  @MethodSource("badMaterial")
  void badMaterialIsRefusedWithTheReasonAndTheOldKept(
      CaChain first, Reason reason, String chain, String key, @Nullable String anchors)
      throws Exception {
    bundles.setBundle(List.of(first.anchor()));
    put("chain", first.chainPem());
    put("key", first.keyPem());
    put("anchors", first.anchorPem());
    ReloadingAuthority authority = open(pemFiles());
    put("chain", chain);
    put("key", key);
    if (anchors != null) {
      put("anchors", anchors);
    }

    polls(authority, 10);

    assertThat(heard).singleElement().asString().startsWith(reason.label() + ": ");
    assertThat(authority.current().chain()).isEqualTo(first.chain());
    assertThat(bundles.get().anchors()).containsExactly(first.anchor());
    // The same at the start: nothing is put in force.
    assertThatThrownBy(
            () -> {
              if (reason != Reason.CUTS_OFF_ISSUER) {
                open(pemFiles());
              } else {
                throw new PkiException("only beside an issuer in force");
              }
            })
        .isInstanceOf(PkiException.class);
  }

  @Test
  void anchorThatWasRetiredIsRefusedAlsoUnderANewCertificateOfItsKeyAndAtTheStart()
      throws Exception {
    ReloadingAuthority authority = open(pemFiles());
    CaChain gone = CaChain.of("gone", Algorithm.ecp256, 1);
    retired.add(RetiredAnchors.key(gone.anchor()));
    put("anchors", ca.anchorPem() + gone.anchorPem());

    polls(authority, 10);

    assertThat(heard)
        .singleElement()
        .asString()
        .startsWith("retired: ")
        .contains(Certificates.describe(gone.anchor()))
        .contains("has left: take it out");
    assertThat(bundles.get().anchors()).containsExactly(ca.anchor());
    assertThatThrownBy(() -> open(pemFiles()))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("has left");
  }

  @Test
  void missingFileIsReportedAndTheOldKept() throws Exception {
    ReloadingAuthority authority = open(pemFiles());
    Files.delete(files.resolve("key"));

    polls(authority, 10);

    assertThat(heard).containsExactly("unreadable: " + files.resolve("key") + " does not exist");
    assertThat(authority.current().chain()).isEqualTo(ca.chain());
  }

  @Test
  void whatWasRefusedAsTooEarlyIsTakenWhenItsTimeHasCome() throws Exception {
    ReloadingAuthority authority = open(pemFiles());
    CaChain early = ca.reissued("early", next -> next.notBefore(TestPki.START.plusSeconds(60)));
    put("chain", early.chainPem());
    put("key", early.keyPem());
    polls(authority, 10);
    assertThat(heard).singleElement().asString().startsWith("not_yet_valid: ");

    now = TestPki.START.plusSeconds(61);
    poll(authority);

    assertThat(authority.current().chain()).isEqualTo(early.chain());
  }

  @Test
  void newAnchorsAreInForceBeforeAnIssuerThatOnlyTheyVouchFor() throws Exception {
    ReloadingAuthority authority = open(pemFiles());
    CaChain next = CaChain.of("next", Algorithm.ecp256, 1);
    put("chain", next.chainPem());
    put("key", next.keyPem());
    put("anchors", ca.anchorPem() + next.anchorPem());

    polls(authority, 3);
    assertThat(bundles.get().anchors()).containsExactly(ca.anchor(), next.anchor());
    assertThat(authority.current().chain()).isEqualTo(ca.chain());

    // Taken back before it was in force: the anchors are those of before.
    write();
    polls(authority, 2);
    assertThat(bundles.get().anchors()).containsExactly(ca.anchor());
  }

  @Test
  void anchorsOfAnIssuerThatTurnsBadBeforeItIsInForceAreTakenBack() throws Exception {
    ReloadingAuthority authority = open(pemFiles());
    CaChain next =
        CaChain.of(
            "next",
            Algorithm.ecp256,
            1,
            issuer ->
                issuer.notAfter(
                    TestPki.START.plus(IssuancePolicy.DEFAULT.leastRemaining()).plusSeconds(3)));
    put("chain", next.chainPem());
    put("key", next.keyPem());
    put("anchors", ca.anchorPem() + next.anchorPem());
    polls(authority, 3);
    assertThat(bundles.get().anchors()).containsExactly(ca.anchor(), next.anchor());

    now = now.plus(ReloadingAuthority.ADOPTION);
    poll(authority);

    assertThat(heard).singleElement().asString().startsWith("expired: ");
    assertThat(authority.current().chain()).isEqualTo(ca.chain());
    assertThat(bundles.get().anchors()).containsExactly(ca.anchor());
  }

  @Test
  void issuerThatMaySignNoCrlIsRefusedOnlyWhileThereAreRevocations() throws Exception {
    CaChain noLists =
        ca.reissued("no lists", issuer -> issuer.setKeyUsage(true, KeyUsage.keyCertSign));
    ReloadingAuthority authority = open(pemFiles());
    hasRevocations = true;
    put("chain", noLists.chainPem());
    put("key", noLists.keyPem());

    polls(authority, 10);

    assertThat(heard).singleElement().asString().startsWith("no_crl_sign: ");
    assertThat(authority.current().chain()).isEqualTo(ca.chain());
    assertThatThrownBy(() -> open(pemFiles()))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("there are revocations")
        .hasMessageContaining("cRLSign");
    hasRevocations = false;
    assertThat(open(pemFiles()).current().chain()).isEqualTo(noLists.chain());
  }

  @Test
  void anchorIsRemovedAfterTheIssuerHasChanged() throws Exception {
    ReloadingAuthority authority = open(pemFiles());
    CaChain next = CaChain.of("next", Algorithm.ecp256, 1);
    put("anchors", ca.anchorPem() + next.anchorPem());
    polls(authority, 2);
    now = now.plus(ReloadingAuthority.ADOPTION);
    put("chain", next.chainPem());
    put("key", next.keyPem());
    polls(authority, 2);
    assertThat(authority.current().chain()).isEqualTo(next.chain());

    put("anchors", next.anchorPem());
    polls(authority, 2);

    assertThat(bundles.get().anchors()).containsExactly(next.anchor());
    assertThat(heard).hasSize(3).allMatch(text -> text.startsWith("accepted"));
  }

  /** In two edits as in one: peers need the time to hear of the anchor. */
  @Test
  void issuerThatComesRightAfterItsAnchorWaitsUntilPeersHaveTheAnchor() throws Exception {
    ReloadingAuthority authority = open(pemFiles());
    CaChain next = CaChain.of("next", Algorithm.ecp256, 1);
    poll(authority);
    put("anchors", ca.anchorPem() + next.anchorPem());
    polls(authority, 2);
    assertThat(heard).hasSize(1);
    Instant inForce = now.minus(ReloadingAuthority.INTERVAL);
    put("chain", next.chainPem());
    put("key", next.keyPem());

    while (now.isBefore(inForce.plus(ReloadingAuthority.ADOPTION))) {
      poll(authority);
      assertThat(authority.current().chain()).isEqualTo(ca.chain());
    }
    poll(authority);

    assertThat(authority.current().chain()).isEqualTo(next.chain());
    assertThat(heard).hasSize(2).allMatch(text -> text.startsWith("accepted"));
  }

  @Test
  void bundleFileIsTheServersOwnAndAnOlderCopyIsNeverInForce() throws Exception {
    ReloadingAuthority authority = open(pemFiles());
    Path file = state.resolve("trust-bundle.json");
    byte[] older = Files.readAllBytes(file);
    CaChain next = CaChain.of("next", Algorithm.ecp256, 1);
    put("anchors", ca.anchorPem() + next.anchorPem());
    polls(authority, 2);
    TrustBundle inForce = bundles.get();
    assertThat(inForce.version()).isEqualTo(2);
    heard.clear();

    for (byte[] content : List.of(older, "{\"version\": 9".getBytes(StandardCharsets.UTF_8))) {
      Files.write(file, content);
      poll(authority);
    }
    Files.delete(file);
    polls(authority, 4);

    assertThat(heard)
        .containsExactly("restored version 2", "restored version 2", "restored version 2");
    assertThat(bundles.get()).isSameAs(inForce);
    assertThat(TrustBundleStore.open(state, "cluster.local", List.of()).get()).isEqualTo(inForce);
  }

  @Test
  void bundleFileThatCannotBeWrittenAgainKeepsNoChangeOut() throws Exception {
    ReloadingAuthority authority = open(pemFiles());
    Path file = state.resolve("trust-bundle.json");
    Files.delete(file);
    Files.createDirectories(file.resolve("full"));
    CaChain next = ca.reissued("next");
    put("chain", next.chainPem());
    put("key", next.keyPem());

    polls(authority, 2);

    assertThat(authority.current().chain()).isEqualTo(next.chain());
    Files.delete(file.resolve("full"));
    Files.delete(file);
    now = now.plusSeconds(60);
    poll(authority);
    assertThat(heard).last().isEqualTo("restored version 1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"crt.pem key.pem", "tls.crt tls.key"})
  void secretAsAKubeletMountsItIsReadAsOneVersion(String names) throws Exception {
    String crt = names.split(" ")[0];
    String key = names.split(" ")[1];
    Path mount = files.resolve("mount");
    CaChain next = ca.reissued("next");
    version(mount, "..1", Map.of(crt, ca.chainPem(), key, ca.keyPem(), "ca.crt", ca.anchorPem()));
    for (String name : List.of(crt, key, "ca.crt")) {
      Files.createSymbolicLink(mount.resolve(name), Path.of("..data", name));
    }
    ReloadingAuthority authority = open(new SecretDirectory(mount, null));

    version(
        mount, "..2", Map.of(crt, next.chainPem(), key, next.keyPem(), "ca.crt", ca.anchorPem()));
    polls(authority, 2);

    assertThat(authority.current().chain()).isEqualTo(next.chain());
    assertThat(heard).singleElement().asString().startsWith("accepted");
  }

  @Test
  void directoryOfBothShapesOrOfNoneIsRefused() throws Exception {
    Path directory = Files.createDirectory(files.resolve("both"));
    assertThatThrownBy(() -> open(new SecretDirectory(directory, null)))
        .hasMessageContaining(directory + " holds neither crt.pem nor tls.crt: expected");
    Files.writeString(directory.resolve("crt.pem"), ca.chainPem());
    Files.writeString(directory.resolve("key.pem"), ca.keyPem());
    assertThatThrownBy(() -> open(new SecretDirectory(directory, null)))
        .hasMessageContaining("holds no ca.crt");
    Files.writeString(directory.resolve("tls.crt"), ca.chainPem());
    assertThatThrownBy(() -> open(new SecretDirectory(directory, null)))
        .hasMessageContaining("holds both crt.pem and tls.crt");
  }

  /** What a kubelet does: a new directory, then one rename of the symbolic link. */
  private static void version(Path mount, String name, Map<String, String> contents)
      throws IOException {
    Path directory = Files.createDirectories(mount.resolve(name));
    for (var file : contents.entrySet()) {
      Files.writeString(directory.resolve(file.getKey()), file.getValue());
    }
    Path link = Files.createSymbolicLink(mount.resolve("..data_tmp"), Path.of(name));
    Files.move(link, mount.resolve("..data"), StandardCopyOption.ATOMIC_MOVE);
  }

  private PemFiles pemFiles() {
    return new PemFiles(files.resolve("chain"), files.resolve("key"), files.resolve("anchors"));
  }

  private ReloadingAuthority open(AuthoritySource source) throws PkiException {
    return ReloadingAuthority.open(
        source,
        new MaterialCheck(
            SERVER,
            IssuancePolicy.DEFAULT,
            () -> now,
            () -> hasRevocations,
            anchor -> retired.contains(RetiredAnchors.key(anchor)) ? "has left" : ""),
        () -> now);
  }

  private void poll(ReloadingAuthority authority) throws IOException {
    authority.poll(bundles, listener);
    now = now.plus(ReloadingAuthority.INTERVAL);
  }

  private void polls(ReloadingAuthority authority, int times) throws IOException {
    for (int i = 0; i < times; i++) {
      poll(authority);
    }
  }

  private void put(String name, String content) throws IOException {
    Files.writeString(files.resolve(name), content);
  }
}
