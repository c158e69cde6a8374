package io.signetmesh.proxy.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.memory.LoopMemory;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.Pace;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Several proxies on the same event loops. */
@Timeout(60)
final class EventLoopsTest {
  private static final InetSocketAddress ANY =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

  /** A proxy that sends back what comes. */
  private static final class Echoing implements AutoCloseable {
    final ProxyLoops loops;
    final List<Channel> listeners;
    final InetSocketAddress address;
    final BlockingQueue<Channel> accepted = new LinkedBlockingQueue<>();
    final Queue<Object> told = new ConcurrentLinkedQueue<>();

    Echoing(ProxyLoops loops) throws IOException {
      this.loops = loops;
      this.listeners = loops.listen(ANY, loop -> new Echo(this));
      this.address = (InetSocketAddress) listeners.getFirst().localAddress();
    }

    Echoing(EventLoops shared) throws IOException {
      this(shared.forProxy(1, Pace.DEFAULT));
    }

    Socket connect() throws IOException {
      Socket socket = new Socket(address.getAddress(), address.getPort());
      socket.setSoTimeout(20_000);
      return socket;
    }

    Channel dial(InetSocketAddress target) throws Exception {
      return loops.dial(loops.loops().getFirst(), to(target)).sync().getNow();
    }

    LoopMemory memory() {
      return loops.loops().getFirst().memory();
    }

    /** Runs a task on the loop, and waits for it. */
    void onLoop(Runnable task) throws Exception {
      loops.loops().getFirst().eventLoop().submit(task).get(10, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
      listeners.forEach(listener -> listener.close().syncUninterruptibly());
      loops.close();
    }
  }

  private static final class Echo extends ChannelInboundHandlerAdapter {
    private final Echoing proxy;

    Echo(Echoing proxy) {
      this.proxy = proxy;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
      proxy.accepted.add(ctx.channel());
      ctx.channel().config().setAutoRead(true);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ctx.writeAndFlush(message);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      proxy.told.add(event);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      ctx.close();
    }
  }

  private static EventLoops one(IoTransport transport) {
    try {
      return new EventLoops(IoTransport.select(transport.label()), 1);
    } catch (IllegalArgumentException e) {
      return Assumptions.abort(e.toString());
    }
  }

  private static boolean echoes(Socket socket) throws IOException {
    socket.getOutputStream().write('e');
    return socket.getInputStream().read() == 'e';
  }

  private static boolean ends(Socket socket) throws IOException {
    try {
      return socket.getInputStream().read() < 0;
    } catch (SocketException reset) {
      return true;
    }
  }

  @ParameterizedTest
  @EnumSource
  void closingOneProxyClosesItsConnectionsAndNoOthers(IoTransport transport) throws Exception {
    try (EventLoops shared = one(transport);
        Echoing staying = new Echoing(shared);
        Socket other = staying.connect()) {
      Channel otherDialled = staying.dial(staying.address);
      assertThat(echoes(other)).isTrue();
      try (Echoing ending = new Echoing(shared);
          Socket client = ending.connect()) {
        Channel dialled = ending.dial(staying.address);
        assertThat(echoes(client)).isTrue();
        assertThat(ending.loops.accepted()).isEqualTo(1);
        assertThat(staying.loops.accepted()).isEqualTo(3);

        ending.close();
        assertThat(ends(client)).isTrue();
        assertThat(dialled.isOpen()).isFalse();
        assertThat(ending.loops.accepted()).isZero();
        assertThatThrownBy(() -> ending.dial(staying.address))
            .hasStackTraceContaining("the proxy has ended");
      }
      assertThat(echoes(other)).isTrue();
      assertThat(otherDialled.isOpen()).isTrue();
      try (Socket later = staying.connect()) {
        assertThat(echoes(later)).isTrue();
      }
      assertThat(shared.proxies()).containsExactly(1);
    }
  }

  private static Dial to(InetSocketAddress target) {
    return new Dial(
        target,
        null,
        TcpKeepAlive.DEFAULT,
        Duration.ofSeconds(10),
        new ChannelInboundHandlerAdapter());
  }

  @ParameterizedTest
  @EnumSource
  void aDialOfAProxyThatHasEndedFails(IoTransport transport) throws Exception {
    try (EventLoops shared = one(transport);
        Echoing peer = new Echoing(shared)) {
      ProxyLoops ended = shared.forProxy(1, Pace.DEFAULT);
      ProxyLoop loop = ended.loops().getFirst();
      ended.close();
      // On the loop, as proxies dial.
      Throwable failure =
          loop.eventLoop()
              .submit(() -> ended.dial(loop, to(peer.address)))
              .get(10, TimeUnit.SECONDS)
              .await()
              .cause();
      assertThat(failure).hasStackTraceContaining("the proxy has ended");
      assertThat(peer.loops.accepted()).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void pausingTheListenersOfOneProxyPausesNoOthers(IoTransport transport) throws Exception {
    try (EventLoops shared = one(transport);
        Echoing paused = new Echoing(shared);
        Echoing other = new Echoing(shared)) {
      paused.loops.pause(paused.listeners).get(10, TimeUnit.SECONDS);
      try (Socket first = paused.connect();
          Socket second = paused.connect();
          Socket third = paused.connect()) {
        for (int i = 0; i < 3; i++) {
          try (Socket client = other.connect()) {
            assertThat(echoes(client)).isTrue();
          }
        }
        // With io_uring the accept of one may have been under way.
        assertThat(paused.loops.accepted()).isLessThanOrEqualTo(1);
        ProxyLoops.accept(paused.listeners);
        for (Socket waiting : List.of(first, second, third)) {
          assertThat(echoes(waiting)).isTrue();
        }
      }
    }
  }

  @Test
  void whileManyConnectionsOfOneProxyAreClosedOthersHaveTheirTurns() throws Exception {
    try (EventLoops shared = one(IoTransport.NIO);
        Echoing ending = new Echoing(shared);
        Echoing other = new Echoing(shared)) {
      List<Socket> clients = new ArrayList<>();
      try {
        for (int i = 0; i < 200; i++) {
          clients.add(ending.connect());
          ending.accepted.take();
        }
        AtomicInteger openThen = new AtomicInteger();
        CountDownLatch asked = new CountDownLatch(1);
        EventLoop loop = ending.loops.loops().getFirst().eventLoop();
        other.onLoop(
            () -> {
              ending.loops.close();
              loop.execute(
                  () -> {
                    openThen.set(ending.loops.accepted());
                    asked.countDown();
                  });
            });
        assertThat(asked.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(openThen.get()).isBetween(1, 199);
        for (Socket client : clients) {
          assertThat(client.getInputStream().read()).isNegative();
        }
      } finally {
        for (Socket client : clients) {
          client.close();
        }
      }
    }
  }

  @Test
  void anEventForTheConnectionsOfOneProxyReachesNoOthers() throws Exception {
    try (EventLoops shared = one(IoTransport.NIO);
        Echoing draining = new Echoing(shared);
        Echoing other = new Echoing(shared);
        Socket first = draining.connect();
        Socket second = other.connect()) {
      assertThat(echoes(first)).isTrue();
      assertThat(echoes(second)).isTrue();
      draining.loops.tellAccepted("drain");
      draining.onLoop(() -> {});
      draining.onLoop(() -> {});
      assertThat(draining.told).containsExactly("drain");
      assertThat(other.told).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatOneProxyHoldsIsNotCountedForOthers(IoTransport transport) throws Exception {
    try (EventLoops shared = one(transport);
        Echoing holding = new Echoing(shared);
        Echoing other = new Echoing(shared);
        Socket client = holding.connect();
        Socket otherClient = other.connect()) {
      assertThat(echoes(client)).isTrue();
      assertThat(echoes(otherClient)).isTrue();
      Channel held = holding.accepted.take();
      List<ByteBuf> buffers = new ArrayList<>();
      int size = 1 << 20;
      holding.onLoop(() -> buffers.add(held.alloc().directBuffer(size)));
      holding.onLoop(holding.memory()::look);
      other.onLoop(other.memory()::look);
      assertThat(holding.memory().buffers()).isGreaterThan(size);
      assertThat(other.memory().buffers()).isLessThan(size);
      holding.onLoop(() -> buffers.forEach(ByteBuf::release));
    }
  }

  /** One client, the same address with both, must not matter: what a proxy holds is its own. */
  @ParameterizedTest
  @EnumSource
  void theProxyThatHoldsMostClosesItsConnectionsAndNoneOfOthers(IoTransport transport)
      throws Exception {
    MemoryLimits limits = new MemoryLimits(4 << 20, 8 << 20, 1L << 40);
    try (EventLoops shared = new EventLoops(transport, 1, limits);
        Echoing other = new Echoing(shared);
        Echoing greedy = new Echoing(shared);
        Socket otherClient = other.connect();
        Socket client = greedy.connect()) {
      assertThat(echoes(otherClient)).isTrue();
      assertThat(echoes(client)).isTrue();
      Channel accepted = greedy.accepted.take();
      List<ByteBuf> buffers = new ArrayList<>();
      greedy.onLoop(() -> buffers.add(accepted.alloc().directBuffer(16 << 20)));
      assertThat(accepted.closeFuture().await(20, TimeUnit.SECONDS)).isTrue();
      assertThat(greedy.memory().shedOthers()).isPositive();
      other.onLoop(other.memory()::look);
      assertThat(other.memory().shedOthers()).isZero();
      assertThat(echoes(otherClient)).isTrue();
      assertThat(ConnectionMemory.of(other.accepted.take())).isNotNull();
      greedy.onLoop(() -> buffers.forEach(ByteBuf::release));
    }
  }

  /** Two seconds of handshakes, as it were. */
  @ParameterizedTest
  @EnumSource
  void workOfOneProxyThatTakesLongLeavesTheLoopToOthersInBetween(IoTransport transport)
      throws Exception {
    try (EventLoops shared = one(transport);
        Echoing flooded = new Echoing(shared);
        Echoing other = new Echoing(shared);
        Socket client = other.connect()) {
      assertThat(echoes(client)).isTrue();
      LoopTurns turns = flooded.loops.loops().getFirst().handshakes();
      AtomicInteger done = new AtomicInteger();
      flooded.onLoop(
          () -> {
            for (int i = 0; i < 2_000; i++) {
              turns.execute(
                  () -> {
                    long end = System.nanoTime() + 1_000_000;
                    while (System.nanoTime() < end) {
                      Thread.onSpinWait();
                    }
                    done.incrementAndGet();
                  });
            }
          });
      assertThat(echoes(client)).isTrue();
      assertThat(turns.waiting()).isPositive();
      while (done.get() < 2_000) {
        Thread.onSpinWait();
      }
      assertThat(turns.waiting()).isZero();
    }
  }

  @Test
  void buffersOfAnEndedProxyAreMadeByNoOtherOnesAllocator() throws Exception {
    try (EventLoops shared = one(IoTransport.NIO);
        Echoing peer = new Echoing(shared)) {
      Echoing ended = new Echoing(shared);
      Channel dialled = ended.dial(peer.address);
      ByteBufAllocator used = dialled.alloc();
      ByteBuf late = used.directBuffer(4096);
      ended.close();
      try (Echoing next = new Echoing(shared)) {
        assertThat(next.dial(peer.address).alloc()).isNotSameAs(used);
        late.release();
        // What one leaves is used again: Netty keeps for a thread what an allocator ever made.
        try (Echoing last = new Echoing(shared)) {
          assertThat(last.dial(peer.address).alloc()).isSameAs(used);
        }
      }
    }
  }

  @Test
  void nothingOfAnEndedProxyStaysOnTheLoops() throws Exception {
    try (EventLoops shared = one(IoTransport.NIO)) {
      WeakReference<LoopMemory> ended = endedProxy(shared);
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (ended.get() != null && System.nanoTime() - end < 0) {
        System.gc();
        Thread.onSpinWait();
      }
      assertThat(ended.get()).isNull();
    }
  }

  private static WeakReference<LoopMemory> endedProxy(EventLoops shared) throws Exception {
    try (Echoing proxy = new Echoing(shared);
        Socket client = proxy.connect()) {
      assertThat(echoes(client)).isTrue();
      return new WeakReference<>(proxy.memory());
    }
  }

  @Test
  void aProxyGetsTheLoopsThatHaveTheFewestProxies() {
    try (EventLoops shared = new EventLoops(IoTransport.NIO, 3);
        ProxyLoops first = shared.forProxy(1, Pace.DEFAULT);
        ProxyLoops second = shared.forProxy(1, Pace.DEFAULT);
        ProxyLoops third = shared.forProxy(1, Pace.DEFAULT)) {
      assertThat(indexes(first)).containsExactly(0);
      assertThat(indexes(second)).containsExactly(1);
      assertThat(indexes(third)).containsExactly(2);
      second.close();
      try (ProxyLoops fourth = shared.forProxy(1, Pace.DEFAULT);
          ProxyLoops all = shared.forProxy(9, Pace.DEFAULT)) {
        assertThat(indexes(fourth)).containsExactly(1);
        assertThat(indexes(all)).containsExactly(0, 1, 2);
        assertThat(shared.proxies()).containsExactly(2, 2, 2);
      }
    }
  }

  private static List<Integer> indexes(ProxyLoops loops) {
    return loops.loops().stream().map(ProxyLoop::index).toList();
  }

  @Test
  void aProxyDoesNotDialOnTheLoopOfAnotherOne() {
    try (EventLoops shared = new EventLoops(IoTransport.NIO, 1);
        ProxyLoops first = shared.forProxy(1, Pace.DEFAULT);
        ProxyLoops second = shared.forProxy(1, Pace.DEFAULT)) {
      ProxyLoop foreign = second.loops().getFirst();
      assertThatThrownBy(() -> first.dial(foreign, to(new InetSocketAddress(9))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("event loop 0 is another proxy's");
    }
  }
}
