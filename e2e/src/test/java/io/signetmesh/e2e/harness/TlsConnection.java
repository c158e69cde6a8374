package io.signetmesh.e2e.harness;

import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.WorkloadCertificate;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Duration;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * TLS to a proxy with a leaf of the mesh, and without a proxy of its own: what somebody can do who
 * has stolen the key.
 */
public final class TlsConnection {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);
  private static final char[] PASSWORD = new char[0];

  private TlsConnection() {}

  /**
   * Connects and does the handshake; the server must have the name, and be of the mesh. TLS 1.3 has
   * the server look at the leaf afterwards: if it refuses it, the first read fails. Reads take 20 s
   * at most.
   *
   * @param server listener of the proxy
   * @param serverName DNS name of the proxy's identity
   */
  public static SSLSocket open(InetSocketAddress server, String serverName, Leaf leaf)
      throws Exception {
    Socket plain = new Socket();
    try {
      plain.setTcpNoDelay(true);
      plain.setSoTimeout((int) TIMEOUT.toMillis());
      plain.connect(server, (int) TIMEOUT.toMillis());
      SSLSocket socket =
          (SSLSocket)
              context(leaf)
                  .getSocketFactory()
                  .createSocket(plain, serverName, server.getPort(), true);
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      socket.setSSLParameters(parameters);
      socket.startHandshake();
      return socket;
    } catch (IOException e) {
      plain.close();
      throw e;
    }
  }

  private static SSLContext context(Leaf leaf) throws Exception {
    WorkloadCertificate certificate = leaf.certificate();
    KeyStore own = KeyStore.getInstance("PKCS12");
    own.load(null, null);
    own.setKeyEntry(
        "leaf",
        certificate.privateKey(),
        PASSWORD,
        certificate.chain().toArray(X509Certificate[]::new));
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(own, PASSWORD);
    KeyStore anchors = KeyStore.getInstance("PKCS12");
    anchors.load(null, null);
    anchors.setCertificateEntry(
        "anchor",
        Certificates.parsePem("trust anchor", Files.readString(leaf.anchor())).getFirst());
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(anchors);
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }
}
