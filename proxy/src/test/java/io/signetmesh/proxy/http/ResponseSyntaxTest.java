package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.http.Http2Peer.Stream;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.outbound.Endpoint.Hint;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers that are none are 502, whichever version the application speaks. */
@Timeout(60)
class ResponseSyntaxTest {
  private static final IoTransport TRANSPORT = IoTransport.select(null);

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 000 X",
        "HTTP/1.1 20 X",
        "HTTP/1.1 2000 X",
        "HTTP/1.1 0200 X",
        "HTTP/1.1 +20 X",
        "HTTP/1.1 099 X",
        "HTTP/1.1 600 X",
        "HTTP/1.1 999 X",
        "HTTP/1.1 2x0 X",
        "HTTP/2.0 200 X",
        "HTTP/1.0 200 X\r\ncontent-length: 0",
      })
  void anHttp1ApplicationsStatusIsThreeDigits(String head) throws Exception {
    try (var app = Http1Application.answering(request -> head + "\r\ncontent-length: 0\r\n\r\n");
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      for (int port :
          List.of(
              proxy.inbound(null), proxy.outbound(Hint.UNKNOWN, false, app.port()), proxy.pair())) {
        try (var client = new Http1Client(port)) {
          client.send("GET / HTTP/1.1\r\nhost: w\r\n\r\n");
          assertThat(client.response().status()).isEqualTo(502);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"abc", "99", "2000", "000", "20", "600", "1", "1ab", "2\u00b20"})
  void anHttp2ApplicationsStatusIsThreeDigits(String status) throws Exception {
    try (var app = Http2Peer.application((stream, application) -> stream.respond(true, status));
        var proxy = new ProxyFixture(TRANSPORT, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      assertThat(client.get("/").rest().status()).isEqualTo(502);
    }
  }

  @Test
  void aBodyBeforeItsHeadIsNoAnswer() throws Exception {
    try (var app = Http2Peer.application((stream, application) -> stream.send("early", true));
        var proxy = new ProxyFixture(TRANSPORT, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      assertThat(client.get("/").rest().status()).isEqualTo(502);
    }
  }

  @Test
  void whatHasNoBodyHasNoneAtTheClient() throws Exception {
    try (var app =
            Http2Peer.application(
                (stream, application) ->
                    stream
                        .respond(String.valueOf(stream.head().path()).substring(1))
                        .send("surplus", true));
        var proxy = new ProxyFixture(TRANSPORT, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      for (String status : List.of("204", "304")) {
        Stream stream = client.get("/" + status);
        assertThat(stream.rest().body()).isEmpty();
      }
      assertThat(client.open("HEAD", "/200", true).rest().body()).isEmpty();
    }
  }

  @Test
  void aHeadOfManySmallFieldsHasTheSameLimitOnEveryHop() throws Exception {
    String fields = "x: y\r\n".repeat(5_000);
    try (var app =
            Http1Application.answering(
                request -> "HTTP/1.1 200 OK\r\n" + fields + "content-length: 0\r\n\r\n");
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      for (int port :
          List.of(
              proxy.inbound(null), proxy.outbound(Hint.UNKNOWN, false, app.port()), proxy.pair())) {
        try (var client = new Http1Client(port)) {
          client.send("GET / HTTP/1.1\r\nhost: w\r\n\r\n");
          assertThat(client.response().status()).isEqualTo(502);
        }
        // The other way it is the client's fault, and told as a limit each time.
        for (int i = 0; i < 3; i++) {
          try (var client = new Http1Client(port)) {
            client.send("GET / HTTP/1.1\r\nhost: w\r\n" + fields + "\r\n");
            assertThat(client.response().status()).isEqualTo(431);
          }
        }
      }
    }
  }
}
