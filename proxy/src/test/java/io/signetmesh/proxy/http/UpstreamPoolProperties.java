package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.Failure;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.exchange.ServerStream;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.ProxyLoop;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.jspecify.annotations.Nullable;

/**
 * Exchanges one after the other over the connections of a pool, with an application that does what
 * it likes: whatever it sends for one exchange, no other sees a byte of it.
 */
final class UpstreamPoolProperties {
  private static final String[] METHODS = {"GET", "HEAD", "POST", "PUT"};

  /** What stands for the number of the exchange in a scripted answer. */
  private static final String MARK = "@";

  /** The first of the characters that number exchanges; nothing else is made of them. */
  private static final int MARKS = 0xc0;

  private static final String[] ANSWERS = {
    "HTTP/1.1 200 OK\r\nx-of: @\r\ncontent-length: 6\r\n\r\n<@@@@>",
    "HTTP/1.1 200 OK\r\nx-of: @\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx-of: @\r\ntransfer-encoding: chunked\r\n\r\n3\r\n<@>\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx-of: @\r\ntransfer-encoding: chunked\r\n\r\n1\r\n@\r\n0\r\nx-t: @\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nx-of: @\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nx-of: @\r\ncontent-length: 3\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nx-of: @\r\ncontent-length: 3\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nx-of: @\r\ncontent-length: 1\r\n\r\n@",
    "HTTP/1.1 200 OK\r\nx-of: @\r\nconnection: close\r\ncontent-length: 1\r\n\r\n@",
    "HTTP/1.0 200 OK\r\nx-of: @\r\ncontent-length: 1\r\n\r\n@",
    "HTTP/1.1 200 OK\r\nx-of: @\r\n\r\n<@@>",
    "HTTP/1.1 200 OK\r\nx-of: @\r\ncontent-length: 9\r\n\r\n<@@>",
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nx-of: @\r\n\r\n@@@",
    "garbage @@@\r\n\r\n",
    "",
  };

  private static final String[] SURPLUS = {
    "",
    "",
    "\r\n",
    "@",
    "<@@@>",
    "HTTP/1.1 302 Found\r\nx-of: @\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx-of: @\r\ncontent-length: 1000\r\n\r\n@@",
    "HTTP/1.1 200 OK\r\nx-of: @",
    "0\r\n\r\n",
  };

  /** When the surplus comes, or what ends the connection. */
  enum Late {
    /** In the same write, which the network may split. */
    TOGETHER,
    /** While the connection is idle. */
    IDLE,
    /** When the next request has been written and not been sent. */
    BEFORE_THE_NEXT_IS_SENT,
    END_OF_INPUT
  }

  /**
   * One exchange.
   *
   * @param method index of a method
   * @param body bytes of the request's body that are sent, of 8; 8: all
   * @param answer index of an answer
   * @param surplus index of what comes beyond it
   * @param fragment longest piece that arrives at once
   */
  record Step(int method, int body, int answer, int surplus, Late late, int fragment) {}

  @Provide
  Arbitrary<List<Step>> steps() {
    return Combinators.combine(
            Arbitraries.integers().between(0, METHODS.length - 1),
            Arbitraries.of(8, 8, 8, 0, 3),
            Arbitraries.integers().between(0, ANSWERS.length - 1),
            Arbitraries.integers().between(0, SURPLUS.length - 1),
            Arbitraries.of(Late.class),
            Arbitraries.of(1, 2, 7, 40, 10_000))
        .as(Step::new)
        .list()
        .ofMinSize(2)
        .ofMaxSize(12);
  }

  @Property(tries = 2000)
  void noByteOfOneExchangeIsSeenByAnother(@ForAll("steps") List<Step> steps, @ForAll long seed) {
    Scene scene = new Scene(new Random(seed));
    try {
      for (int i = 0; i < steps.size(); i++) {
        scene.run(steps.get(i), (char) (MARKS + i));
      }
    } finally {
      scene.close();
    }
  }

  /** A pool whose connections lead to the script. */
  private static final class Scene {
    private final Random random;
    private final EmbeddedChannel clock = new EmbeddedChannel();
    private final ProxyLoop loop = new ProxyLoop(clock.eventLoop(), 0);
    private final List<EmbeddedChannel> dialed = new ArrayList<>();
    private final UpstreamPool pool =
        new UpstreamPool(
            loop, HttpConfig.defaults(), session -> dial(), Http2KeepAlive.OFF, empty -> {});
    private @Nullable EmbeddedChannel owing;
    private String owed = "";

    Scene(Random random) {
      this.random = random;
    }

    private io.netty.util.concurrent.Future<Channel> dial() {
      EmbeddedChannel channel = new EmbeddedChannel();
      dialed.add(channel);
      return channel.eventLoop().newSucceededFuture(channel);
    }

    void run(Step step, char mark) {
      String method = METHODS[step.method()];
      boolean body = method.startsWith("P");
      Seen seen = new Seen();
      Http2Headers head = new DefaultHttp2Headers();
      head.method(method).path("/" + mark).scheme("http").authority("web");
      if (body) {
        head.set(HeaderNames.CONTENT_LENGTH, "8");
      }
      Probe exchange = new Probe(seen, head, !body, pool);
      pool.sendHttp1(exchange);
      EmbeddedChannel late = owing;
      if (late != null) {
        // The application's bytes meet a request that waits in the proxy to be sent.
        owing = null;
        feed(late, owed, step.fragment());
      }
      if (body && !exchange.done()) {
        exchange.requestData(
            Unpooled.copiedBuffer("bbbbbbbb", 0, step.body(), StandardCharsets.US_ASCII),
            step.body() == 8);
      }
      for (int round = 0; round < 4; round++) {
        loop.flushDirty();
        clock.runPendingTasks();
        for (EmbeddedChannel channel : List.copyOf(dialed)) {
          channel.runPendingTasks();
          answer(channel, step, mark);
        }
      }
      if (!exchange.done()) {
        exchange.requestAborted(0);
      }
      seen.check(mark, method);
      clock.advanceTimeBy(random.nextInt(30), TimeUnit.MILLISECONDS);
      clock.runPendingTasks();
    }

    private void answer(EmbeddedChannel channel, Step step, char mark) {
      StringBuilder request = new StringBuilder();
      for (ByteBuf out = channel.readOutbound(); out != null; out = channel.readOutbound()) {
        request.append(out.toString(StandardCharsets.ISO_8859_1));
        out.release();
      }
      if (request.isEmpty()) {
        return;
      }
      // A connection carries whole requests: nothing of the one before leads this one.
      assertThat(request.toString()).matches("(?s)(GET|HEAD|POST|PUT) /" + mark + " HTTP/1.1.*");
      String answer = ANSWERS[step.answer()].replace(MARK, "" + mark);
      String surplus = SURPLUS[step.surplus()].replace(MARK, "" + mark);
      switch (step.late()) {
        case TOGETHER -> feed(channel, answer + surplus, step.fragment());
        case IDLE -> {
          feed(channel, answer, step.fragment());
          feed(channel, surplus, step.fragment());
        }
        case BEFORE_THE_NEXT_IS_SENT -> {
          feed(channel, answer, step.fragment());
          owing = channel;
          owed = surplus;
        }
        case END_OF_INPUT -> {
          feed(channel, answer, step.fragment());
          if (channel.isActive()) {
            channel.pipeline().fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
          }
        }
      }
    }

    private void feed(EmbeddedChannel channel, String text, int fragment) {
      byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
      int at = 0;
      while (at < bytes.length && channel.isActive()) {
        int length = Math.min(bytes.length - at, 1 + random.nextInt(fragment));
        channel.pipeline().fireChannelRead(Unpooled.copiedBuffer(bytes, at, length));
        at += length;
        // One read of the loop may bring several buffers.
        if (at == bytes.length || random.nextBoolean()) {
          channel.pipeline().fireChannelReadComplete();
        }
      }
    }

    void close() {
      dialed.forEach(EmbeddedChannel::close);
      clock.close();
    }
  }

  /** What a client gets. */
  private static final class Seen implements ServerStream {
    private final StringBuilder all = new StringBuilder();
    private int heads;

    void check(char mark, String method) {
      assertThat(heads).as("answers to " + method + " " + mark).isLessThanOrEqualTo(1);
      for (int i = 0; i < all.length(); i++) {
        if (all.charAt(i) >= MARKS) {
          assertThat(all.charAt(i)).as("of " + mark + ": " + all).isEqualTo(mark);
        }
      }
    }

    @Override
    public boolean multiplexed() {
      return false;
    }

    @Override
    public void informational(Http2Headers head) {
      note(head);
    }

    @Override
    public void head(Http2Headers head, boolean end) {
      heads++;
      note(head);
    }

    private void note(Http2Headers fields) {
      for (String name : List.of("x-of", "x-t")) {
        CharSequence value = fields.get(name);
        if (value != null) {
          all.append(value);
        }
      }
    }

    @Override
    public boolean data(ByteBuf data, boolean end) {
      all.append(data.toString(StandardCharsets.ISO_8859_1));
      data.release();
      return true;
    }

    @Override
    public void trailers(Http2Headers trailers) {
      note(trailers);
    }

    @Override
    public void abort(long http2ErrorCode) {}

    @Override
    public void closeAfterResponse() {}

    @Override
    public void becomeTunnel(Channel upstream, Runnable closed) {
      throw new AssertionError("nobody asked for a tunnel");
    }

    @Override
    public void resumeRequest() {}
  }

  private static final class Probe extends Exchange {
    private final UpstreamPool pool;

    Probe(ServerStream server, Http2Headers head, boolean end, UpstreamPool pool) {
      super(server, head, end);
      this.pool = pool;
    }

    @Override
    public ClientAccount account() {
      return new ClientAccount(System::nanoTime);
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
    protected void retry() {
      pool.sendHttp1(this);
    }

    @Override
    protected void onTunnel(String into) {}

    @Override
    protected void onDialFailed() {}
  }
}
