package io.signetmesh.identity.pki;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyStore;
import java.security.PublicKey;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertStore;
import java.security.cert.CertificateException;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.PKIXCertPathBuilderResult;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.bc.BcX509ExtensionUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The chains that leaves have during a rotation of trust anchors: the old anchor vouches for the
 * new one, or for the issuer under it. Held to verifiers that are not ours, too.
 */
class CrossCertificateIT {
  private static final String WEB = "web.shop.serviceaccount.identity.signet.cluster.local";
  private static final String ROOT = "CN=root.cluster.local";

  @TempDir Path files;

  /** Both anchors, and a chain for those who know either. */
  private record Rotation(
      String what, X509Bundle old, X509Bundle next, X509Bundle leaf, List<X509Certificate> chain) {
    X509Certificate cross() {
      return chain.get(2);
    }

    boolean isOfIssuer() {
      return cross().getSubjectX500Principal().equals(chain.get(1).getSubjectX500Principal());
    }

    @Override
    public String toString() {
      return what;
    }
  }

  static Stream<Rotation> rotations() throws Exception {
    X509Bundle old = anchor(ROOT, 1);
    X509Bundle roomy = anchor("CN=old root", 2);
    return Stream.of(
        byAnchor("equal names", old, anchor(ROOT, 1)),
        byAnchor("different names", roomy, anchor("CN=new root", 1)),
        byIssuer("equal names, issuer", old, anchor(ROOT, 1)),
        byIssuer("different names, issuer", old, anchor("CN=new root", 1)));
  }

  private static X509Bundle anchor(String name, int pathLength) throws Exception {
    X509Bundle plain = TestPki.selfSigned(TestPki.ca(name, pathLength));
    KeyPair keys = plain.getKeyPair();
    X509Certificate certificate =
        identified(TestPki.ca(name, pathLength).keyPair(keys), keys.getPublic(), keys)
            .buildIssuedBy(plain)
            .getCertificate();
    return X509Bundle.fromRootCertificateAuthority(certificate, keys);
  }

  /** The old anchor certifies the key of the new anchor. */
  private static Rotation byAnchor(String what, X509Bundle old, X509Bundle next) throws Exception {
    X509Bundle issuer = issuer(next);
    X509Certificate cross = cross(next, 1, old, TestPki.START.plus(Duration.ofHours(24)));
    return rotation(what, old, next, issuer, cross);
  }

  /** The old anchor certifies the key of the issuer under the new anchor. */
  private static Rotation byIssuer(String what, X509Bundle old, X509Bundle next) throws Exception {
    X509Bundle issuer = issuer(next);
    X509Certificate cross = cross(issuer, 0, old, TestPki.START.plus(Duration.ofHours(24)));
    return rotation(what, old, next, issuer, cross);
  }

  private static X509Bundle issuer(X509Bundle anchor) throws Exception {
    KeyPair keys = PrivateKeys.generate();
    return identified(
            TestPki.ca("CN=issuer", 0).keyPair(keys), keys.getPublic(), anchor.getKeyPair())
        .buildIssuedBy(anchor);
  }

  private static X509Certificate cross(X509Bundle of, int pathLength, X509Bundle by, Instant until)
      throws Exception {
    return identified(
            TestPki.ca(of.getCertificate().getSubjectX500Principal().getName(), pathLength)
                .notAfter(until)
                .keyPair(of.getKeyPair()),
            of.getKeyPair().getPublic(),
            by.getKeyPair())
        .buildIssuedBy(by)
        .getCertificate();
  }

  private static Rotation rotation(
      String what, X509Bundle old, X509Bundle next, X509Bundle issuer, X509Certificate cross)
      throws Exception {
    KeyPair keys = PrivateKeys.generate();
    X509Bundle leaf =
        identified(TestPki.leaf(WEB).keyPair(keys), keys.getPublic(), issuer.getKeyPair())
            .buildIssuedBy(issuer);
    return new Rotation(
        what, old, next, leaf, List.of(leaf.getCertificate(), issuer.getCertificate(), cross));
  }

  /** With the key identifiers that our CA writes, too. */
  private static CertificateBuilder identified(
      CertificateBuilder builder, PublicKey key, KeyPair issuer) throws IOException {
    BcX509ExtensionUtils utils = new BcX509ExtensionUtils();
    byte[] above =
        utils
            .createSubjectKeyIdentifier(
                SubjectPublicKeyInfo.getInstance(issuer.getPublic().getEncoded()))
            .getKeyIdentifier();
    return builder
        .addExtensionOctetString(
            "2.5.29.14",
            false,
            utils
                .createSubjectKeyIdentifier(SubjectPublicKeyInfo.getInstance(key.getEncoded()))
                .getEncoded())
        .addExtensionOctetString(
            "2.5.29.35", false, new AuthorityKeyIdentifier(above).getEncoded());
  }

  @ParameterizedTest
  @MethodSource("rotations")
  void whoKnowsTheNewAnchorDoesNotDependOnTheOld(Rotation rotation) throws Exception {
    for (List<X509Certificate> chain : orders(rotation.chain)) {
      for (List<X509Bundle> known :
          List.of(
              List.of(rotation.next),
              List.of(rotation.old, rotation.next),
              List.of(rotation.next, rotation.old))) {
        VerifiedPeer peer = verifier(known).verifyPeer(chain, Purpose.SERVER);

        if (rotation.isOfIssuer() && known.size() == 2) {
          // Two certificates of one issuer, under an anchor each: either path is as short.
          assertThat(peer.path()).hasSize(3);
        } else {
          assertThat(peer.path())
              .containsExactly(
                  rotation.chain.get(0), rotation.chain.get(1), rotation.next.getCertificate());
        }
      }
    }
    VerifiedPeer asServed =
        verifier(List.of(rotation.old, rotation.next)).verifyPeer(rotation.chain, Purpose.CLIENT);
    assertThat(asServed.path().getLast()).isEqualTo(rotation.next.getCertificate());
  }

  @ParameterizedTest
  @MethodSource("rotations")
  void whoKnowsTheOldAnchorVerifiesByTheCrossCertificate(Rotation rotation) throws Exception {
    for (List<X509Certificate> chain : orders(rotation.chain)) {
      for (Purpose purpose : Purpose.values()) {
        VerifiedPeer peer = verifier(List.of(rotation.old)).verifyPeer(chain, purpose);

        assertThat(peer.identity().name()).isEqualTo(WEB);
        assertThat(peer.path()).contains(rotation.cross());
        assertThat(peer.path().getLast()).isEqualTo(rotation.old.getCertificate());
      }
    }
    assertThatThrownBy(
            () ->
                verifier(List.of(rotation.old))
                    .verify(rotation.chain.subList(0, 2), Purpose.SERVER))
        .as("without it")
        .isInstanceOf(UntrustedChainException.class);
  }

  @ParameterizedTest
  @MethodSource("rotations")
  void opensslAndPkixAgree(Rotation rotation) throws Exception {
    for (List<X509Bundle> known :
        List.of(
            List.of(rotation.old),
            List.of(rotation.next),
            List.of(rotation.old, rotation.next),
            List.of(rotation.next, rotation.old))) {
      if (rotation.isOfIssuer() && !known.contains(rotation.next)) {
        // OpenSSL tries one certificate of an issuer only, the first.
        List<X509Certificate> first = orders(rotation.chain).getLast();
        assertThat(openssl(known, first)).contains("leaf.pem: OK");
        assertThat(openssl(known, rotation.chain)).doesNotContain("leaf.pem: OK");
      } else {
        assertThat(openssl(known, rotation.chain)).contains("leaf.pem: OK");
      }
      PKIXCertPathBuilderResult path = pkix(known, rotation.chain);
      assertThat(path.getTrustAnchor().getTrustedCert())
          .isIn(known.stream().map(X509Bundle::getCertificate).toList());
      for (List<X509Certificate> chain : orders(rotation.chain)) {
        trustManager(known)
            .checkServerTrusted(chain.toArray(X509Certificate[]::new), "ECDHE_ECDSA");
      }
    }
    List<X509Bundle> strangers = List.of(anchor(ROOT, 1));
    assertThat(openssl(strangers, rotation.chain)).doesNotContain("leaf.pem: OK");
    assertThatThrownBy(() -> pkix(strangers, rotation.chain))
        .isInstanceOf(CertPathBuilderException.class);
    assertThatThrownBy(() -> verifier(strangers).verify(rotation.chain, Purpose.SERVER))
        .isInstanceOf(CertificateException.class);
  }

  /**
   * An anchor that allows one CA below it, as ours and those of step do, vouches for a new anchor
   * of the same name only: a self-issued certificate does not count (RFC 5280 section 4.2.1.9).
   */
  @Test
  void pathLengthOneDoesNotVouchForAnAnchorOfAnotherName() throws Exception {
    Rotation rotation = byAnchor("short", anchor(ROOT, 1), anchor("CN=new root", 1));

    assertThatThrownBy(() -> verifier(List.of(rotation.old)).verify(rotation.chain, Purpose.SERVER))
        .hasMessageContaining("allows 1 CA certificates below it");
    assertThat(openssl(List.of(rotation.old), rotation.chain))
        .contains("path length constraint exceeded");
    // The JDK does not hold an anchor to its own path length.
    assertThat(pkix(List.of(rotation.old), rotation.chain).getCertPath().getCertificates())
        .hasSize(3);
  }

  /** A peer ends with the certificates that it was verified by, and not with the others. */
  @Test
  void endIsThatOfThePathThatVerified() throws Exception {
    X509Bundle old = anchor(ROOT, 1);
    X509Bundle next = anchor(ROOT, 1);
    Instant soon = TestPki.START.plus(Duration.ofMinutes(5));
    Rotation rotation = rotation("ends", old, next, issuer(next), cross(next, 1, old, soon));

    assertThat(verifier(List.of(old, next)).verifyPeer(rotation.chain, Purpose.SERVER).notAfter())
        .isEqualTo(rotation.leaf.getCertificate().getNotAfter().toInstant());
    assertThat(verifier(List.of(old)).verifyPeer(rotation.chain, Purpose.SERVER).notAfter())
        .isEqualTo(soon);
    // It does no harm when it has expired, and is of no use.
    InstantSource later = InstantSource.fixed(soon.plusSeconds(1));
    assertThat(
            ChainVerifier.of(trust(List.of(old, next)), later)
                .verifyPeer(rotation.chain, Purpose.SERVER)
                .path())
        .hasSize(3);
    assertThatThrownBy(
            () ->
                ChainVerifier.of(trust(List.of(old)), later)
                    .verifyPeer(rotation.chain, Purpose.SERVER))
        .isInstanceOf(CertificateException.class);
  }

  /** A way round is longer, wherever it comes in the chain. */
  @Test
  void shortestPathIsTakenThoughALongerOneComesFirst() throws Exception {
    X509Bundle old = anchor("CN=old root", 3);
    X509Bundle next = anchor("CN=new root", 1);
    X509Bundle issuer = issuer(next);
    X509Bundle middle = TestPki.issued(TestPki.ca("CN=middle", 1), old);
    X509Certificate around = cross(issuer, 0, middle, TestPki.START.plus(Duration.ofHours(1)));
    X509Certificate leaf = TestPki.issued(TestPki.leaf(WEB), issuer).getCertificate();
    List<X509Certificate> chain =
        List.of(leaf, around, middle.getCertificate(), issuer.getCertificate());

    assertThat(verifier(List.of(old, next)).verifyPeer(chain, Purpose.SERVER).path())
        .containsExactly(leaf, issuer.getCertificate(), next.getCertificate());
    assertThat(verifier(List.of(old)).verifyPeer(chain, Purpose.SERVER).path())
        .containsExactly(leaf, around, middle.getCertificate(), old.getCertificate());
  }

  /** A retired anchor vouches for nothing new: it only leaves live connections alone. */
  @Test
  void retiredAnchorVouchesForNoNewHandshake() throws Exception {
    X509Bundle old = anchor(ROOT, 1);
    X509Bundle next = anchor(ROOT, 1);
    Rotation before =
        rotation("before", old, old, issuer(old), anchor("CN=other", 1).getCertificate());
    PeerTrust retired =
        PeerTrust.of(trust(List.of(next)))
            .withRetiredAnchors(Set.of(Certificates.fingerprint(old.getCertificate())));

    assertThatThrownBy(
            () ->
                ChainVerifier.of(retired, InstantSource.fixed(TestPki.START))
                    .verifyPeer(before.chain, Purpose.CLIENT))
        .isInstanceOf(UntrustedChainException.class);
  }

  private static ChainVerifier verifier(List<X509Bundle> known) {
    return ChainVerifier.of(trust(known), InstantSource.fixed(TestPki.START));
  }

  private static TrustBundle trust(List<X509Bundle> known) {
    return new TrustBundle(
        1, TestPki.TRUST_DOMAIN, known.stream().map(X509Bundle::getCertificate).toList());
  }

  /** The same leaf, with the others in both orders. */
  private static List<List<X509Certificate>> orders(List<X509Certificate> chain) {
    return List.of(chain, List.of(chain.get(0), chain.get(2), chain.get(1)));
  }

  private static PKIXCertPathBuilderResult pkix(List<X509Bundle> known, List<X509Certificate> chain)
      throws Exception {
    X509CertSelector leaf = new X509CertSelector();
    leaf.setCertificate(chain.getFirst());
    PKIXBuilderParameters parameters =
        new PKIXBuilderParameters(
            known.stream()
                .map(anchor -> new TrustAnchor(anchor.getCertificate(), null))
                .collect(Collectors.toSet()),
            leaf);
    parameters.setRevocationEnabled(false);
    parameters.setDate(Date.from(TestPki.START));
    parameters.addCertStore(
        CertStore.getInstance("Collection", new CollectionCertStoreParameters(chain)));
    return (PKIXCertPathBuilderResult) CertPathBuilder.getInstance("PKIX").build(parameters);
  }

  /** What a client of Java does with a chain that a server shows. */
  private static X509TrustManager trustManager(List<X509Bundle> known) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    for (int i = 0; i < known.size(); i++) {
      store.setCertificateEntry("anchor-" + i, known.get(i).getCertificate());
    }
    TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
    factory.init(store);
    return Arrays.stream(factory.getTrustManagers())
        .filter(X509TrustManager.class::isInstance)
        .map(X509TrustManager.class::cast)
        .findFirst()
        .orElseThrow();
  }

  private String openssl(List<X509Bundle> known, List<X509Certificate> chain) throws Exception {
    List<String> command =
        List.of(
            "openssl",
            "verify",
            "-purpose",
            "sslserver",
            "-x509_strict",
            "-attime",
            Long.toString(TestPki.START.getEpochSecond()),
            "-CAfile",
            write("anchors.pem", known.stream().map(X509Bundle::getCertificate).toList()),
            "-untrusted",
            write("chain.pem", chain.subList(1, chain.size())),
            write("leaf.pem", chain.subList(0, 1)));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return output;
  }

  private String write(String name, List<X509Certificate> certificates) throws IOException {
    return Files.writeString(files.resolve(name), Certificates.toPem(certificates)).toString();
  }
}
