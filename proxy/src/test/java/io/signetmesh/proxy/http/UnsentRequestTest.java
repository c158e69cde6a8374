package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http2.Http2Error;
import io.signetmesh.proxy.http.Http2Peer.Message;
import io.signetmesh.proxy.http.Http2Peer.Stream;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.upstream.Endpoint;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Requests of which a peer's proxy could send nothing to its application are tried elsewhere. */
@ParameterizedClass
@MethodSource("transports")
@Timeout(60)
class UnsentRequestTest {
  private static final String UNSENT = "l5d-proxy-unsent";

  private final IoTransport transport;
  private final List<Socket> refusing = new ArrayList<>();

  UnsentRequestTest(IoTransport transport) {
    this.transport = transport;
  }

  static java.util.stream.Stream<IoTransport> transports() {
    return Transports.here();
  }

  /** A port that refuses connections. It is bound, so nobody else listens there meanwhile. */
  private int refusingPort() throws IOException {
    Socket bound = new Socket();
    refusing.add(bound);
    bound.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    return bound.getLocalPort();
  }

  @AfterEach
  void close() throws IOException {
    for (Socket socket : refusing) {
      socket.close();
    }
  }

  @Test
  void aRequestWhoseApplicationRefusesConnectionsIsServedByAnotherReplica() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var broken = new ProxyFixture(transport, refusingPort());
        var sound = new ProxyFixture(transport, app.port());
        var caller = new ProxyFixture(transport, 0)) {
      int first = broken.inbound(ProxyFixture.IDENTITY);
      int second = sound.inbound(ProxyFixture.IDENTITY);
      for (Endpoint.Hint hint : new Endpoint.Hint[] {Endpoint.Hint.HTTP2, Endpoint.Hint.UNKNOWN}) {
        try (var client = new Http1Client(caller.outbound(hint, true, first, second))) {
          client.send("GET /get HTTP/1.1\r\nhost: web\r\n\r\n");
          assertThat(client.response().body()).isEqualTo("/get");
        }
        try (var client = new Http1Client(caller.outbound(hint, true, first, second))) {
          client.send("POST /post HTTP/1.1\r\nhost: web\r\ncontent-length: 0\r\n\r\n");
          assertThat(client.response().body()).isEqualTo("/post");
        }
      }
      assertThat(app.requests).hasSize(4);
      assertThat(broken.dialed).hasValue(4);
      assertThat(caller.leases).hasValue(0);
    }
  }

  @Test
  void soIsACallOverHttp2() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var broken = new ProxyFixture(transport, refusingPort());
        var sound = new ProxyFixture(transport, app.port());
        var caller = new ProxyFixture(transport, 0);
        var client =
            Http2Peer.client(
                caller.outbound(
                    Endpoint.Hint.HTTP2,
                    true,
                    broken.inbound(ProxyFixture.IDENTITY),
                    sound.inbound(ProxyFixture.IDENTITY)))) {
      String[] grpc = {"content-type", "application/grpc", "te", "trailers"};
      assertThat(client.open("POST", "/call", true, grpc).rest().body()).isEqualTo("/call");
      assertThat(broken.dialed).hasValue(1);
    }
  }

  @Test
  void onlyAProxyOfTheMeshIsTold() throws Exception {
    try (var proxy = new ProxyFixture(transport, refusingPort());
        var peer = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY));
        var stranger = Http2Peer.client(proxy.inbound(null));
        var local = Http2Peer.client(proxy.outbound(Endpoint.Hint.HTTP2, true, refusingPort()))) {
      Message told = peer.get("/").rest();
      assertThat(told.status()).isEqualTo(502);
      assertThat(told.header(UNSENT)).isEqualTo("true");
      Message call =
          peer.open("POST", "/", true, "content-type", "application/grpc", "te", "trailers").rest();
      assertThat(call.header("grpc-status")).isEqualTo("14");
      assertThat(call.header(UNSENT)).isEqualTo("true");
      for (Http2Peer client : new Http2Peer[] {stranger, local}) {
        Message untold = client.get("/").rest();
        assertThat(untold.status()).isEqualTo(502);
        assertThat(untold.header(UNSENT)).isNull();
      }
    }
  }

  @Test
  void anApplicationThatHasGotSomethingIsNoReason() throws Exception {
    try (var app = Http2Peer.application((stream, application) -> stream.reset(Http2Error.CANCEL));
        var forging =
            Http2Peer.application(
                (stream, application) -> stream.respond(true, "502", UNSENT, "true"));
        var cutting = new ProxyFixture(transport, app.port());
        var claiming = new ProxyFixture(transport, forging.port());
        var first = Http2Peer.client(cutting.inbound(ProxyFixture.IDENTITY));
        var second = Http2Peer.client(claiming.inbound(ProxyFixture.IDENTITY));
        var plain =
            Http2Peer.client(
                claiming.outbound(Endpoint.Hint.HTTP2, false, forging.port(), app.port()))) {
      first.open("POST", "/", true).nextReset();
      for (Http2Peer client : new Http2Peer[] {second, plain}) {
        Message answer = client.get("/").rest();
        assertThat(answer.status()).isEqualTo(502);
        assertThat(answer.header(UNSENT)).isNull();
      }
      assertThat(app.accepted).hasSize(1);
      assertThat(forging.accepted).hasSize(2);
    }
  }

  @Test
  void aRequestIsTriedThreeTimesAtMostAndNotOnceItsBodyIsOnItsWay() throws Exception {
    try (var peer =
            Http2Peer.application(
                (stream, application) -> {
                  if (stream.head().path().toString().equals("/upload")) {
                    stream.nextData();
                  }
                  stream.respond(true, "502", UNSENT, "true", "x-answer", "theirs");
                });
        var caller = new ProxyFixture(transport, 0);
        var client = Http2Peer.client(caller.outbound(Endpoint.Hint.HTTP2, true, peer.port()))) {
      Message last = client.get("/").rest();
      assertThat(last.status()).isEqualTo(502);
      assertThat(last.header("x-answer")).isEqualTo("theirs");
      assertThat(last.header(UNSENT)).isNull();
      assertThat(peer.accepted).hasSize(3);

      Stream upload = client.open("POST", "/upload", false).send("body", false);
      assertThat(upload.rest().status()).isEqualTo(502);
      assertThat(peer.accepted).hasSize(4);
    }
  }
}
