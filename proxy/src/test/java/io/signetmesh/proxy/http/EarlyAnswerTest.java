package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http2.Http2Error;
import io.signetmesh.proxy.http.Http1Client.Message;
import io.signetmesh.proxy.http.Http2Peer.Event;
import io.signetmesh.proxy.http.Http2Peer.Stream;
import io.signetmesh.proxy.loop.IoTransport;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Answers that are complete before the request is (RFC 9112 9.6, RFC 9113 8.1): they arrive whole.
 */
@ParameterizedClass
@MethodSource("transports")
@Timeout(60)
class EarlyAnswerTest {
  private static final int UPLOAD = 5_000_000;
  private static final int LARGE = 3_000_000;

  private final IoTransport transport;

  EarlyAnswerTest(IoTransport transport) {
    this.transport = transport;
  }

  static java.util.stream.Stream<IoTransport> transports() {
    return Transports.here();
  }

  /** What an application does once it has answered. */
  enum Then {
    READS_ON,
    CLOSES_AT_ONCE,
    DRAINS_A_LITTLE
  }

  private static Http1Application answering(String answer, Then then) throws IOException {
    return new Http1Application(
        (connection, application) -> {
          while (!connection.line().isEmpty()) {}
          connection.send(answer);
          switch (then) {
            case READS_ON -> connection.rest();
            case CLOSES_AT_ONCE -> {}
            case DRAINS_A_LITTLE -> {
              connection.shutdownOutput();
              connection.exactly(256 * 1024);
            }
          }
        });
  }

  private static void upload(Http1Client client) {
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                for (int sent = 0; sent < UPLOAD; sent += 50_000) {
                  client.send(new byte[50_000]);
                }
              } catch (IOException e) {
                // Nobody has to read it all.
              }
            });
  }

  private int port(ProxyFixture proxy, boolean mesh) throws IOException {
    return mesh ? proxy.pair() : proxy.inbound(null);
  }

  @ParameterizedTest
  @CsvSource({
    "false, READS_ON",
    "false, CLOSES_AT_ONCE",
    "false, DRAINS_A_LITTLE",
    "true, READS_ON",
    "true, CLOSES_AT_ONCE",
    "true, DRAINS_A_LITTLE"
  })
  void anAnswerToAnUploadThatIsNotReadArrivesOverHttp1(boolean mesh, Then then) throws Exception {
    String answer = "HTTP/1.1 401 No\r\ncontent-length: 3\r\nconnection: close\r\n\r\nno\n";
    try (var app = answering(answer, then);
        var proxy = new ProxyFixture(transport, app.port())) {
      int port = port(proxy, mesh);
      for (int i = 0; i < 5; i++) {
        try (var client = new Http1Client(port)) {
          client.send("PUT / HTTP/1.1\r\nhost: web\r\ncontent-length: " + UPLOAD + "\r\n\r\n");
          upload(client);
          Message response = client.response();
          assertThat(response.status()).isEqualTo(401);
          assertThat(response.body()).isEqualTo("no\n");
          assertThat(response.header("connection")).isEqualTo("close");
          assertThat(client.rest()).isEmpty();
        }
      }
    }
  }

  /** It has to be read while it sends, for its answer does not fit between the two. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aClientThatTakesItsAnswerOnlyAfterItsUploadGetsIt(boolean mesh) throws Exception {
    String answer = "HTTP/1.1 200 OK\r\ncontent-length: " + LARGE + "\r\n\r\n" + "x".repeat(LARGE);
    try (var app = answering(answer, Then.READS_ON);
        var proxy = new ProxyFixture(transport, app.port());
        var client = new Http1Client(port(proxy, mesh))) {
      client.send("PUT / HTTP/1.1\r\nhost: web\r\ncontent-length: " + UPLOAD + "\r\n\r\n");
      client.send(new byte[UPLOAD]);
      assertThat(client.response().body()).hasSize(LARGE);
    }
  }

  @ParameterizedTest
  @CsvSource({"false, 413", "false, 200", "true, 413", "true, 200"})
  void aRefusalInPlaceOf100ContinueArrives(boolean mesh, String status) throws Exception {
    String answer = "HTTP/1.1 " + status + " X\r\ncontent-length: 3\r\n\r\nno\n";
    try (var app = answering(answer, Then.CLOSES_AT_ONCE);
        var proxy = new ProxyFixture(transport, app.port())) {
      int port = port(proxy, mesh);
      for (int i = 0; i < 5; i++) {
        try (var client = new Http1Client(port)) {
          client.send(
              "PUT / HTTP/1.1\r\nhost: web\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
          Message response = client.response();
          assertThat(response.status()).isEqualTo(Integer.parseInt(status));
          assertThat(response.body()).isEqualTo("no\n");
          assertThat(client.rest()).isEmpty();
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Then.class)
  void anAnswerToAnUploadThatIsNotReadArrivesOverHttp2(Then then) throws Exception {
    String answer = "HTTP/1.1 401 No\r\ncontent-length: 3\r\nconnection: close\r\n\r\nno\n";
    try (var app = answering(answer, then);
        var proxy = new ProxyFixture(transport, app.port());
        // What comes with l5d-orig-proto leads to an HTTP/1 application.
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      for (int i = 0; i < 5; i++) {
        Stream stream = client.open("PUT", "/", false, "l5d-orig-proto", "HTTP/1.1");
        stream.send(new byte[60_000], false);
        Http2Peer.Message response = stream.rest();
        assertThat(response.head().status()).asString().isEqualTo("401");
        assertThat(response.body()).isEqualTo("no\n");
        assertThat(stream.next()).isEqualTo(new Event.Reset(Http2Error.NO_ERROR.code()));
      }
    }
  }

  /** Its end waits for the client's window, and the reset behind it. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void anAnswerLargerThanTheWindowArrivesOverHttp2(boolean mesh) throws Exception {
    byte[] body = new byte[LARGE];
    Arrays.fill(body, (byte) 'x');
    try (var app =
            Http2Peer.application((stream, application) -> stream.respond("200").send(body, true));
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(mesh ? proxy.pair() : proxy.inbound(ProxyFixture.IDENTITY))) {
      Stream stream = client.open("PUT", "/", false);
      stream.send(new byte[60_000], false);
      assertThat(stream.rest().body()).hasSize(LARGE);
      assertThat(stream.next()).isEqualTo(new Event.Reset(Http2Error.NO_ERROR.code()));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aGrpcCallThatEndsBeforeItsRequestsHasItsStatus(boolean mesh) throws Exception {
    try (var app =
            Http2Peer.application(
                (stream, application) ->
                    stream
                        .respond("200", "content-type", "application/grpc")
                        .send(new byte[LARGE], false)
                        .trailers("grpc-status", "9"));
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(mesh ? proxy.pair() : proxy.inbound(ProxyFixture.IDENTITY))) {
      Stream stream =
          client.open("POST", "/s/m", false, "content-type", "application/grpc", "te", "trailers");
      stream.send(new byte[60_000], false);
      Http2Peer.Message response = stream.rest();
      assertThat(response.body()).hasSize(LARGE);
      assertThat(response.trailer("grpc-status")).isEqualTo("9");
    }
  }

  /** Nothing says that the body is whole where the connection was reset under it. */
  @Test
  void aBodyUpToTheEndOfAConnectionThatIsResetIsNotComplete() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            new Http1Application(
                (connection, application) -> {
                  while (!connection.line().isEmpty()) {}
                  connection.send("HTTP/1.1 200 OK\r\n\r\npart");
                  connection.exactly(1000);
                  connection.reset();
                }))) {
      wire.client.send("PUT / HTTP/1.1\r\nhost: web\r\ncontent-length: " + UPLOAD + "\r\n\r\n");
      upload(wire.client);
      StringBuilder all = new StringBuilder();
      try {
        all.append(wire.client.rest());
      } catch (IOException e) {
        // A reset is as clear.
      }
      assertThat(all.toString()).doesNotEndWith("0\r\n\r\n");
    }
  }

  @Test
  void aRefusedUploadIsReadUntilTheClientHasItsAnswer() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port())) {
      int port = proxy.inbound(null);
      proxy.policy.set(
          new FakePolicy.Rules(
              java.util.List.of("/"), java.util.List.of("/"), java.util.List.of()));
      try (var client = new Http1Client(port)) {
        client.send("PUT / HTTP/1.1\r\nhost: web\r\ncontent-length: " + UPLOAD + "\r\n\r\n");
        client.send(new byte[UPLOAD]);
        assertThat(client.response().status()).isEqualTo(403);
        assertThat(client.rest()).isEmpty();
      }
    }
  }
}
