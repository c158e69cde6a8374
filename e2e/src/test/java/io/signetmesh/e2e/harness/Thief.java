package io.signetmesh.e2e.harness;

import io.grpc.ManagedChannel;
import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.X509TrustManager;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * Somebody who has copied the keys of a mesh's CA: forges certificates of any workload and connects
 * with them, whoever the other side is.
 */
public final class Thief {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final Duration LIFE = Duration.ofHours(1);

  private final EmbeddedAuthority.Ca stolen;
  private final String trustDomain;

  private Thief(EmbeddedAuthority.Ca stolen, String trustDomain) {
    this.stolen = stolen;
    this.trustDomain = trustDomain;
  }

  /** Copies keys and certificates out of the state directory. */
  public static Thief copyKeys(Mesh mesh) throws IOException, PkiException {
    WorkloadIdentity any = mesh.identity("any");
    return new Thief(
        EmbeddedAuthority.open(
                mesh.processes().state(),
                any.controlPlaneNamespace(),
                any.trustDomain(),
                Clock.systemUTC())
            .ca(),
        any.trustDomain());
  }

  /**
   * A leaf by the stolen key of the issuer. The mesh never issued it.
   *
   * @param serial serial number, for instance that of a leaf which the mesh has issued
   */
  public WorkloadCertificate forgedLeaf(WorkloadIdentity identity, BigInteger serial)
      throws PkiException {
    return leaf(identity, serial, stolen.issuerKey(), stolen.chain());
  }

  /** A leaf by an issuer that nobody knows, which the stolen key of the anchor has signed. */
  public WorkloadCertificate forgeUnderOwnIssuer(WorkloadIdentity identity) throws PkiException {
    Instant now = Instant.now();
    KeyPair keys = KeyKind.P256.generate();
    X509Certificate issuer =
        stolen
            .anchorKey()
            .use(
                key ->
                    CertificateBuilder.issuer(
                        "identity.forged",
                        keys.getPublic(),
                        key,
                        stolen.anchor(),
                        now.minusSeconds(60),
                        now.plus(LIFE)));
    return leaf(
        identity, BigInteger.valueOf(now.toEpochMilli()), keys.getPrivate(), List.of(issuer));
  }

  private static WorkloadCertificate leaf(
      WorkloadIdentity identity,
      BigInteger serial,
      PrivateKey issuerKey,
      List<X509Certificate> issuers)
      throws PkiException {
    KeyPair keys = PrivateKeys.generate();
    Instant now = Instant.now();
    X509v3CertificateBuilder builder =
        new X509v3CertificateBuilder(
            X500Name.getInstance(issuers.getFirst().getSubjectX500Principal().getEncoded()),
            serial,
            Date.from(now.minusSeconds(60)),
            Date.from(now.plus(LIFE)),
            new X500Name("CN=forged"),
            SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()));
    try {
      builder
          .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
          .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
          .addExtension(
              Extension.extendedKeyUsage,
              false,
              new ExtendedKeyUsage(
                  new KeyPurposeId[] {
                    KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth
                  }))
          .addExtension(
              Extension.subjectAlternativeName,
              false,
              new GeneralNames(
                  new GeneralName[] {
                    new GeneralName(GeneralName.dNSName, identity.dnsName()),
                    new GeneralName(GeneralName.uniformResourceIdentifier, identity.spiffeId())
                  }));
      byte[] der =
          builder
              .build(new JcaContentSignerBuilder("SHA256withECDSA").build(issuerKey))
              .getEncoded();
      List<X509Certificate> chain = new ArrayList<>();
      chain.add(Certificates.parseDer("forged leaf", der));
      chain.addAll(issuers);
      return new WorkloadCertificate(keys.getPrivate(), chain);
    } catch (IOException | OperatorCreationException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Connects to a proxy. TLS 1.3 has the proxy look at the leaf afterwards: if it refuses it, the
   * first read fails. Reads take 10 s at most.
   */
  public static SSLSocket connect(
      InetSocketAddress server, String serverName, WorkloadCertificate leaf) throws Exception {
    SSLContext context = ShownChain.context(() -> leaf, new AnyServer());
    Socket plain = new Socket();
    try {
      plain.setTcpNoDelay(true);
      plain.setSoTimeout((int) TIMEOUT.toMillis());
      plain.connect(server, (int) TIMEOUT.toMillis());
      SSLSocket socket =
          (SSLSocket)
              context.getSocketFactory().createSocket(plain, serverName, server.getPort(), true);
      socket.startHandshake();
      return socket;
    } catch (IOException e) {
      plain.close();
      throw e;
    }
  }

  /** Serial number of the leaf that a proxy shows. */
  public static BigInteger serialOf(SSLSocket socket) throws IOException {
    return ((X509Certificate) socket.getSession().getPeerCertificates()[0]).getSerialNumber();
  }

  /**
   * A connection to the identity server.
   *
   * @param newestAnchors the anchors of the mesh, which are no secret
   */
  public ManagedChannel identityServer(
      InetSocketAddress server,
      String serverName,
      WorkloadCertificate leaf,
      Supplier<List<X509Certificate>> newestAnchors,
      ControlLoops loops) {
    return ControlChannel.open(
        new ControlChannel.Address(server.getAddress().getHostAddress(), server.getPort()),
        serverName,
        () -> {
          List<X509Certificate> anchors = new ArrayList<>(newestAnchors.get());
          if (!anchors.contains(stolen.anchor())) {
            anchors.add(stolen.anchor());
          }
          return new Credentials(leaf, new TrustBundle(1, trustDomain, anchors));
        },
        Clock.systemUTC(),
        loops);
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "Thief[%s]", Certificates.describe(stolen.chain().getFirst()));
  }

  /** Whoever answers will do. */
  private static final class AnyServer implements X509TrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) {
      throw new UnsupportedOperationException("a thief serves nobody");
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) {
      // Whoever answers will do.
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
