package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.http.FakePolicy.Rules;
import io.signetmesh.proxy.loop.IoTransport;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests and responses that somebody made to be read in two ways. */
@Timeout(60)
class Http1HostileTest {
  private static final IoTransport TRANSPORT = IoTransport.select(null);
  private static final String AFTER = "GET /smuggled HTTP/1.1\r\nhost: web\r\n\r\n";

  static Stream<String> heads() {
    return Stream.of(
        // Two lengths.
        "POST / HTTP/1.1\r\nhost: w\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: w\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde",
        "POST / HTTP/1.1\r\nhost: w\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nhost: w\r\ncontent-length: 4, 4\r\n\r\nabcd",
        // Lengths that are none.
        "POST / HTTP/1.1\r\nhost: w\r\ncontent-length: +4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nhost: w\r\ncontent-length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: w\r\ncontent-length: 0x4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nhost: w\r\ncontent-length: 4 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nhost: w\r\ncontent-length: \r\n\r\n",
        "POST / HTTP/1.1\r\nhost: w\r\ncontent-length: 99999999999999999999\r\n\r\n",
        // Codings that somebody might not see as chunked.
        "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding: identity\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding: \u000bchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding\t: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: w\r\nx: y\r\n transfer-encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nhost: w\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        // Chunks.
        chunks("z\r\n"),
        chunks("-1\r\n"),
        chunks("0x3\r\nabc\r\n"),
        chunks("\r\nabc\r\n"),
        chunks(";x\r\nabc\r\n"),
        chunks("3 x\r\nabc\r\n"),
        chunks("80000000\r\n"),
        chunks("10000000000000003\r\nabc\r\n"),
        chunks("3\nabc\r\n0\r\n\r\n"),
        chunks("3\r\nabcd\r\n0\r\n\r\n"),
        chunks("3\r\nabc\n0\r\n\r\n"),
        chunks("0\r\nbad trailer\r\n\r\n"),
        // Lines.
        "GET / HTTP/1.1\nhost: w\n\n",
        "GET / HTTP/1.1\r\nhost: w\nx: y\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: w\r\nx: a\rb: c\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: w\r\nx: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: w\r\nx: y\r\n z\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: w\r\nx: y\r\n\tz\r\n\r\n",
        "GET / HTTP/1.1\r\n host: w\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: w\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: w\r\n: empty\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: w\r\nx y: z\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: w\r\nx(y): z\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: w\r\nx\u0080: z\r\n\r\n",
        // Hosts.
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a, b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: user@a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a b\r\n\r\n",
        "GET http://u@a/ HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET http:///a HTTP/1.1\r\nhost: a\r\n\r\n",
        // Targets and versions.
        "GET /a b HTTP/1.1\r\nhost: w\r\n\r\n",
        "GET /\u0001 HTTP/1.1\r\nhost: w\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nhost: w\r\n\r\n",
        "GET a HTTP/1.1\r\nhost: w\r\n\r\n",
        "GET * HTTP/1.1\r\nhost: w\r\n\r\n",
        "GET https://a/ HTTP/1.1\r\nhost: a\r\n\r\n",
        "CONNECT /a HTTP/1.1\r\nhost: w\r\n\r\n",
        "CONNECT a@b:1 HTTP/1.1\r\nhost: w\r\n\r\n",
        "G\u0001T / HTTP/1.1\r\nhost: w\r\n\r\n",
        "G(T / HTTP/1.1\r\nhost: w\r\n\r\n",
        "GET / HTTP/1.1x\r\nhost: w\r\n\r\n",
        "GET / HTTP/3.1\r\nhost: w\r\n\r\n",
        "GET /\r\n\r\n");
  }

  private static String chunks(String chunks) {
    return "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding: chunked\r\n\r\n" + chunks;
  }

  @ParameterizedTest
  @MethodSource("heads")
  void refusesAndClosesWithoutReadingOn(String request) throws Exception {
    try (var wire = Http1Wire.open(TRANSPORT, Http1Application.echoingPaths())) {
      wire.client.send(request + AFTER);
      assertThat(wire.client.response().status()).isEqualTo(400);
      assertThat(wire.client.ended()).isTrue();
      assertThat(wire.app.requests).isEmpty();
    }
  }

  /** What has come of a request before it turns out bad is no complete request to anybody. */
  @ParameterizedTest
  @MethodSource("heads")
  void refusesAlsoByteByByte(String request) throws Exception {
    try (var wire = Http1Wire.open(TRANSPORT, Http1Application.echoingPaths())) {
      Thread sender =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      String all = request + AFTER;
                      for (int i = 0; i < all.length(); i++) {
                        wire.client.send(all.substring(i, i + 1));
                      }
                    } catch (IOException e) {
                      // The proxy hangs up in the middle.
                    }
                  });
      assertThat(wire.client.response().status()).isEqualTo(400);
      sender.join();
      assertThat(wire.app.requests).isEmpty();
    }
  }

  @Test
  void refusesCodingsThatItWouldHaveToPassOn() throws Exception {
    try (var wire = Http1Wire.open(TRANSPORT, Http1Application.echoingPaths())) {
      wire.client.send(
          "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
      assertThat(wire.client.response().status()).isEqualTo(501);
      assertThat(wire.client.ended()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "garbage\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n",
      })
  void answers502ForResponsesThatMakeNoSense(String response) throws Exception {
    try (var wire = Http1Wire.open(TRANSPORT, Http1Application.answering(request -> response))) {
      wire.client.send("GET / HTTP/1.1\r\nhost: w\r\n\r\n");
      assertThat(wire.client.response().status()).isEqualTo(502);
    }
  }

  @Test
  void doesNotTakeWhatFollowsAResponseForTheNextOne() throws Exception {
    try (var wire =
        Http1Wire.open(
            TRANSPORT,
            Http1Application.answering(
                request ->
                    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na"
                        + "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"))) {
      for (int i = 0; i < 5; i++) {
        wire.client.send("GET / HTTP/1.1\r\nhost: w\r\n\r\n");
        assertThat(wire.client.response().body()).isEqualTo("a");
      }
    }
  }

  @Test
  void stopsReadingRequestsFromAClientThatDoesNotTakeTheAnswers() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port());
        var client = Http1Client.takingLittle(proxy.inboundWithSmallBuffer())) {
      proxy.policy.set(new Rules(List.of("/"), List.of("/no"), List.of()));
      String batch = "GET /no HTTP/1.1\r\nhost: w\r\n\r\n".repeat(1000);
      AtomicLong sent = new AtomicLong();
      Thread sender =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      while (true) {
                        client.send(batch);
                        sent.addAndGet(batch.length());
                      }
                    } catch (IOException e) {
                      // The end of the test.
                    }
                  });
      long before = StoppedWriter.await(sender, sent, proxy.loops());
      // What the kernel's buffers take, both ways.
      assertThat(before).isLessThan(32 * 1024 * 1024);
      assertThat(proxy.scrape())
          .as("stopped, not cut off for a flood")
          .doesNotContain("signet_inbound_http_exhausted_total");
    }
  }
}
