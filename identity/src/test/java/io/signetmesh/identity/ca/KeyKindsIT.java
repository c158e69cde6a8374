package io.signetmesh.identity.ca;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder.Algorithm;
import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Leaves under CAs of every kind of key, held to verifiers that are not ours. */
class KeyKindsIT {
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");
  private static final InstantSource CLOCK = () -> TestPki.START;

  @TempDir Path files;

  @BeforeAll
  static void asAServer() {
    Signatures.useNative();
  }

  static Stream<Arguments> chains() {
    List<Arguments> chains = new ArrayList<>();
    for (Algorithm algorithm :
        List.of(
            Algorithm.ecp256,
            Algorithm.ecp384,
            Algorithm.ed25519,
            Algorithm.rsa2048,
            Algorithm.rsa3072,
            Algorithm.rsa4096)) {
      // Keys of 4096 bits take seconds each.
      for (int depth : algorithm == Algorithm.rsa4096 ? new int[] {1} : new int[] {1, 2, 3, 4}) {
        if (algorithm != Algorithm.rsa3072 || depth < 3) {
          chains.add(Arguments.of(algorithm, depth));
        }
      }
    }
    return chains.stream();
  }

  @ParameterizedTest
  @MethodSource("chains")
  void opensslPkixAndOurOwnVerifierTakeTheChain(Algorithm algorithm, int depth) throws Exception {
    CaChain ca = CaChain.of("kinds", algorithm, depth);
    KeyPair keys = (depth % 2 == 0 ? KeyKind.P384 : KeyKind.P256).generate();

    List<X509Certificate> chain = issue(ca, keys);

    assertThat(chain).hasSize(depth + 1);
    assertThat(chain.getFirst().getPublicKey()).isEqualTo(keys.getPublic());
    ChainVerifier ours = ChainVerifier.of(ca.trust(), CLOCK);
    assertThat(ours.verify(chain, Purpose.SERVER).name()).isEqualTo(WEB.dnsName());
    assertThat(ours.verify(chain, Purpose.CLIENT).name()).isEqualTo(WEB.dnsName());
    validateByPkix(ca, chain);
    // The CAs are made by another library, without the key identifiers that are asked for strictly.
    opensslVerifies(ca.anchor(), chain);
  }

  /** The whole certificate, so that nothing is in it that is not listed here. */
  @Test
  void leafHasTheProfileAndNothingElse() throws Exception {
    CaChain ca = CaChain.of("profile", Algorithm.ecp256, 1);
    X509Certificate leaf = issue(ca, KeyKind.P256.generate()).getFirst();

    X509CertificateHolder holder = new X509CertificateHolder(leaf.getEncoded());

    assertThat(holder.getVersionNumber()).isEqualTo(3);
    assertThat(holder.getSerialNumber().bitLength()).isBetween(90, 128);
    assertThat(holder.getSerialNumber().signum()).isPositive();
    assertThat(holder.getExtensionOIDs())
        .isEqualTo(
            List.of(
                Extension.basicConstraints,
                Extension.keyUsage,
                Extension.extendedKeyUsage,
                Extension.subjectAlternativeName,
                Extension.subjectKeyIdentifier,
                Extension.authorityKeyIdentifier));
    assertThat(holder.getCriticalExtensionOIDs())
        .isEqualTo(Set.of(Extension.basicConstraints, Extension.keyUsage));
    assertThat(KeyUsage.fromExtensions(holder.getExtensions()).hasUsages(KeyUsage.digitalSignature))
        .isTrue();
    assertThat(holder.getIssuer())
        .isEqualTo(new X509CertificateHolder(ca.issuer().certificate().getEncoded()).getSubject());
    assertThat(openssl("x509", "-noout", "-text", "-in", write("l.pem", pem(leaf)).toString()))
        .contains("X509v3 Key Usage: critical", "Digital Signature")
        .contains("DNS:" + WEB.dnsName() + ", URI:" + WEB.spiffeId())
        .contains("TLS Web Server Authentication, TLS Web Client Authentication")
        .contains("CA:FALSE");
  }

  @ParameterizedTest
  @EnumSource(
      value = KeyKind.class,
      names = {"P256", "P384", "ED25519", "RSA2048"})
  void ownCasOfEveryKindAreSignedByTheirKindAndPassOpensslsStrictCheck(KeyKind kind)
      throws Exception {
    Instant end = TestPki.START.plusSeconds(3600);
    KeyPair above = kind.generate();
    X509Certificate anchor = CertificateBuilder.anchor("root", above, TestPki.START, end);
    KeyPair keys = kind.generate();
    X509Certificate certificate =
        CertificateBuilder.issuer(
            "issuer",
            keys.getPublic(),
            SigningKey.of(above.getPrivate()),
            anchor,
            TestPki.START,
            end);
    Issuer issuer = Issuer.of("test", keys.getPrivate(), List.of(certificate));
    TrustBundle trust = new TrustBundle(1, TestPki.TRUST_DOMAIN, List.of(anchor));

    List<X509Certificate> chain = issue(issuer, trust, KeyKind.P256.generate());

    for (X509Certificate signed : List.of(anchor, certificate, chain.getFirst())) {
      assertThat(signed.getSigAlgName()).isEqualToIgnoringCase(kind.signature());
    }
    assertThat(KeyKind.of("anchor", anchor.getPublicKey())).isEqualTo(kind);
    assertThat(KeyKind.parse(kind.option())).isEqualTo(kind);
    opensslVerifies(anchor, chain, "-x509_strict");
  }

  @Test
  void weakAndOddKeysOfIssuersAreRefusedByName() throws Exception {
    for (var odd :
        List.of(
            List.of("RSA", "1024", "RSA 1024"),
            List.of("EC", "secp521r1", "ECDSA on another curve of 521 bits"),
            List.of("Ed448", "", "Ed448"),
            List.of("DSA", "2048", "DSA"))) {
      KeyPairGenerator generator = KeyPairGenerator.getInstance(odd.getFirst());
      if (odd.get(1).startsWith("secp")) {
        generator.initialize(new ECGenParameterSpec(odd.get(1)));
      } else if (!odd.get(1).isEmpty()) {
        generator.initialize(Integer.parseInt(odd.get(1)));
      }
      KeyPair keys = generator.generateKeyPair();

      assertThatThrownBy(() -> KeyKind.of("issuer x", keys.getPublic()))
          .isInstanceOf(PkiException.class)
          .hasMessageStartingWith("issuer x has a key of type " + odd.get(2) + ": expected");
    }
  }

  private void opensslVerifies(
      X509Certificate anchor, List<X509Certificate> chain, String... further) throws Exception {
    for (String purpose : List.of("sslserver", "sslclient")) {
      List<String> arguments = new ArrayList<>(List.of("verify", "-purpose", purpose));
      arguments.addAll(List.of(further));
      arguments.addAll(
          List.of(
              "-attime",
              Long.toString(TestPki.START.getEpochSecond()),
              "-CAfile",
              write("anchor.pem", pem(anchor)).toString(),
              "-untrusted",
              write("chain.pem", Certificates.toPem(chain.subList(1, chain.size()))).toString(),
              write("leaf.pem", pem(chain.getFirst())).toString()));
      assertThat(openssl(arguments.toArray(String[]::new))).contains("leaf.pem: OK");
    }
  }

  private static List<X509Certificate> issue(CaChain ca, KeyPair keys) throws Exception {
    return issue(ca.issuer(), ca.trust(), keys);
  }

  private static List<X509Certificate> issue(Issuer issuer, TrustBundle trust, KeyPair keys)
      throws Exception {
    return new CertificateAuthority(() -> issuer, () -> trust, IssuancePolicy.DEFAULT, CLOCK)
        .issue(WEB, SigningRequest.parse(SigningRequest.create(WEB.dnsName(), keys)));
  }

  private static void validateByPkix(CaChain ca, List<X509Certificate> chain) throws Exception {
    PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(ca.anchor(), null)));
    parameters.setRevocationEnabled(false);
    parameters.setDate(Date.from(TestPki.START));
    CertPathValidator.getInstance("PKIX")
        .validate(CertificateFactory.getInstance("X.509").generateCertPath(chain), parameters);
  }

  private static String pem(X509Certificate certificate) {
    return Certificates.toPem(List.of(certificate));
  }

  private Path write(String name, String content) throws Exception {
    return Files.writeString(files.resolve(name), content);
  }

  private static String openssl(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output;
  }
}
