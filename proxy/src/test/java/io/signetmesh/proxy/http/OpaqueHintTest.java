package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.upstream.Endpoint;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Requests to an endpoint whose peer proxy takes bytes only. */
@Timeout(30)
class OpaqueHintTest {
  private static String exchange(int port, ServerSocket application, String request)
      throws Exception {
    CompletableFuture<String> received = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(
            () -> {
              try (Socket connection = application.accept()) {
                byte[] head = new byte[4096];
                int count = connection.getInputStream().read(head);
                received.complete(new String(head, 0, count, StandardCharsets.US_ASCII));
                connection
                    .getOutputStream()
                    .write(
                        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
                            .getBytes(StandardCharsets.US_ASCII));
                connection.getInputStream().read();
              } catch (Exception e) {
                received.completeExceptionally(e);
              }
            });
    try (Socket client = new Socket(InetAddress.getLoopbackAddress(), port)) {
      client.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      byte[] answer = new byte[64];
      int count = client.getInputStream().read(answer);
      assertThat(new String(answer, 0, count, StandardCharsets.US_ASCII))
          .startsWith("HTTP/1.1 200");
    }
    return received.get(10, TimeUnit.SECONDS);
  }

  @Test
  void http1RequestGoesOverAConnectionThatNamesNoProtocol() throws Exception {
    try (ServerSocket application = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
        ProxyFixture proxy =
            new ProxyFixture(IoTransport.select(null), application.getLocalPort())) {
      int port = proxy.outbound(Endpoint.Hint.OPAQUE, true, application.getLocalPort());
      String received = exchange(port, application, "GET /a HTTP/1.1\r\nHost: web\r\n\r\n");

      assertThat(received).startsWith("GET /a HTTP/1.1").doesNotContain("l5d-orig-proto");
      assertThat(proxy.sessions).containsExactly(Connector.Session.OPAQUE);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Endpoint.Hint.class,
      names = {"UNKNOWN", "HTTP2"})
  void otherEndpointsAreToldTheProtocol(Endpoint.Hint hint) throws Exception {
    try (ServerSocket application = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
        ProxyFixture proxy =
            new ProxyFixture(IoTransport.select(null), application.getLocalPort())) {
      int port = proxy.outbound(hint, hint == Endpoint.Hint.HTTP2, application.getLocalPort());
      try (Socket client = new Socket(InetAddress.getLoopbackAddress(), port)) {
        client
            .getOutputStream()
            .write("GET /a HTTP/1.1\r\nHost: web\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        application.accept().close();
      }
      assertThat(proxy.sessions)
          .startsWith(
              hint == Endpoint.Hint.HTTP2 ? Connector.Session.HTTP2 : Connector.Session.HTTP1);
    }
  }
}
