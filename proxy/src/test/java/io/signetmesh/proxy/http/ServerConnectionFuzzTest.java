package io.signetmesh.proxy.http;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http2.Http2Headers;
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
            "000008060000000000" + "0000000000000000")
        .map(hex -> Arguments.of((Object) HexFormat.of().parseHex(hex)));
  }

  /** However the bytes are cut, the same requests come out, and all of them are clean. */
  @MethodSource("heads")
  @FuzzTest(maxDuration = "10m")
  void bytesOfHttp1(byte[] bytes) {
    List<String> whole = requests(false, bytes, bytes.length);
    List<String> cut = requests(false, bytes, 7);
    if (!whole.equals(cut)) {
      throw new AssertionError("at once " + whole + ", in pieces " + cut);
    }
  }

  @MethodSource("frames")
  @FuzzTest(maxDuration = "10m")
  void framesOfHttp2(byte[] frames) {
    List<String> whole = requests(true, frames, Math.max(1, frames.length));
    List<String> cut = requests(true, frames, 7);
    if (!whole.equals(cut)) {
      throw new AssertionError("at once " + whole + ", in pieces " + cut);
    }
  }

  private static List<String> requests(boolean http2, byte[] bytes, int piece) {
    EmbeddedChannel channel = new EmbeddedChannel();
    Requests requests = new Requests();
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
    } finally {
      channel.finishAndReleaseAll();
    }
    return requests.seen;
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
    ClientAccount account() {
      return new ClientAccount(() -> 0);
    }

    @Override
    boolean otherUpstreams() {
      return false;
    }

    @Override
    boolean informationalHeaders() {
      return false;
    }

    @Override
    void onResponseHead(Http2Headers head) {}

    @Override
    void onFailure(Failure failure) {}

    @Override
    void onDone() {}

    @Override
    void onResponseStarted() {}

    @Override
    void retry() {}

    @Override
    void onDialFailed() {}

    @Override
    void onTunnel(String protocol) {}
  }
}
