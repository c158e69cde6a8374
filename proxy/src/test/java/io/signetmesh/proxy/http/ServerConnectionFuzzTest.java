package io.signetmesh.proxy.http;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http2.Http2FrameTypes;
import io.netty.handler.codec.http2.Http2Headers;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.ExchangeFactory;
import io.signetmesh.proxy.http.exchange.Failure;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.exchange.ServerStream;
import io.signetmesh.proxy.http.h1.Http1ServerConnection;
import io.signetmesh.proxy.http.h2.Http2ServerConnection;
import io.signetmesh.proxy.loop.ProxyLoop;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What strangers may send to an HTTP port, up to the requests that come out of it. */
class ServerConnectionFuzzTest {
  private static final byte[] PREFACE =
      HexFormat.of().parseHex("505249202a20485454502f322e300d0a0d0a534d0d0a0d0a000000040000000000");

  static Stream<Arguments> heads() {
    return Stream.of(
            "GET /a?b HTTP/1.1\r\nHost: web\r\nX: 1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n5;e=1\r\nhello\r\n0\r\nA: b\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n",
            "CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n",
            "GET http://web/ HTTP/1.1\r\nHost: web\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nraw")
        .map(text -> Arguments.of((Object) text.getBytes(StandardCharsets.ISO_8859_1)));
  }

  static Stream<Arguments> frames() {
    return Stream.of(
            // HEADERS with GET, http, / and authority web; then DATA, RST_STREAM and PING.
            "00000a010500000001" + "828684" + "4103776562" + "8787",
            "000008010400000001" + "838684" + "4103776562" + "000003000100000001" + "616263",
            "000004030000000001" + "00000008",
            // A frame of a stream that is refused already, and too short.
            "000008010400000001"
                + "8386844103776562"
                + "000003080100000001"
                + "610000"
                + "000008010400000701"
                + "8386844103776562",
            "000008010400000001"
                + "8386844103776562"
                + "00000000090000000100000801040000070183868441"
                + "03776562",
            // Fields for a stream whose request is complete, and a request behind them.
            "000008010500000701"
                + "8386844103776562"
                + "000008010400000701"
                + "8386844103776562"
                + "000008018400440001"
                + "8386844103776562",
            "000008060000000000" + "0000000000000000")
        .map(hex -> Arguments.of((Object) HexFormat.of().parseHex(hex)));
  }

  /** However the bytes are cut, the same requests come out, and all of them are clean. */
  @MethodSource("heads")
  @FuzzTest(maxDuration = "10m")
  void bytesOfHttp1(byte[] bytes) {
    compare(run(false, bytes, bytes.length), run(false, bytes, 7));
  }

  @MethodSource("frames")
  @FuzzTest(maxDuration = "10m")
  void framesOfHttp2(byte[] frames) {
    compare(run(true, frames, Math.max(1, frames.length)), run(true, frames, 7));
  }

  /**
   * What came of bytes.
   *
   * @param goAway whether the connection was ended for an error of it
   */
  private record Outcome(List<String> requests, boolean goAway) {
    boolean isCutShortOf(Outcome other) {
      return goAway
          && requests.size() < other.requests.size()
          && requests.equals(other.requests.subList(0, requests.size()));
    }
  }

  /**
   * A frame on a stream whose answer is on its way is an error of the stream, and one of the
   * connection once the answer is out (RFC 9113 5.1). So one of the two may end earlier.
   */
  private static void compare(Outcome whole, Outcome cut) {
    if (!whole.requests.equals(cut.requests)
        && !whole.isCutShortOf(cut)
        && !cut.isCutShortOf(whole)) {
      throw new AssertionError("at once " + whole + ", in pieces " + cut);
    }
  }

  private static Outcome run(boolean http2, byte[] bytes, int piece) {
    EmbeddedChannel channel = new EmbeddedChannel();
    Requests requests = new Requests();
    boolean goAway = false;
    try {
      ProxyLoop loop = new ProxyLoop(channel.eventLoop(), 0);
      if (http2) {
        Http2ServerConnection.install(loop, HttpConfig.defaults(), requests, channel);
        channel.writeInbound(Unpooled.copiedBuffer(PREFACE));
      } else {
        new Http1ServerConnection(loop, HttpConfig.defaults(), requests).install(channel);
      }
      for (int at = 0; at < bytes.length && channel.isOpen(); at += piece) {
        ByteBuf part = Unpooled.copiedBuffer(bytes, at, Math.min(piece, bytes.length - at));
        channel.writeInbound(part);
        channel.runPendingTasks();
        if (part.refCnt() > 1) {
          throw new AssertionError("bytes are held twice");
        }
      }
      goAway = http2 && hasGoAway(channel);
    } finally {
      channel.finishAndReleaseAll();
    }
    return new Outcome(requests.seen, goAway);
  }

  /** Whether an error of the connection is among the frames that went out. */
  private static boolean hasGoAway(EmbeddedChannel channel) {
    ByteBuf out = Unpooled.buffer();
    for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
      out.writeBytes(part);
      part.release();
    }
    boolean found = false;
    while (out.readableBytes() >= 9) {
      int length = out.readUnsignedMedium();
      int type = out.readByte();
      ByteBuf payload = out.skipBytes(5).readSlice(length);
      found |= type == Http2FrameTypes.GO_AWAY && payload.getInt(4) != 0;
    }
    return found;
  }

  /** Notes each request and answers it with 404. */
  private static final class Requests implements ExchangeFactory {
    private final List<String> seen = new ArrayList<>();
    private final ClientAccount account = new ClientAccount(() -> 0);

    @Override
    public Exchange begin(
        ServerStream server, Channel channel, Http2Headers head, boolean end, boolean upgrade) {
      StringBuilder text = new StringBuilder();
      for (Map.Entry<CharSequence, CharSequence> field : head) {
        String name = field.getKey().toString();
        String value = field.getValue().toString();
        if (!name.equals(name.toLowerCase(Locale.ROOT)) || name.isEmpty()) {
          throw new AssertionError("field name '" + name + "'");
        }
        for (int i = 0; i < value.length(); i++) {
          char c = value.charAt(i);
          if (c == '\r' || c == '\n' || c == 0) {
            throw new AssertionError("field " + name + " holds what ends a line");
          }
        }
        text.append(name).append('=').append(value).append(';');
      }
      seen.add(text.toString());
      Answered exchange = new Answered(server, head, end);
      exchange.fail(Failure.NO_ROUTE);
      return exchange;
    }

    @Override
    public void malformed(
        @Nullable CharSequence method, @Nullable CharSequence target, String why) {}

    @Override
    public ClientAccount account() {
      return account;
    }

    @Override
    public void exhausted(ClientAccount.Waste by) {}

    @Override
    public void closed() {}
  }

  private static final class Answered extends Exchange {
    Answered(ServerStream server, Http2Headers head, boolean end) {
      super(server, head, end);
    }

    @Override
    public ClientAccount account() {
      return new ClientAccount(() -> 0);
    }

    @Override
    protected boolean otherUpstreams() {
      return false;
    }

    @Override
    protected boolean informationalHeaders() {
      return false;
    }

    @Override
    protected void onResponseHead(Http2Headers head) {}

    @Override
    protected void onFailure(Failure failure) {}

    @Override
    protected void onDone() {}

    @Override
    protected void retry() {}

    @Override
    protected void onDialFailed() {}

    @Override
    protected void onTunnel(String protocol) {}
  }
}
