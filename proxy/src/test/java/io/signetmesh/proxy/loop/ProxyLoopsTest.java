package io.signetmesh.proxy.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.DefaultMaxMessagesRecvByteBufAllocator;
import io.netty.channel.EventLoop;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.uring.IoUringChannelOption;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.Pace;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import jdk.net.ExtendedSocketOptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
final class ProxyLoopsTest {
  private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();

  @AfterEach
  void stop() {
    timer.shutdownNow();
  }

  @ParameterizedTest
  @EnumSource
  void aConnectionWhoseReadBufferCannotBeMadeIsClosedAndTheLoopGoesOn(IoTransport transport)
      throws Exception {
    AtomicBoolean exhausted = new AtomicBoolean();
    try (ProxyLoops loops = loops(transport)) {
      List<Channel> listener =
          loops.listen(
              new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
              loop -> new Echo(exhausted));
      InetSocketAddress address = (InetSocketAddress) listener.getFirst().localAddress();
      CompletableFuture<Throwable> ended = new CompletableFuture<>();
      LoopWatch watch = loops.shared().watch(timer, Duration.ofMinutes(1), ended::complete);
      try (Socket victim = connect(address)) {
        assertThat(echoed(victim)).isTrue();
        exhausted.set(true);
        victim.getOutputStream().write('x');
        assertThat(endOf(victim)).isTrue();
      }
      exhausted.set(false);
      try (Socket other = connect(address)) {
        assertThat(echoed(other)).isTrue();
      }
      assertThat(watch.stuck()).isEmpty();
      assertThat(ended).isNotDone();
    }
  }

  @Test
  void aLoopThatIsStuckDoesNotHoldUpWhoeverWantsToListen() throws Exception {
    CountDownLatch goOn = new CountDownLatch(1);
    try (ProxyLoops loops = loops(IoTransport.NIO)) {
      loops.loops().getFirst().eventLoop().execute(() -> awaitUninterrupted(goOn));
      try {
        assertThatThrownBy(
                () ->
                    loops.bind(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        TcpKeepAlive.DEFAULT,
                        loop -> new ChannelInboundHandlerAdapter()))
            .isInstanceOf(IOException.class)
            .hasStackTraceContaining("the event loop has not answered for 10 s");
      } finally {
        goOn.countDown();
      }
    }
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @ParameterizedTest
  @EnumSource
  void connectionsHaveTheKeepAliveThatTheirKindIsGiven(IoTransport transport) throws Exception {
    try (ProxyLoops loops = loops(transport)) {
      CompletableFuture<Channel> accepted = new CompletableFuture<>();
      InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
      List<Channel> listener =
          loops.bind(
              any,
              new TcpKeepAlive(7, 17_000),
              loop ->
                  new ChannelInboundHandlerAdapter() {
                    @Override
                    public void channelActive(ChannelHandlerContext ctx) {
                      accepted.complete(ctx.channel());
                    }
                  });
      ProxyLoops.accept(listener);
      for (TcpKeepAlive given : List.of(new TcpKeepAlive(8, 18_000), new TcpKeepAlive(0, 0))) {
        Channel dialed =
            loops
                .dial(
                    loops.loops().getFirst(),
                    new Dial(
                        (InetSocketAddress) listener.getFirst().localAddress(),
                        null,
                        given,
                        Duration.ofSeconds(10),
                        new ChannelInboundHandlerAdapter()))
                .sync()
                .getNow();
        assertKeepAlive(transport, dialed, given);
      }
      assertKeepAlive(transport, accepted.get(10, TimeUnit.SECONDS), new TcpKeepAlive(7, 17_000));
    }
  }

  private static void assertKeepAlive(IoTransport transport, Channel channel, TcpKeepAlive given) {
    boolean probed = given.idleSeconds() > 0;
    assertThat(channel.config().getOption(ChannelOption.SO_KEEPALIVE)).isEqualTo(probed);
    ChannelOption<Integer> idle =
        switch (transport) {
          case IO_URING -> IoUringChannelOption.TCP_KEEPIDLE;
          case EPOLL -> EpollChannelOption.TCP_KEEPIDLE;
          case NIO -> NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPIDLE);
        };
    if (probed) {
      assertThat(channel.config().getOption(idle)).isEqualTo(given.idleSeconds());
    }
    if (transport == IoTransport.NIO) {
      return;
    }
    ChannelOption<Integer> limit =
        transport == IoTransport.EPOLL
            ? EpollChannelOption.TCP_USER_TIMEOUT
            : IoUringChannelOption.TCP_USER_TIMEOUT;
    assertThat(channel.config().getOption(limit)).isEqualTo(given.userTimeoutMillis());
  }

  /** Between two events nothing catches what the look at memory throws. */
  @ParameterizedTest
  @EnumSource
  void aLoopGoesOnWhenAConnectionCannotBeClosedForWhatItHolds(IoTransport transport)
      throws Exception {
    loops(transport).close();
    AtomicBoolean faulty = new AtomicBoolean(true);
    CountDownLatch tried = new CountDownLatch(1);
    MemoryLimits limits = new MemoryLimits(1, 2, 1L << 40);
    try (ProxyLoops loops = new ProxyLoops(transport, 1, limits, Pace.DEFAULT)) {
      List<Channel> listener =
          loops.listen(
              new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
              loop ->
                  new Echo(new AtomicBoolean()) {
                    @Override
                    public void channelActive(ChannelHandlerContext ctx) {
                      ConnectionMemory account = ConnectionMemory.of(ctx.channel());
                      if (account != null) {
                        account.onShed(
                            why -> {
                              tried.countDown();
                              if (faulty.get()) {
                                throw new AssertionError("no record");
                              }
                            });
                      }
                      super.channelActive(ctx);
                    }
                  });
      InetSocketAddress address = (InetSocketAddress) listener.getFirst().localAddress();
      LoopWatch watch = loops.shared().watch(timer, Duration.ofMinutes(1), thrown -> {});
      try (Socket victim = connect(address)) {
        while (tried.getCount() > 0 && writes(victim)) {
          // Buffers are made for what is read, until they are looked at.
        }
        assertThat(tried.await(10, TimeUnit.SECONDS)).isTrue();
      }
      faulty.set(false);
      assertThat(loops.loops().getFirst().eventLoop().submit(() -> 1).get(10, TimeUnit.SECONDS))
          .isEqualTo(1);
      assertThat(watch.stuck()).isEmpty();
    }
  }

  private static boolean writes(Socket socket) {
    try {
      socket.getOutputStream().write('x');
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void aLoopThatHasEndedIsToldOnceAndNamed() throws Exception {
    try (ProxyLoops loops = new ProxyLoops(IoTransport.NIO, 2)) {
      CompletableFuture<Throwable> ended = new CompletableFuture<>();
      LoopWatch watch = loops.shared().watch(timer, Duration.ofMinutes(1), ended::complete);
      assertThat(watch.stuck()).isEmpty();
      loops.loops().get(1).eventLoop().shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
      assertThat(ended.get(10, TimeUnit.SECONDS)).hasMessage("event loop 1 has ended");
      assertThat(watch.stuck()).containsExactly("event loop 1 has ended");
    }
  }

  @Test
  void loopsThatAreClosedOnPurposeAreNoFault() throws Exception {
    CompletableFuture<Throwable> ended = new CompletableFuture<>();
    ProxyLoops loops = new ProxyLoops(IoTransport.NIO, 1);
    loops.shared().watch(timer, Duration.ofMinutes(1), ended::complete);
    loops.close();
    assertThat(loops.loops().getFirst().eventLoop().terminationFuture().await(10_000)).isTrue();
    assertThat(ended).isNotDone();
  }

  @Test
  void aLoopThatDoesNothingIsNamedUntilItGoesOn() throws Exception {
    try (ProxyLoops loops = new ProxyLoops(IoTransport.NIO, 1)) {
      AtomicLong now = new AtomicLong();
      LoopWatch watch =
          new LoopWatch(
              List.of(loops.loops().getFirst().eventLoop()), now::get, Duration.ofSeconds(10));
      CountDownLatch goOn = new CountDownLatch(1);
      loops.loops().getFirst().eventLoop().execute(() -> await(goOn));
      watch.beat();
      now.set(TimeUnit.SECONDS.toNanos(10));
      assertThat(watch.stuck()).isEmpty();
      now.set(TimeUnit.SECONDS.toNanos(11));
      watch.beat();
      assertThat(watch.stuck()).containsExactly("event loop 0 has done nothing for 11 s");
      goOn.countDown();
      loops.loops().getFirst().eventLoop().submit(() -> {}).sync();
      assertThat(watch.stuck()).isEmpty();
    }
  }

  @Test
  void anotherLoopIsWatchedUnderItsName() throws Exception {
    try (ProxyLoops loops = new ProxyLoops(IoTransport.NIO, 2)) {
      AtomicLong now = new AtomicLong();
      LoopWatch watch =
          new LoopWatch(
              List.of(loops.loops().getFirst().eventLoop()), now::get, Duration.ofSeconds(10));
      EventLoop admin = loops.loops().getLast().eventLoop();
      watch.add("admin loop", admin);
      CountDownLatch goOn = new CountDownLatch(1);
      admin.execute(() -> await(goOn));
      watch.beat();
      loops.loops().getFirst().eventLoop().submit(() -> {}).sync();
      now.set(TimeUnit.SECONDS.toNanos(11));
      assertThat(watch.stuck()).containsExactly("admin loop has done nothing for 11 s");
      goOn.countDown();
      admin.submit(() -> {}).sync();
      assertThat(watch.stuck()).isEmpty();
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static ProxyLoops loops(IoTransport transport) {
    try {
      return new ProxyLoops(IoTransport.select(transport.label()), 1);
    } catch (IllegalArgumentException e) {
      return org.junit.jupiter.api.Assumptions.abort(e.toString());
    }
  }

  private static Socket connect(InetSocketAddress address) throws IOException {
    Socket socket = new Socket(address.getAddress(), address.getPort());
    socket.setSoTimeout(20_000);
    return socket;
  }

  private static boolean echoed(Socket socket) throws IOException {
    socket.getOutputStream().write('e');
    return socket.getInputStream().read() == 'e';
  }

  private static boolean endOf(Socket socket) throws IOException {
    try {
      int read = socket.getInputStream().read();
      // What was read before there was no memory is answered; then comes the end.
      return read < 0 || socket.getInputStream().read() < 0;
    } catch (SocketException reset) {
      return true;
    }
  }

  /** Sends back what comes; its read buffers cannot be made while {@code exhausted} says so. */
  private static class Echo extends ChannelInboundHandlerAdapter {
    private final AtomicBoolean exhausted;

    Echo(AtomicBoolean exhausted) {
      this.exhausted = exhausted;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
      ctx.channel().config().setRecvByteBufAllocator(new Failing(exhausted));
      ctx.channel().config().setAutoRead(true);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ctx.writeAndFlush(message);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      ctx.close();
    }
  }

  private static final class Failing extends DefaultMaxMessagesRecvByteBufAllocator {
    private final AtomicBoolean exhausted;

    Failing(AtomicBoolean exhausted) {
      this.exhausted = exhausted;
    }

    @Override
    public RecvByteBufAllocator.Handle newHandle() {
      return new MaxMessageHandle() {
        @Override
        public int guess() {
          return 64;
        }

        @Override
        public ByteBuf allocate(ByteBufAllocator allocator) {
          if (exhausted.get()) {
            throw new OutOfMemoryError("none left");
          }
          return super.allocate(allocator);
        }
      };
    }
  }
}
