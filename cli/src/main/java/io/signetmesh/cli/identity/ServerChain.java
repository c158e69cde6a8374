package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.CommandFailure;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/** The certificates that a TLS server shows. They are looked at and not trusted. */
final class ServerChain {
  private ServerChain() {}

  /**
   * Shakes hands and closes.
   *
   * @param server {@code host:port}; an IPv6 address in brackets
   * @param serverName sent to the server (RFC 6066 section 3); null for the host
   * @param timeout for the connection, and again for the handshake
   * @return the chain as it came, leaf first
   */
  static List<X509Certificate> fetch(String server, @Nullable String serverName, Duration timeout)
      throws CommandFailure {
    int colon = server.lastIndexOf(':');
    int port;
    try {
      port = colon < 1 ? -1 : Integer.parseInt(server.substring(colon + 1));
    } catch (NumberFormatException e) {
      port = -1;
    }
    if (port < 1 || port > 65535) {
      throw CommandFailure.configuration("server '" + server + "': expected host:port");
    }
    String host = server.substring(0, colon).replaceAll("^\\[|]$", "");
    Recorder recorder = new Recorder();
    try {
      SSLContext context = SSLContext.getInstance("TLSv1.3");
      context.init(null, new TrustManager[] {recorder}, null);
      try (Socket plain = new Socket()) {
        plain.connect(new InetSocketAddress(host, port), (int) timeout.toMillis());
        plain.setSoTimeout((int) timeout.toMillis());
        SSLSocket tls =
            (SSLSocket) context.getSocketFactory().createSocket(plain, host, port, true);
        String name = serverName == null ? host : serverName;
        SSLParameters parameters = tls.getSSLParameters();
        if (name.chars().anyMatch(Character::isLetter) && name.indexOf(':') < 0) {
          parameters.setServerNames(List.of(new SNIHostName(name)));
        }
        tls.setSSLParameters(parameters);
        tls.startHandshake();
      }
    } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
      // A server that wants a certificate ends the handshake after it has shown its own.
      if (recorder.chain.isEmpty()) {
        throw CommandFailure.unavailable(server + ": no TLS handshake: " + e.getMessage(), e);
      }
    }
    return List.copyOf(recorder.chain);
  }

  /** Keeps what the server shows. Nothing is sent to the server, so nothing depends on trust. */
  private static final class Recorder extends X509ExtendedTrustManager {
    private static final X509Certificate[] NONE = {};

    private final List<X509Certificate> chain = new ArrayList<>();

    @Override
    public void checkServerTrusted(X509Certificate[] shown, String authType, SSLEngine engine) {
      chain.addAll(List.of(shown));
    }

    @Override
    public void checkServerTrusted(X509Certificate[] shown, String authType, Socket socket) {
      chain.addAll(List.of(shown));
    }

    @Override
    public void checkServerTrusted(X509Certificate[] shown, String authType) {
      chain.addAll(List.of(shown));
    }

    @Override
    public void checkClientTrusted(X509Certificate[] shown, String authType, SSLEngine engine) {
      throw new UnsupportedOperationException("a client has no clients");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] shown, String authType, Socket socket) {
      throw new UnsupportedOperationException("a client has no clients");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] shown, String authType) {
      throw new UnsupportedOperationException("a client has no clients");
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return NONE;
    }
  }
}
