package io.signetmesh.proxy.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.signetmesh.proxy.loop.IoTransport;
import java.io.IOException;
import java.util.List;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Answers to clients that go on sending, inside TLS (RFC 9112 9.6). */
@Timeout(60)
class LingeringCloseTest {
  private static final int UPLOAD = 5_000_000;

  static java.util.stream.Stream<IoTransport> transports() {
    return Transports.here();
  }

  @ParameterizedTest
  @MethodSource("transports")
  void aRefusedUploadInsideTlsGetsItsAnswerWholeAndItsEndToldAsOne(IoTransport transport)
      throws Exception {
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(null, InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
    try (var app = Http1Application.echoingPaths();
        var pair =
            new MeshPair(
                transport,
                new java.net.InetSocketAddress(
                    java.net.InetAddress.getLoopbackAddress(), app.port()))) {
      pair.allow(MeshPair.detect(), MeshPair.CLIENT);
      for (int i = 0; i < 5; i++) {
        try (SSLSocket socket =
            (SSLSocket)
                context
                    .getSocketFactory()
                    .createSocket(pair.declared().getAddress(), pair.declared().getPort())) {
          SSLParameters parameters = socket.getSSLParameters();
          parameters.setServerNames(List.of(new SNIHostName(MeshPair.SERVER)));
          socket.setSSLParameters(parameters);
          socket.setSoTimeout(10_000);
          socket
              .getOutputStream()
              .write(
                  ("PUT / HTTP/1.1\r\nhost: web\r\ncontent-length: " + UPLOAD + "\r\n\r\n")
                      .getBytes(ISO_8859_1));
          byte[] piece = new byte[50_000];
          try {
            for (int sent = 0; sent < UPLOAD; sent += piece.length) {
              socket.getOutputStream().write(piece);
            }
          } catch (IOException e) {
            // The implementation here stops writing once it has been told of the end.
          }
          // Ends with close_notify: without it this throws.
          String answer = new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
          assertThat(answer)
              .startsWith("HTTP/1.1 403")
              .contains("connection: close")
              .endsWith("\r\n\r\n");
        }
      }
      assertThat(app.requests).isEmpty();
    }
  }
}
