package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.http.Http2Peer.Stream;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.upstream.Endpoint.Hint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
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

  /**
   * Streams that only a server opens, with a push that nobody allowed (RFC 9113 8.4), and such as
   * the client has not opened (5.1): an answer to nobody's request.
   */
  @ParameterizedTest
  @ValueSource(ints = {2, 4, 5, 77})
  void headersOnAStreamThatTheProxyHasNotOpenedEndTheConnectionAndAreNoAnswer(int streamId)
      throws Exception {
    CompletableFuture<Integer> goAway = new CompletableFuture<>();
    CompletableFuture<Boolean> ended = new CompletableFuture<>();
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  connection.exactly(24);
                  connection.send(frame(4, 0, 0));
                  for (int type = -1; type != 1; ) {
                    type = readFrame(connection)[0];
                  }
                  // END_STREAM, END_HEADERS; ":status: 200".
                  connection.send(frame(1, 5, streamId, 0x88));
                  int[] read;
                  do {
                    read = readFrame(connection);
                  } while (read[0] != 7);
                  goAway.complete(read[1]);
                  ended.complete(connection.ended());
                });
        var proxy = new ProxyFixture(TRANSPORT, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      assertThat(client.get("/").rest().status()).isEqualTo(502);
      assertThat(goAway.get(10, TimeUnit.SECONDS)).isEqualTo(1);
      assertThat(ended.get(10, TimeUnit.SECONDS)).isTrue();
    }
  }

  private static byte[] frame(int type, int flags, int streamId, int... payload) {
    ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
    frame.putShort((short) 0).put((byte) payload.length).put((byte) type).put((byte) flags);
    frame.putInt(streamId);
    for (int b : payload) {
      frame.put((byte) b);
    }
    return frame.array();
  }

  /** Type, and of GOAWAY the error code. */
  private static int[] readFrame(Http1Client connection) throws IOException {
    ByteBuffer header = ByteBuffer.wrap(connection.exactly(9));
    int length = header.getInt() >>> 8;
    int type = header.get(3);
    byte[] payload = connection.exactly(length);
    return new int[] {type, type == 7 ? ByteBuffer.wrap(payload).getInt(4) : 0};
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
