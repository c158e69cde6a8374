package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Flags;
import io.netty.handler.codec.http2.Http2FrameTypes;
import io.netty.handler.codec.http2.Http2Headers;
import io.signetmesh.proxy.http.FakePolicy.Rules;
import io.signetmesh.proxy.http.Http2Peer.Stream;
import io.signetmesh.proxy.loop.IoTransport;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Connections that make work without use are ended; others are left alone. */
@ParameterizedClass
@MethodSource("transports")
@Timeout(120)
class Http2AbuseTest {
  private final IoTransport transport;

  Http2AbuseTest(IoTransport transport) {
    this.transport = transport;
  }

  static java.util.stream.Stream<IoTransport> transports() {
    return Transports.here();
  }

  /** Whether an action can be repeated {@code times} without the connection being ended. */
  private static boolean survives(Http2Peer client, int times, Runnable action)
      throws InterruptedException {
    for (int i = 0; i < times; i++) {
      action.run();
      // What comes back shows that all of it was read.
      if (i % 1000 == 0 && !client.connection().ping()) {
        return false;
      }
    }
    return client.connection().ping();
  }

  private void isEnded(String what, Http2Peer client, int times, Runnable action) throws Exception {
    assertThat(survives(client, times, action)).as(what).isFalse();
    // A client that is busy writing may see the end only.
    List<Long> goAway = client.connection().goAways.peek();
    if (goAway != null) {
      assertThat(goAway).as(what).last().isEqualTo(Http2Error.ENHANCE_YOUR_CALM.code());
    }
    assertThat(client.connection().awaitClose()).as(what).isTrue();
  }

  private static void frame(Http2Peer client, byte type, int stream, int flags, byte[] payload) {
    client.connection().writeFrame(type, stream, (short) flags, payload);
  }

  @Test
  void aFloodOfResetsEndsItsConnectionOnlyAndIsOnRecord() throws Exception {
    try (var app = Http2Peer.application((stream, application) -> {});
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY));
        var other = Http2Peer.client(proxy.inbound(null))) {
      Stream bystander = other.get("/bystander");
      Stream served = app.accepted();
      isEnded("resets", client, 20_000, () -> client.get("/").reset(Http2Error.CANCEL));
      assertThat(proxy.decisions)
          .filteredOn(decision -> decision.reason().equals("protocol-error"))
          .singleElement()
          .satisfies(decision -> assertThat(decision.detail()).contains("cancelled or malformed"));
      assertThat(proxy.scrape()).contains("signet_inbound_http_exhausted_total 1");
      // Most of it did not even share the bystander's connection to the application.
      assertThat(served.connection().opened()).isLessThan(200);
      served.respond("200").send("still here", true);
      bystander.nextHead();
      assertThat(bystander.nextData()).isEqualTo("still here");
    }
  }

  @Test
  void resetsThatTheClientMakesTheProxySendCountAsItsOwn() throws Exception {
    byte[] zeroWindow = new byte[4];
    byte[] overflow = {0x7F, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF};
    try (var app = Http2Peer.application((stream, application) -> {});
        var proxy = new ProxyFixture(transport, app.port())) {
      int port = proxy.inbound(null);
      for (byte[] window : List.of(zeroWindow, overflow)) {
        try (var client = Http2Peer.client(port)) {
          isEnded(
              "windows",
              client,
              20_000,
              () -> client.connection().openAndWrite(Http2FrameTypes.WINDOW_UPDATE, 0, window));
        }
      }
      try (var client = Http2Peer.client(port)) {
        isEnded(
            "DATA behind the end",
            client,
            20_000,
            () -> client.connection().openAndWrite(Http2FrameTypes.DATA, 0, new byte[1]));
      }
      try (var client = Http2Peer.client(port)) {
        Http2Headers malformed =
            new DefaultHttp2Headers(false).method("GET").scheme("http").path("/").add("X-A", "1");
        isEnded("heads", client, 20_000, () -> client.open(malformed, true));
      }
    }
  }

  @Test
  void floodsOfFramesOfNoUseAreEnded() throws Exception {
    try (var app = Http2Peer.application((stream, application) -> {});
        var proxy = new ProxyFixture(transport, app.port())) {
      int port = proxy.inbound(null);
      for (byte type :
          new byte[] {
            Http2FrameTypes.PING, Http2FrameTypes.SETTINGS, Http2FrameTypes.PRIORITY, 0x7F
          }) {
        try (var client = Http2Peer.client(port)) {
          byte[] payload =
              new byte
                  [switch (type) {
                    case Http2FrameTypes.PING -> 8;
                    case Http2FrameTypes.PRIORITY -> 5;
                    default -> 0;
                  }];
          int stream = type == Http2FrameTypes.PRIORITY ? 1 : 0;
          isEnded("type " + type, client, 400_000, () -> frame(client, type, stream, 0, payload));
        }
      }
      try (var client = Http2Peer.client(port)) {
        Stream upload = client.open("POST", "/", false);
        app.accepted();
        isEnded(
            "empty DATA",
            client,
            400_000,
            () -> frame(client, Http2FrameTypes.DATA, upload.id(), 0, new byte[0]));
      }
    }
  }

  @Test
  void aFieldBlockThatDoesNotEndIsEnded() throws Exception {
    try (var app = Http2Peer.application((stream, application) -> {});
        var proxy = new ProxyFixture(transport, app.port())) {
      int port = proxy.inbound(null);
      for (int size : new int[] {0, 16_384}) {
        byte[] fields = new byte[size];
        java.util.Arrays.fill(fields, (byte) 0x82);
        try (var client = Http2Peer.client(port)) {
          frame(client, Http2FrameTypes.HEADERS, 1, Http2Flags.END_STREAM, fields);
          for (int i = 0; i < 4500; i++) {
            frame(client, Http2FrameTypes.CONTINUATION, 1, 0, fields);
          }
          assertThat(client.connection().awaitClose()).as("fragments of %d", size).isTrue();
        }
      }
    }
  }

  @Test
  void headsThatAreFarLargerThanWhatWasSentAreEnded() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      Http2Headers bomb =
          new DefaultHttp2Headers(false).method("GET").scheme("http").authority("w").path("/");
      for (int i = 0; i < 15; i++) {
        bomb.add("x-bomb", "b".repeat(3000));
      }
      isEnded("bombs", client, 20_000, () -> client.open(bomb, true));
    }
  }

  /**
   * Sixteen thousand references to one field: each is decoded, though the head is refused. Raw,
   * because a client's codec would give up by itself at answers on streams that it does not know.
   */
  @Test
  void headsOfManyMoreFieldsThanAHeadMayHaveAreEndedSoon() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        Socket client = new Socket(InetAddress.getLoopbackAddress(), proxy.inbound(null))) {
      client.setSoTimeout(10_000);
      byte[] fields = new byte[16_000];
      java.util.Arrays.fill(fields, (byte) 0x82);
      DataOutputStream out = new DataOutputStream(client.getOutputStream());
      out.writeBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      out.write(new byte[] {0, 0, 0, Http2FrameTypes.SETTINGS, 0, 0, 0, 0, 0});
      for (int stream = 1; stream < 16; stream += 2) {
        out.writeInt(fields.length << 8 | Http2FrameTypes.HEADERS);
        out.writeByte(Http2Flags.END_STREAM | Http2Flags.END_HEADERS);
        out.writeInt(stream);
        out.write(fields);
      }
      DataInputStream in = new DataInputStream(client.getInputStream());
      byte[] payload;
      int type;
      do {
        int lengthAndType = in.readInt();
        type = lengthAndType & 0xff;
        in.skipNBytes(5);
        payload = in.readNBytes(lengthAndType >>> 8);
      } while (type != Http2FrameTypes.GO_AWAY);
      assertThat(ByteBuffer.wrap(payload).getInt(4))
          .isEqualTo((int) Http2Error.ENHANCE_YOUR_CALM.code());
    }
  }

  @Test
  void aFrameForARefusedStreamIsHeldToItsSize() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      proxy.policy.set(new Rules(List.of("/"), List.of("/no"), List.of()));
      Stream refused = client.open("POST", "/no", false);
      assertThat(refused.rest().status()).isEqualTo(403);

      frame(client, Http2FrameTypes.WINDOW_UPDATE, refused.id(), 0, new byte[3]);

      assertThat(client.connection().awaitGoAway())
          .last()
          .isEqualTo(Http2Error.FRAME_SIZE_ERROR.code());
    }
  }

  @Test
  void aFloodOfRefusedRequestsIsEnded() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var other = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      proxy.policy.set(new Rules(List.of("/"), List.of("/no"), List.of()));
      int port = proxy.inbound(null);
      try (var client = Http2Peer.client(port)) {
        isEnded("refusals", client, 50_000, () -> client.get("/no"));
      }
      try (var client = new Http1Client(port)) {
        int refused = 0;
        boolean last = false;
        while (!last && refused < 50_000) {
          Http1Client.Message answer =
              client.send("GET /no HTTP/1.1\r\nhost: web\r\n\r\n").response();
          assertThat(answer.start()).contains("403");
          last = "close".equals(answer.header("connection"));
          refused++;
        }
        assertThat(last).isTrue();
      }
      assertThat(other.get("/yes").rest().status()).isEqualTo(200);
    }
  }

  @Test
  void aPeerThatCarriesManyClientsMayCancelInBursts() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.pair())) {
      assertThat(survives(client, 1000, () -> client.get("/").reset(Http2Error.CANCEL))).isTrue();
      for (int i = 0; i < 2000; i++) {
        assertThat(client.get("/" + i).rest().status()).isEqualTo(200);
        client.get("/").reset(Http2Error.CANCEL);
      }
      assertThat(client.get("/").rest().status()).isEqualTo(200);
    }
  }

  @Test
  void aClientThatDoesNotReadItsAnswersIsNotReadEither() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      client.connection().stopReading();
      ByteBuf ping = Unpooled.buffer();
      for (int i = 0; i < 1000; i++) {
        ping.writeMedium(8).writeByte(Http2FrameTypes.PING).writeByte(0).writeInt(0).writeLong(i);
      }
      for (int i = 0; i < 60; i++) {
        client.connection().writeRaw(ping.retainedDuplicate());
      }
      assertThat(proxy.pinnedBytes()).isLessThan(4 << 20);
    }
  }
}
