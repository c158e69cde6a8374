package io.signetmesh.cli.demo;

import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * A program without proxy that speaks mutual TLS to a proxy, with the TLS of the Java platform. It
 * takes no trust bundle: it trusts what it was started with.
 *
 * @param own what it shows
 * @param trusted trust anchors for the certificate of the proxy
 */
record TlsProbe(WorkloadCertificate own, List<X509Certificate> trusted) {
  private static final char[] NO_PASSWORD = {};
  private static final int LONGEST_LINE = 1024;

  /** Copies the list. */
  TlsProbe {
    trusted = List.copyOf(trusted);
  }

  /**
   * What came of an attempt.
   *
   * @param chain what the proxy showed, leaf first; empty when it was not trusted
   * @param answer to the request; to the handshake alone when nothing was asked
   */
  record Seen(List<X509Certificate> chain, Answer answer) {}

  /** Whether a chain verifies with this anchor alone, as the certificate of a server. */
  static boolean verifies(
      List<X509Certificate> chain,
      X509Certificate anchor,
      String trustDomain,
      InstantSource clock) {
    try {
      ChainVerifier.of(new TrustBundle(1, trustDomain, List.of(anchor)), clock)
          .verify(chain, ChainVerifier.Purpose.SERVER);
      return true;
    } catch (CertificateException e) {
      return false;
    }
  }

  /** Shakes hands, and asks for nothing. */
  Seen look(InetSocketAddress server, String serverName, Duration timeout) {
    return connect(server, serverName, "", timeout);
  }

  /** Makes an HTTP/1.1 request on a connection of its own; 2xx counts as served. */
  Seen get(InetSocketAddress server, String serverName, String path, Duration timeout) {
    return connect(server, serverName, path, timeout);
  }

  private Seen connect(InetSocketAddress server, String serverName, String path, Duration timeout) {
    List<X509Certificate> chain = new ArrayList<>();
    try (Socket plain = new Socket()) {
      plain.setTcpNoDelay(true);
      plain.setSoTimeout((int) timeout.toMillis());
      plain.connect(server, (int) timeout.toMillis());
      try (SSLSocket tls =
          (SSLSocket)
              context()
                  .getSocketFactory()
                  .createSocket(plain, serverName, server.getPort(), true)) {
        SSLParameters parameters = tls.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        tls.setSSLParameters(parameters);
        tls.startHandshake();
        for (Certificate shown : tls.getSession().getPeerCertificates()) {
          chain.add((X509Certificate) shown);
        }
        // TLS 1.3: the server judges our certificate after the handshake has ended for us.
        return new Seen(chain, path.isEmpty() ? Answer.served("handshake") : ask(tls, path));
      }
    } catch (IOException | GeneralSecurityException e) {
      return new Seen(chain, Answer.refused(String.valueOf(e.getMessage())));
    }
  }

  private static Answer ask(SSLSocket tls, String path) throws IOException {
    tls.getOutputStream()
        .write(
            ("GET " + path + " HTTP/1.1\r\nHost: web.shop\r\nConnection: close\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
    InputStream in = tls.getInputStream();
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0 || line.length() == LONGEST_LINE) {
        throw new IOException(c < 0 ? "connection closed" : "no HTTP answer");
      }
      line.append((char) c);
    }
    String[] words = line.toString().strip().split(" ", 2);
    if (words.length < 2 || !words[0].startsWith("HTTP/1.")) {
      throw new IOException("no HTTP answer: " + line);
    }
    return words[1].startsWith("2") ? Answer.served(words[1]) : Answer.refused(words[1]);
  }

  private SSLContext context() throws IOException, GeneralSecurityException {
    KeyStore shown = KeyStore.getInstance("PKCS12");
    shown.load(null, null);
    shown.setKeyEntry(
        "own", own.privateKey(), NO_PASSWORD, own.chain().toArray(X509Certificate[]::new));
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(shown, NO_PASSWORD);
    KeyStore anchors = KeyStore.getInstance("PKCS12");
    anchors.load(null, null);
    for (X509Certificate anchor : trusted) {
      anchors.setCertificateEntry("anchor-" + anchors.size(), anchor);
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(anchors);
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }
}
