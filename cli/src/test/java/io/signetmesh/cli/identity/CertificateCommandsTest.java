package io.signetmesh.cli.identity;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.CertificateBuilder.KeyUsage;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.identity.pki.Certificates;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.cert.jcajce.JcaX509v2CRLBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code signet identity show} and {@code verify}. */
final class CertificateCommandsTest {
  private static final String WEB = "web.shop.serviceaccount.identity.signet.cluster.local";
  private static final Instant NOW = Instant.now();

  @TempDir private Path directory;
  private X509Bundle anchor;
  private X509Bundle leaf;
  private Path leafFile;
  private Path anchorFile;

  @BeforeEach
  void files() throws Exception {
    anchor =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=root.signet.cluster.local")
            .notBefore(NOW.minus(Duration.ofDays(1)))
            .notAfter(NOW.plus(Duration.ofDays(3650)))
            .setIsCertificateAuthority(true)
            .setKeyUsage(true, KeyUsage.keyCertSign, KeyUsage.cRLSign)
            .buildSelfSigned();
    leaf =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=web")
            .notBefore(NOW.minus(Duration.ofHours(1)))
            .notAfter(NOW.plus(Duration.ofHours(23)).plusSeconds(1800))
            .setKeyUsage(true, KeyUsage.digitalSignature)
            .addExtendedKeyUsageServerAuth()
            .addExtendedKeyUsageClientAuth()
            .addSanDnsName(WEB)
            .addSanUriName("spiffe://cluster.local/ns/shop/sa/web")
            .buildIssuedBy(anchor);
    leafFile = write("leaf.pem", leaf.getCertificate());
    anchorFile = write("anchor.pem", anchor.getCertificate());
  }

  @Test
  void showsNamesLifeLeftUsageAndFingerprintsForPeople() {
    String shown = run("show", leafFile.toString()).ended(ExitCode.OK).out();

    assertThat(shown)
        .contains("Subject      CN=web")
        .contains("DNS " + WEB + ", URI spiffe://cluster.local/ns/shop/sa/web")
        .contains("(23 hours ")
        .contains("digitalSignature, serverAuth, clientAuth")
        .contains("ECDSA P-256")
        .contains(HexFormat.of().formatHex(Certificates.sha256(leaf.getCertificate())));
  }

  @Test
  void showsACaAsOne() {
    assertThat(run("show", anchorFile.toString()).ended(ExitCode.OK).out())
        .contains("CA, keyCertSign, cRLSign")
        .contains("3649 days left");
  }

  @Test
  void showsJsonForPrograms() throws Exception {
    JsonNode shown = run("show", leafFile.toString(), "-o", "json").ended(ExitCode.OK).json();

    assertThat(shown).hasSize(1);
    assertThat(shown.get(0).path("subjectAlternativeNames").get(0).path("value").asText())
        .isEqualTo(WEB);
    assertThat(shown.get(0).path("ca").asBoolean()).isFalse();
    assertThat(shown.get(0).path("serial").asText())
        .isEqualTo(Certificates.serial(leaf.getCertificate()));
  }

  @Test
  void pemComesOutAsItWentIn() throws Exception {
    assertThat(run("show", leafFile.toString(), "-o", "pem").ended(ExitCode.OK).out())
        .isEqualToNormalizingNewlines(Files.readString(leafFile));
  }

  @Test
  void readsDerToo() throws Exception {
    Path der = Files.write(directory.resolve("leaf.der"), leaf.getCertificate().getEncoded());

    assertThat(run("show", der.toString()).ended(ExitCode.OK).out()).contains(WEB);
  }

  @Test
  void aFileWithoutCertificateIsNamedWithTheReason() throws Exception {
    Path key = Files.writeString(directory.resolve("key.pem"), leaf.getPrivateKeyPEM());

    assertThat(run("show", key.toString()).ended(ExitCode.CONFIGURATION).err())
        .contains(key + ": PEM object 1 is a PRIVATE KEY: expected CERTIFICATE");
    assertThat(run("show", "/nowhere.pem").ended(ExitCode.CONFIGURATION).err())
        .contains("/nowhere.pem cannot be read");
  }

  @Test
  void aServerThatIsNotThereIsNamed() {
    assertThat(run("show", "--connect", "127.0.0.1:1").ended(ExitCode.UNAVAILABLE).err())
        .contains("127.0.0.1:1: no TLS handshake");
    assertThat(run("show", "--connect", "127.0.0.1").ended(ExitCode.CONFIGURATION).err())
        .contains("expected host:port");
  }

  @Test
  void aChainThatLeadsToTheAnchorVerifies() {
    assertThat(verify(leafFile, "--identity", WEB).ended(ExitCode.OK).out())
        .startsWith("verifies: \"" + WEB + "\"");
  }

  @Test
  void anotherIdentityDoesNotVerify() {
    assertThat(verify(leafFile, "--identity", "api." + WEB).ended(ExitCode.NEGATIVE).out())
        .contains("expected api." + WEB);
  }

  @Test
  void aForeignChainDoesNotVerify() throws Exception {
    X509Bundle other =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=other")
            .setIsCertificateAuthority(true)
            .setKeyUsage(true, KeyUsage.keyCertSign)
            .buildSelfSigned();
    Path foreign = write("other.pem", other.getCertificate());

    assertThat(
            run("verify", leafFile.toString(), "--trust-anchors", foreign.toString())
                .ended(ExitCode.NEGATIVE)
                .out())
        .contains("does not lead to one of the 1 trust anchors");
  }

  @Test
  void aLeafThatEndsWithinTheThresholdDoesNotVerify() {
    verify(leafFile, "--valid-for", "23h").ended(ExitCode.OK);
    assertThat(verify(leafFile, "--valid-for", "24h").ended(ExitCode.NEGATIVE).out())
        .startsWith("does not verify: at ")
        .contains("was valid until");
    verify(leafFile, "--valid-for", "a day").ended(ExitCode.USAGE);
  }

  @Test
  void theTimeOfVerificationCanBeChosen() {
    assertThat(verify(leafFile, "--at", "2124-01-01T00:00:00Z").ended(ExitCode.NEGATIVE).out())
        .contains("was valid until");
    assertThat(verify(leafFile, "--at", "tomorrow").ended(ExitCode.USAGE).err())
        .contains("'tomorrow' is no time: expected one as in 2027-01-31T12:00:00Z");
  }

  @Test
  void aRevokedCertificateDoesNotVerify() throws Exception {
    Path list = list(anchor, NOW.plus(Duration.ofHours(1)), leaf.getCertificate());

    assertThat(verify(leafFile, "--crl", list.toString()).ended(ExitCode.NEGATIVE).out())
        .contains("was revoked at")
        .contains("KEY_COMPROMISE");
  }

  @Test
  void aListThatNamesOthersLeavesTheChainAlone() throws Exception {
    X509Bundle another = new CertificateBuilder().ecp256().subject("CN=a").buildIssuedBy(anchor);
    Path list = list(anchor, NOW.plus(Duration.ofHours(1)), another.getCertificate());

    verify(leafFile, "--crl", list.toString()).ended(ExitCode.OK);
  }

  @Test
  void aListThatIsOutOfDateOrOfAnotherIssuerIsRefused() throws Exception {
    Path old = list(anchor, NOW.minus(Duration.ofMinutes(1)), leaf.getCertificate());

    assertThat(verify(leafFile, "--crl", old.toString()).ended(ExitCode.CONFIGURATION).err())
        .contains("is out of date");

    X509Bundle namesake =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=root.signet.cluster.local")
            .setIsCertificateAuthority(true)
            .setKeyUsage(true, KeyUsage.cRLSign)
            .buildSelfSigned();
    Path forged = list(namesake, NOW.plus(Duration.ofHours(1)));
    assertThat(verify(leafFile, "--crl", forged.toString()).ended(ExitCode.CONFIGURATION).err())
        .contains("is not signed by");
  }

  private CommandRun verify(Path chain, String... more) {
    String[] all = new String[more.length + 4];
    all[0] = "verify";
    all[1] = chain.toString();
    all[2] = "--trust-anchors";
    all[3] = anchorFile.toString();
    System.arraycopy(more, 0, all, 4, more.length);
    return run(all);
  }

  private static CommandRun run(String... arguments) {
    String[] all = new String[arguments.length + 1];
    all[0] = "identity";
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    return CommandRun.of(all);
  }

  private Path write(String name, X509Certificate certificate) throws Exception {
    return Files.writeString(directory.resolve(name), Certificates.toPem(List.of(certificate)));
  }

  private Path list(X509Bundle signer, Instant nextUpdate, X509Certificate... revoked)
      throws Exception {
    var builder =
        new JcaX509v2CRLBuilder(
            signer.getCertificate().getSubjectX500Principal(),
            Date.from(nextUpdate.minus(Duration.ofHours(2))));
    builder.setNextUpdate(Date.from(nextUpdate));
    for (X509Certificate certificate : revoked) {
      builder.addCRLEntry(certificate.getSerialNumber(), Date.from(NOW), CRLReason.keyCompromise);
    }
    byte[] der =
        builder
            .build(
                new JcaContentSignerBuilder("SHA256withECDSA")
                    .build(signer.getKeyPair().getPrivate()))
            .getEncoded();
    return Files.write(Files.createTempFile(directory, "list", ".crl"), der);
  }
}
