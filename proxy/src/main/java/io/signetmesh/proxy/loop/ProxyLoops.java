package io.signetmesh.proxy.loop;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.Socket;
import io.netty.channel.unix.UnixChannelOption;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.signetmesh.proxy.memory.LoopMemory;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.Pace;
import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.metrics.registry.MetricType;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntSupplier;
import java.util.function.ToLongFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The proxy's event loops. Each loop has its own listener on every listening address
 * (SO_REUSEPORT), so that a connection stays on the loop that accepts it.
 */
public final class ProxyLoops implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ProxyLoops.class);
  private static final long TIDY_SECONDS = 5;

  /** Linux's numbers, socket(7). */
  private static final int SOL_SOCKET = 1;

  private static final int SO_ACCEPTCONN = 30;

  /** Open loops of the process. */
  private static final AtomicInteger OPEN = new AtomicInteger();

  private final IoTransport transport;
  private final List<LoopAllocator> allocators = new ArrayList<>();
  private final RecvByteBufAllocator readSizes;
  private final List<EventLoopGroup> groups = new ArrayList<>();
  private final List<ProxyLoop> loops = new ArrayList<>();
  private volatile boolean closed;
  private final ChannelGroup accepted = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);

  /**
   * @param transport I/O transport
   * @param count number of loops, 1 or more
   */
  public ProxyLoops(IoTransport transport, int count) {
    this(transport, count, Pace.DEFAULT);
  }

  /**
   * Loops that share the memory of the process with all other loops of the process.
   *
   * @param pace slowest rate allowed to peers
   */
  public ProxyLoops(IoTransport transport, int count, Pace pace) {
    this(transport, count, MemoryLimits.ofProcess(), OPEN::get, pace);
  }

  /**
   * @param limits memory that the connections of these loops may hold
   * @param pace slowest rate allowed to peers
   */
  public ProxyLoops(IoTransport transport, int count, MemoryLimits limits, Pace pace) {
    this(transport, count, limits, () -> count, pace);
  }

  private ProxyLoops(
      IoTransport transport, int count, MemoryLimits limits, IntSupplier sharing, Pace pace) {
    if (count < 1) {
      throw new IllegalArgumentException("event loops " + count + ": expected 1 or more");
    }
    this.transport = transport;
    // The other transports allocate when there is something to read and read until there is no
    // more:
    // there the sizes that Netty adapts to hold less memory while a peer is slow.
    this.readSizes =
        transport == IoTransport.IO_URING ? new ReadSizes() : new AdaptiveRecvByteBufAllocator();
    for (int i = 0; i < count; i++) {
      FairEventLoop.Group group =
          new FairEventLoop.Group("proxy-loop-" + i, transport.handlerFactory());
      groups.add(group);
      FairEventLoop eventLoop = group.loop();
      LoopAllocator allocator = new LoopAllocator();
      allocators.add(allocator);
      LoopMemory memory = new LoopMemory(limits, eventLoop, allocator::pinnedDirectMemory, sharing);
      allocator.account(memory);
      eventLoop.account(memory);
      OPEN.incrementAndGet();
      loops.add(new ProxyLoop(eventLoop, i, memory, pace));
      eventLoop.scheduleWithFixedDelay(
          () -> tidy(memory, allocator), TIDY_SECONDS, TIDY_SECONDS, TimeUnit.SECONDS);
      long readTime = pace.answerTime().toMillis();
      eventLoop.scheduleWithFixedDelay(
          () -> memory.closeSlowReaders(pace.leastOfAnswers()),
          readTime,
          readTime,
          TimeUnit.MILLISECONDS);
    }
  }

  /** Gives back what is not needed any longer. */
  private static void tidy(LoopMemory memory, LoopAllocator allocator) {
    memory.look();
    allocator.trimCurrentThreadCache();
    if (memory.isCalmAgain()) {
      // What was held has died in the heap: a collection lets the heap shrink to what lives.
      log.info("memory was short and is not any longer: the heap is collected");
      Thread.ofPlatform().daemon().name("collect").start(System::gc);
    }
  }

  public IoTransport transport() {
    return transport;
  }

  /** The loops, in the order of their indexes. */
  public List<ProxyLoop> loops() {
    return List.copyOf(loops);
  }

  /** {@link #bind}, with the default keep-alive, and {@link #accept} at once. */
  public List<Channel> listen(
      InetSocketAddress address, Function<ProxyLoop, ChannelHandler> handler) throws IOException {
    List<Channel> listeners = bind(address, TcpKeepAlive.DEFAULT, handler);
    accept(listeners);
    return listeners;
  }

  /**
   * Binds an address with every loop. Connections wait in the kernel's queue until {@link #accept}.
   *
   * @param keepAlive of the connections
   * @param handler makes the first handler of an accepted channel; auto-read of the channel is off
   * @return the listening channels, one per loop; with port 0 all share the port of the first
   * @throws IOException when the address cannot be bound; the message names it
   */
  public List<Channel> bind(
      InetSocketAddress address,
      TcpKeepAlive keepAlive,
      Function<ProxyLoop, ChannelHandler> handler)
      throws IOException {
    boolean shared = loops.size() > 1 && transport != IoTransport.NIO;
    if (shared) {
      expectFree(address);
    }
    List<Channel> listeners = new ArrayList<>();
    InetSocketAddress wanted = address;
    for (int i = 0; i < loops.size(); i++) {
      ServerBootstrap bootstrap =
          server(i, keepAlive, handler).channel(transport.serverSocketChannel());
      if (shared) {
        bootstrap.option(UnixChannelOption.SO_REUSEPORT, true);
      }
      ChannelFuture bound = bootstrap.bind(wanted).awaitUninterruptibly();
      if (!bound.isSuccess()) {
        listeners.forEach(Channel::close);
        throw cannotListen(address, bound.cause());
      }
      listeners.add(bound.channel());
      wanted = (InetSocketAddress) bound.channel().localAddress();
    }
    return listeners;
  }

  /**
   * Takes over sockets that listen on an address already. Connections in their queues stay there
   * and wait until {@link #accept}.
   *
   * @param descriptors listening sockets, at least one for each loop; the loops own them from now
   *     on, also when this fails
   * @param keepAlive of the connections
   * @param handler as in {@link #bind}
   * @return the listening channels, at least one per loop
   * @throws IOException when one of them does not listen at the address; the message names it
   */
  public List<Channel> adopt(
      InetSocketAddress address,
      List<FileDescriptor> descriptors,
      TcpKeepAlive keepAlive,
      Function<ProxyLoop, ChannelHandler> handler)
      throws IOException {
    List<Channel> listeners = new ArrayList<>();
    for (int i = 0; i < descriptors.size(); i++) {
      FileDescriptor descriptor = descriptors.get(i);
      if (!listensAt(descriptor, address)) {
        listeners.forEach(Channel::close);
        for (FileDescriptor left : descriptors.subList(i, descriptors.size())) {
          left.close();
        }
        throw cannotListen(
            address, new IOException("the socket that was handed over does not listen there"));
      }
      ChannelFuture registered =
          server(i % loops.size(), keepAlive, handler)
              .channelFactory(() -> transport.adopt(descriptor))
              .register()
              .awaitUninterruptibly();
      listeners.add(registered.channel());
      if (!registered.isSuccess()) {
        listeners.forEach(Channel::close);
        for (FileDescriptor left : descriptors.subList(i + 1, descriptors.size())) {
          left.close();
        }
        throw cannotListen(address, registered.cause());
      }
    }
    return listeners;
  }

  /** Whether a descriptor is a TCP socket that listens on an address. */
  public static boolean listensAt(FileDescriptor descriptor, InetSocketAddress address) {
    Socket socket = new Socket(descriptor.intValue());
    try {
      InetSocketAddress local = socket.localAddress();
      return socket.getIntOpt(SOL_SOCKET, SO_ACCEPTCONN) != 0
          && local != null
          && local.getPort() == address.getPort()
          && (local.getAddress().equals(address.getAddress())
              || (local.getAddress().isAnyLocalAddress()
                  && address.getAddress().isAnyLocalAddress()));
    } catch (IOException e) {
      return false;
    }
  }

  /** What all listeners of a loop have alike. */
  private ServerBootstrap server(
      int index, TcpKeepAlive keepAlive, Function<ProxyLoop, ChannelHandler> handler) {
    ProxyLoop loop = loops.get(index);
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(groups.get(index))
            .option(ChannelOption.SO_BACKLOG, 4096)
            .option(ChannelOption.SO_REUSEADDR, true)
            .option(ChannelOption.ALLOCATOR, allocators.get(index))
            .option(ChannelOption.AUTO_READ, false)
            .childOption(ChannelOption.ALLOCATOR, allocators.get(index))
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
            .childOption(ChannelOption.AUTO_READ, false)
            .childOption(ChannelOption.RCVBUF_ALLOCATOR, readSizes)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    accepted.add(channel);
                    loop.memory().open(channel);
                    channel.pipeline().addLast("accept", handler.apply(loop));
                  }
                });
    transport.noticeDeadPeers(keepAlive, bootstrap::childOption);
    return bootstrap;
  }

  /**
   * Loops share an address by SO_REUSEPORT, and so would another process of the same user, unasked:
   * it would get a part of the connections. Binding without that option finds out.
   */
  private static void expectFree(InetSocketAddress address) throws IOException {
    if (address.getPort() == 0) {
      return;
    }
    try (SocketChannel trial = SocketChannel.open()) {
      trial.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      trial.bind(address);
    } catch (IOException e) {
      throw cannotListen(address, e);
    }
  }

  private static IOException cannotListen(InetSocketAddress address, Throwable cause) {
    return new IOException(
        "cannot listen on "
            + address.getAddress().getHostAddress()
            + ":"
            + address.getPort()
            + ": "
            + cause.getMessage(),
        cause);
  }

  /** Begins to accept connections from listeners. */
  public static void accept(List<Channel> listeners) {
    for (Channel listener : listeners) {
      listener.config().setAutoRead(true);
    }
  }

  /**
   * Stops accepting connections from listeners; they wait in the kernel's queue again.
   *
   * @return completes when all loops have stopped; connections that are being accepted at that
   *     moment still arrive
   */
  public CompletableFuture<Void> pause(List<Channel> listeners) {
    List<CompletableFuture<Void>> paused = new ArrayList<>();
    for (Channel listener : listeners) {
      listener.config().setAutoRead(false);
    }
    for (ProxyLoop loop : loops) {
      // Behind what switching off has queued there.
      paused.add(CompletableFuture.runAsync(() -> {}, loop.eventLoop()));
    }
    return CompletableFuture.allOf(paused.toArray(CompletableFuture<?>[]::new));
  }

  /** Number of accepted connections that are open. */
  public int accepted() {
    return accepted.size();
  }

  /** Fires an event through the pipeline of every accepted connection. */
  public void tellAccepted(Object event) {
    for (Channel channel : accepted) {
      channel.eventLoop().execute(() -> channel.pipeline().fireUserEventTriggered(event));
    }
  }

  /** {@link #client(ProxyLoop, TcpKeepAlive)} with the default keep-alive. */
  public Bootstrap client(ProxyLoop loop) {
    return client(loop, TcpKeepAlive.DEFAULT);
  }

  /** A client bootstrap on a loop: no auto-read, half-closure allowed. */
  public Bootstrap client(ProxyLoop loop, TcpKeepAlive keepAlive) {
    Bootstrap bootstrap =
        new Bootstrap()
            .group(loop.eventLoop())
            .channel(transport.socketChannel())
            .option(ChannelOption.ALLOCATOR, allocators.get(loop.index()))
            .option(ChannelOption.TCP_NODELAY, true)
            .option(ChannelOption.ALLOW_HALF_CLOSURE, true)
            .option(ChannelOption.AUTO_READ, false)
            .option(ChannelOption.RCVBUF_ALLOCATOR, readSizes)
            .option(ChannelOption.WRITE_BUFFER_WATER_MARK, loop.memory().marks());
    transport.noticeDeadPeers(keepAlive, bootstrap::option);
    return bootstrap;
  }

  /**
   * Starts to watch the loops.
   *
   * @param limit time without running a task after which a loop counts as stuck
   * @param ended gets the reason, once, when a loop ends without being closed
   */
  public LoopWatch watch(
      ScheduledExecutorService timer, Duration limit, Consumer<Throwable> ended) {
    LoopWatch watch = new LoopWatch(loops, System::nanoTime, limit);
    for (ProxyLoop loop : loops) {
      loop.eventLoop()
          .terminationFuture()
          .addListener(
              done -> {
                if (!closed) {
                  ended.accept(
                      new IllegalStateException("event loop " + loop.index() + " has ended"));
                }
              });
    }
    long period = limit.toMillis() / 10;
    timer.scheduleWithFixedDelay(watch::beat, 0, period, TimeUnit.MILLISECONDS);
    return watch;
  }

  /** Exposes the memory of the loops and the connections that they closed. Call once. */
  public void expose(MetricsRegistry registry) {
    registry.value(
        "signet_memory_buffers_bytes",
        "Buffers that connections held when it was last looked at, in bytes.",
        MetricType.GAUGE,
        () -> sum(LoopMemory::buffers));
    registry.value(
        "signet_memory_heads_bytes",
        "Heap of connections and of heads of requests under way, by count, when it was last looked"
            + " at, in bytes.",
        MetricType.GAUGE,
        () -> sum(LoopMemory::heap));
    registry.collector(
        "signet_connections_shed_total",
        "Connections closed because memory was short.",
        MetricType.COUNTER,
        sink -> {
          sink.sample(Labels.of("client", "identified"), sum(LoopMemory::shedIdentified));
          sink.sample(Labels.of("client", "other"), sum(LoopMemory::shedOthers));
        });
    registry.value(
        "signet_connections_unread_total",
        "Connections closed because their clients did not read the answers that waited for them.",
        MetricType.COUNTER,
        () -> sum(LoopMemory::slowReaders));
    registry.value(
        "signet_connections_silent_total",
        "HTTP/2 connections closed because their peers did not answer a PING.",
        MetricType.COUNTER,
        () -> loops.stream().mapToLong(ProxyLoop::silentPeers).sum());
  }

  private double sum(ToLongFunction<LoopMemory> figure) {
    return loops.stream().map(ProxyLoop::memory).mapToLong(figure).sum();
  }

  /** Stops the loops at once and closes their connections. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (EventLoopGroup group : groups) {
      group.shutdownGracefully(0, 2, TimeUnit.SECONDS);
    }
    OPEN.addAndGet(-loops.size());
  }
}
