package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Settings;
import io.signetmesh.proxy.http.Http2Peer.Event;
import io.signetmesh.proxy.http.Http2Peer.Stream;
import io.signetmesh.proxy.loop.IoTransport;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** A client, or an application, that does not read holds back itself alone. */
@ParameterizedClass
@MethodSource("transports")
@Timeout(60)
class Http2FairnessTest {
  private static final int CHUNK = 64 * 1024;
  private static final int CHUNKS = 16;
  private static final int STALLED = 200;

  private final IoTransport transport;

  Http2FairnessTest(IoTransport transport) {
    this.transport = transport;
  }

  static java.util.stream.Stream<IoTransport> transports() {
    return Transports.here();
  }

  private static Http2Peer largeAnswers(AtomicInteger sent) throws InterruptedException {
    return Http2Peer.application(
        (stream, application) -> {
          stream.respond("200");
          for (int i = 1; i <= CHUNKS; i++) {
            stream.sendAndAwait(new byte[CHUNK], i == CHUNKS);
            sent.incrementAndGet();
          }
        });
  }

  private static void atRest(AtomicInteger counter) {
    int before;
    do {
      before = counter.get();
      LockSupport.parkNanos(Duration.ofMillis(200).toNanos());
    } while (counter.get() != before || before == 0);
  }

  @Test
  void streamsThatNobodyReadsTakeNothingFromThoseOfOthers() throws Exception {
    AtomicInteger sent = new AtomicInteger();
    try (var app = largeAnswers(sent);
        var proxy = new ProxyFixture(transport, app.port())) {
      int pair = proxy.pair();
      for (int port : new int[] {proxy.inbound(ProxyFixture.IDENTITY), pair}) {
        try (var stalled = Http2Peer.client(port);
            var other = Http2Peer.client(port)) {
          List<Stream> streams = new ArrayList<>();
          for (int i = 0; i < STALLED; i++) {
            streams.add(stalled.get("/"));
          }
          for (Stream stream : streams) {
            assertThat(stream.nextHead().status()).hasToString("200");
          }
          atRest(sent);
          assertThat(other.get("/").rest().body()).hasSize(CHUNK * CHUNKS);
          // Of each stream one window at most waits at each proxy on the way; and what is read.
          assertThat(proxy.pinnedBytes()).isLessThan(2L * STALLED * 2 * CHUNK + (2 << 20));
        }
        Http2WireTest.await("buffers are given back", () -> proxy.pinnedBytes() < 4 << 20);
      }
    }
  }

  @Test
  void whoTakesNothingForTooLongIsEndedAndNobodyElse() throws Exception {
    AtomicInteger sent = new AtomicInteger();
    try (var app = largeAnswers(sent);
        var proxy =
            new ProxyFixture(
                transport, app.port(), config -> config.progressTimeout(Duration.ofMillis(800)));
        var stalled = Http2Peer.client(proxy.inbound(null));
        var other = Http2Peer.client(proxy.inbound(null))) {
      Stream stream = stalled.get("/");
      stream.nextHead();
      Stream slow = other.get("/");
      slow.nextHead();
      Event event = stream.next();
      while (event instanceof Event.Data) {
        if (slow.next() instanceof Event.Data data) {
          slow.consumed(data);
        }
        event = stream.next();
      }
      assertThat(event).isEqualTo(new Event.Reset(Http2Error.CANCEL.code()));
      assertThat(app.accepted().nextReset()).isEqualTo(Http2Error.CANCEL.code());
      // The connection goes on, and so does a stream that is read.
      assertThat(stalled.get("/").nextHead().status()).hasToString("200");
      long received = 0;
      while (slow.next() instanceof Event.Data data) {
        slow.consumed(data);
        received += data.bytes().length;
        if (data.end()) {
          break;
        }
      }
      assertThat(received).isPositive();
    }
  }

  @Test
  void anUploadThatTheApplicationDoesNotReadIsPassedByOthers() throws Exception {
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  if (stream.head().path().toString().equals("/read")) {
                    String body = stream.rest().body();
                    stream.respond("200").send(body, true);
                  }
                },
                // So that it is not the number of streams that opens another connection.
                Http2Settings.defaultSettings().maxConcurrentStreams(10_000));
        var proxy = new ProxyFixture(transport, app.port());
        var stuck = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY));
        var other = Http2Peer.client(proxy.inbound(null))) {
      for (int i = 0; i < 4; i++) {
        stuck.open("POST", "/stuck", false).send(new byte[CHUNK], false);
      }
      Http2WireTest.await("uploads at the application", () -> app.accepted.size() == 4);
      List<Stream> uploads = new ArrayList<>();
      // Those that come while it is not known yet wait in vain.
      Http2WireTest.await(
          "an upload passes those that are stuck",
          () -> {
            uploads.add(other.open("POST", "/read", false).send(new byte[1000], true));
            LockSupport.parkNanos(Duration.ofMillis(100).toNanos());
            return uploads.stream().anyMatch(upload -> !upload.quiet());
          });
      assertThat(app.connections).hasSize(2);
    }
  }

  /** Both are on one connection to the application, whose window the other one's fill. */
  @Test
  void anUploadUnderWayGoesOnBeforeLongThoughTheApplicationDoesNotReadThoseOfAnother()
      throws Exception {
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  if (stream.head().path().toString().equals("/read")) {
                    String body = stream.rest().body();
                    stream.respond("200").send(body, true);
                  }
                },
                Http2Settings.defaultSettings().maxConcurrentStreams(10_000));
        // A stuck connection is relieved after a twelfth of it.
        var proxy =
            new ProxyFixture(
                transport, app.port(), config -> config.progressTimeout(Duration.ofSeconds(12)));
        var stuck = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY));
        var other = Http2Peer.client(proxy.inbound(null))) {
      Stream upload = other.open("POST", "/read", false).send(new byte[1000], false);
      app.accepted();
      List<Stream> stalled = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        stalled.add(stuck.open("POST", "/stuck", false).send(new byte[CHUNK], false));
        app.accepted();
      }
      Http2WireTest.await("the window is used up", () -> proxy.pinnedBytes() > 2 * CHUNK);
      upload.send(new byte[30_000], false).send(new byte[1000], true);

      assertThat(app.connections).hasSize(1);
      assertThat(upload.rest().body()).hasSize(32_000);
      // Who has nobody to give way to has more time: the connection itself goes on.
      assertThat(stuck.open("POST", "/read", false).send("x", true).rest().body()).isEqualTo("x");
    }
  }
}
