package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.http.Http2Peer.Event;
import io.signetmesh.proxy.http.Http2Peer.Stream;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.upstream.Endpoint;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** HTTP/2 connections whose peer says nothing any more, and does not close either. */
@ParameterizedClass
@MethodSource("transports")
@Timeout(60)
class SilentPeerTest {
  /** On a busy machine an answer may take a while, also of the peer that is silent later. */
  private static final Http2KeepAlive KEEP_ALIVE =
      new Http2KeepAlive(Duration.ofMillis(100), Duration.ofSeconds(2), true);

  private final IoTransport transport;

  SilentPeerTest(IoTransport transport) {
    this.transport = transport;
  }

  static java.util.stream.Stream<IoTransport> transports() {
    return Transports.here();
  }

  private static void headOnly(Stream stream, Http2Peer peer) throws InterruptedException {
    stream.respond("200");
  }

  @Test
  void streamsOfAPeersProxyThatIsSilentAreCut() throws Exception {
    try (var peer = Http2Peer.application(SilentPeerTest::headOnly);
        var proxy =
            new ProxyFixture(
                transport, 0, config -> config.keepAlive(Http2KeepAlive.OFF, KEEP_ALIVE));
        var client = Http2Peer.client(proxy.outbound(Endpoint.Hint.HTTP2, true, peer.port()))) {
      Stream stream = client.get("/stream");
      stream.nextHead();
      peer.connection().stopReading();

      assertThat(stream.next()).isInstanceOf(Event.Reset.class);
      assertThat(proxy.loops().loops().getFirst().silentPeers()).isEqualTo(1);
      // The next request goes over another connection.
      assertThat(client.get("/again").nextHead().status()).hasToString("200");
      assertThat(peer.connections).hasSize(2);
    }
  }

  @Test
  void aRequestThatASilentPeerHasNotAnsweredIsTriedElsewhereIfThatIsSafe() throws Exception {
    try (var peer =
            Http2Peer.application((stream, application) -> application.connection().stopReading());
        var other = Http2Peer.application(SilentPeerTest::headOnly);
        var proxy =
            new ProxyFixture(
                transport, 0, config -> config.keepAlive(Http2KeepAlive.OFF, KEEP_ALIVE));
        var client =
            Http2Peer.client(
                proxy.outbound(Endpoint.Hint.HTTP2, true, peer.port(), other.port()))) {
      assertThat(client.get("/safe").nextHead().status()).hasToString("200");
      assertThat(other.accepted().head().path()).hasToString("/safe");
    }
  }

  @Test
  void requestsOfAClientThatIsSilentAreCut() throws Exception {
    try (var app = Http2Peer.application(SilentPeerTest::headOnly);
        var proxy =
            new ProxyFixture(transport, app.port(), config -> config.keepAlive(KEEP_ALIVE, null));
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      client.get("/stream").nextHead();
      Stream served = app.accepted();
      client.connection().stopReading();

      assertThat(served.next()).isInstanceOf(Event.Reset.class);
      assertThat(proxy.loops().loops().getFirst().silentPeers()).isEqualTo(1);
    }
  }

  @Test
  void peersThatAnswerKeepTheirConnectionsAndApplicationsAreNotAsked() throws Exception {
    try (var app = Http2Peer.application(SilentPeerTest::headOnly);
        var proxy =
            new ProxyFixture(
                transport, app.port(), config -> config.keepAlive(KEEP_ALIVE, KEEP_ALIVE));
        var plain = Http2Peer.client(proxy.outbound(Endpoint.Hint.HTTP2, false, app.port()));
        var opaque = Http2Peer.client(proxy.outbound(Endpoint.Hint.OPAQUE, true, app.port()));
        var local = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY));
        var meshed = Http2Peer.client(proxy.outbound(Endpoint.Hint.HTTP2, true, app.port()))) {
      for (Http2Peer client : new Http2Peer[] {plain, opaque, local, meshed}) {
        client.get("/").nextHead();
      }
      assertThat(app.connections).hasSize(4);
      for (int i = 0; i < 2; i++) {
        assertThat(app.connections.get(3).pinged.poll(10, TimeUnit.SECONDS)).isNotNull();
      }
      for (int i = 0; i < 3; i++) {
        assertThat(app.connections.get(i).pinged).isEmpty();
      }
      for (Http2Peer client : new Http2Peer[] {plain, opaque, local, meshed}) {
        assertThat(client.connection().pinged.poll(10, TimeUnit.SECONDS)).isNotNull();
        client.get("/").nextHead();
      }
      assertThat(app.connections).hasSize(4);
      assertThat(proxy.loops().loops().getFirst().silentPeers()).isZero();
    }
  }
}
