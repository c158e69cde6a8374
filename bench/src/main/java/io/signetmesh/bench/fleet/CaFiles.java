package io.signetmesh.bench.fleet;

import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.RequestRefusedException;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyPair;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a CA reads: issuer and anchors as PEM, and the key of workload tokens.
 *
 * @param directory all of it is below
 */
public record CaFiles(Path directory) {
  /** Names of the mesh. */
  public static final MeshNames NAMES = MeshNames.DEFAULT;

  private static final Pattern PEM =
      Pattern.compile("-----BEGIN ([A-Z ]+)-----.*?-----END \\1-----\n", Pattern.DOTALL);

  /** Makes an anchor, an issuer below it and the key of tokens. */
  static CaFiles create(Path directory) throws IOException, PkiException {
    CaFiles files = new CaFiles(directory);
    StateFiles.createDirectory(files.state());
    files.tokens();
    files.put(files.newCa(), "");
    return files;
  }

  /**
   * Makes a CA in the state directory, whose anchors the server can rotate, and the key of tokens.
   * Issuer and key are there alone.
   */
  static CaFiles createEmbedded(Path directory) throws IOException, PkiException {
    CaFiles files = new CaFiles(directory);
    StateFiles.createDirectory(files.state());
    files.tokens();
    EmbeddedAuthority.open(
        files.state(), NAMES.controlPlaneNamespace(), NAMES.trustDomain(), Clock.systemUTC());
    replace(
        files.anchors(),
        Certificates.toPem(EmbeddedAuthority.certificates(files.state()).anchors()));
    return files;
  }

  /** The state directory. */
  public Path state() {
    return directory.resolve("state");
  }

  Path certificates() {
    return directory.resolve("issuer.crt");
  }

  Path key() {
    return directory.resolve("issuer.key");
  }

  /** The trust anchors that proxies are configured with, as PEM. */
  public Path anchors() {
    return directory.resolve("anchors.pem");
  }

  Path tokenKey() {
    return state().resolve("token.key");
  }

  /** Writes a token of a workload into a file. */
  public void issueToken(Path file, WorkloadIdentity identity) throws IOException, PkiException {
    tokens().issueTo(file, identity.namespace(), identity.serviceAccount(), Duration.ofDays(1));
  }

  /** The anchors as a bundle of the configuration. */
  public TrustBundle trust() throws IOException, PkiException {
    return new TrustBundle(0, NAMES.trustDomain(), Certificates.readPem(anchors()));
  }

  /** Puts a new issuer under a new anchor into the files; the old anchors stay beside it. */
  public void changeIssuer() throws IOException, PkiException {
    put(newCa(), Files.readString(anchors(), StandardCharsets.US_ASCII));
  }

  /** Takes all anchors but the newest away. */
  public void removeOldAnchors() throws IOException, PkiException {
    replace(anchors(), Certificates.toPem(List.of(Certificates.readPem(anchors()).getLast())));
  }

  /** Writes a certificate of the identity server's identity and its key. */
  void issueServerCertificate(Path chain, Path key) throws IOException, PkiException {
    EmbeddedAuthority source =
        EmbeddedAuthority.open(
            directory.resolve("ca-0"),
            NAMES.controlPlaneNamespace(),
            NAMES.trustDomain(),
            Clock.systemUTC());
    TrustBundle bundle = trust();
    WorkloadIdentity identity = NAMES.identityServer();
    KeyPair keys = PrivateKeys.generate();
    SigningRequest request = SigningRequest.parse(SigningRequest.create(identity.dnsName(), keys));
    CertificateAuthority authority =
        new CertificateAuthority(source, () -> bundle, IssuancePolicy.DEFAULT, Clock.systemUTC());
    try {
      Files.writeString(chain, Certificates.toPem(authority.issue(identity, request)));
    } catch (RequestRefusedException e) {
      throw new PkiException("the server's own request is refused", e);
    }
    StateFiles.writeSecret(key, PrivateKeys.toPem(keys.getPrivate()));
  }

  private WorkloadTokens tokens() throws IOException, PkiException {
    return WorkloadTokens.open(
        state(), NAMES.controlPlaneNamespace(), NAMES.trustDomain(), Clock.systemUTC());
  }

  private Path newCa() throws IOException, PkiException {
    int number = 0;
    while (Files.exists(directory.resolve("ca-" + number))) {
      number++;
    }
    Path made = directory.resolve("ca-" + number);
    EmbeddedAuthority.create(
        made,
        NAMES.controlPlaneNamespace(),
        NAMES.trustDomain(),
        EmbeddedAuthority.Plan.DEFAULT,
        Clock.systemUTC());
    return made.resolve("ca");
  }

  private void put(Path ca, String olderAnchors) throws IOException {
    StringBuilder chain = new StringBuilder();
    StringBuilder secret = new StringBuilder();
    Matcher blocks =
        PEM.matcher(Files.readString(ca.resolve("issuer.pem"), StandardCharsets.US_ASCII));
    while (blocks.find()) {
      (blocks.group(1).equals("CERTIFICATE") ? chain : secret).append(blocks.group());
    }
    replace(
        anchors(),
        olderAnchors + Files.readString(ca.resolve("anchor.crt"), StandardCharsets.US_ASCII));
    replace(certificates(), chain.toString());
    replace(key(), secret.toString());
  }

  private static void replace(Path file, String text) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    Files.writeString(fresh, text, StandardCharsets.US_ASCII);
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
