package io.signetmesh.proxy.loop;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.ReflectiveChannelFactory;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.Socket;
import io.netty.channel.unix.UnixChannelOption;
import io.signetmesh.proxy.loop.EventLoops.SharedLoop;
import io.signetmesh.proxy.memory.LoopMemory;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.Pace;
import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.metrics.registry.MetricType;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.IntSupplier;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one proxy has of the event loops of its process. Each of its loops has a listener on every
 * listening address (SO_REUSEPORT), so that a connection stays on the loop that accepts it. Closing
 * these closes the connections of this proxy only; other proxies may use the same loops.
 */
public final class ProxyLoops implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ProxyLoops.class);
  private static final long TIDY_SECONDS = 5;
  private static final long CLOSE_SECONDS = 2;

  /** How long a loop has to make a listener. */
  private static final long LISTEN_SECONDS = 10;

  /** Linux's numbers, socket(7). */
  private static final int SOL_SOCKET = 1;

  private static final int SO_ACCEPTCONN = 30;

  /** Open loops of all proxies of the process: so many share its memory. */
  private static final AtomicInteger OPEN = new AtomicInteger();

  private final EventLoops shared;
  private final boolean own;
  private final IoTransport transport;
  private final ChannelFactory<? extends SocketChannel> sockets;
  private final RecvByteBufAllocator readSizes;
  private final List<SharedLoop> taken;
  private final List<LoopAllocator> allocators = new ArrayList<>();
  private final List<ProxyLoop> loops = new ArrayList<>();
  private final List<ScheduledFuture<?>> repeated = new ArrayList<>();
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * The loops of the only proxy of the process.
   *
   * @param transport I/O transport
   * @param count number of loops, 1 or more
   */
  public ProxyLoops(IoTransport transport, int count) {
    this(
        new EventLoops(transport, count),
        true,
        count,
        MemoryLimits.ofProcess(),
        OPEN::get,
        Pace.DEFAULT);
  }

  /**
   * The loops of the only proxy of the process.
   *
   * @param limits memory that the connections of these loops may hold
   * @param pace slowest rate allowed to peers
   */
  public ProxyLoops(IoTransport transport, int count, MemoryLimits limits, Pace pace) {
    this(new EventLoops(transport, count), true, count, limits, () -> count, pace);
  }

  /** Loops of one of several proxies, which share the memory of the process. */
  static ProxyLoops on(EventLoops shared, int wanted, MemoryLimits limits, Pace pace) {
    return new ProxyLoops(shared, false, wanted, limits, OPEN::get, pace);
  }

  private ProxyLoops(
      EventLoops shared,
      boolean own,
      int wanted,
      MemoryLimits limits,
      IntSupplier sharing,
      Pace pace) {
    if (wanted < 1) {
      throw new IllegalArgumentException("event loops " + wanted + ": expected 1 or more");
    }
    this.shared = shared;
    this.own = own;
    this.transport = shared.transport();
    this.sockets = new ReflectiveChannelFactory<>(transport.socketChannel());
    // The other transports allocate when there is something to read and read until there is no
    // more:
    // there the sizes that Netty adapts to hold less memory while a peer is slow.
    this.readSizes =
        transport == IoTransport.IO_URING ? new ReadSizes() : new AdaptiveRecvByteBufAllocator();
    this.taken = shared.take(wanted);
    try {
      for (SharedLoop on : taken) {
        add(on, limits, sharing, pace);
      }
    } catch (RuntimeException | Error e) {
      // A loop has ended, or there is no more memory.
      close();
      throw e;
    }
  }

  private void add(SharedLoop on, MemoryLimits limits, IntSupplier sharing, Pace pace) {
    FairEventLoop eventLoop = on.eventLoop();
    LoopAllocator allocator = on.allocator();
    LoopMemory memory = new LoopMemory(limits, eventLoop, allocator::pinnedDirectMemory, sharing);
    allocator.account(memory);
    eventLoop.account(memory);
    allocators.add(allocator);
    loops.add(new ProxyLoop(eventLoop, on.index(), memory, pace));
    OPEN.incrementAndGet();
    repeated.add(
        eventLoop.scheduleWithFixedDelay(
            () -> tidy(memory, allocator), TIDY_SECONDS, TIDY_SECONDS, TimeUnit.SECONDS));
    long readTime = pace.answerTime().toMillis();
    repeated.add(
        eventLoop.scheduleWithFixedDelay(
            () -> memory.closeSlowReaders(pace.leastOfAnswers()),
            readTime,
            readTime,
            TimeUnit.MILLISECONDS));
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
      ChannelFuture bound = bootstrap.bind(wanted);
      Throwable failure = failure(bound);
      if (failure != null) {
        listeners.forEach(Channel::close);
        throw cannotListen(address, failure);
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
              .register();
      listeners.add(registered.channel());
      Throwable failure = failure(registered);
      if (failure != null) {
        listeners.forEach(Channel::close);
        for (FileDescriptor left : descriptors.subList(i + 1, descriptors.size())) {
          left.close();
        }
        throw cannotListen(address, failure);
      }
    }
    return listeners;
  }

  /** Why a listener is not there; a loop that is stuck holds nobody up for long. */
  private static @Nullable Throwable failure(ChannelFuture listener) {
    if (listener.awaitUninterruptibly(LISTEN_SECONDS, TimeUnit.SECONDS)) {
      return listener.cause();
    }
    listener.addListener((ChannelFuture late) -> late.channel().close());
    return new IOException("the event loop has not answered for " + LISTEN_SECONDS + " s");
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
            .group(taken.get(index).group())
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
                    if (!loop.accepted(channel)) {
                      channel.close();
                      return;
                    }
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
    try (java.nio.channels.SocketChannel trial = java.nio.channels.SocketChannel.open()) {
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

  /** Number of accepted connections of this proxy that are open. */
  public int accepted() {
    return loops.stream().mapToInt(ProxyLoop::acceptedNow).sum();
  }

  /** Fires an event through the pipeline of every accepted connection of this proxy. */
  public void tellAccepted(Object event) {
    loops.forEach(loop -> loop.tellAccepted(event));
  }

  /** {@link #client(ProxyLoop, TcpKeepAlive)} with the default keep-alive. */
  public Bootstrap client(ProxyLoop loop) {
    return client(loop, TcpKeepAlive.DEFAULT);
  }

  /** A client bootstrap on a loop: no auto-read, half-closure allowed. */
  public Bootstrap client(ProxyLoop loop, TcpKeepAlive keepAlive) {
    int position = loops.indexOf(loop);
    if (position < 0) {
      throw new IllegalArgumentException("event loop " + loop.index() + " is another proxy's");
    }
    ChannelFactory<Channel> noted = () -> loop.dialled(sockets.newChannel());
    Bootstrap bootstrap =
        new Bootstrap()
            .group(loop.eventLoop())
            .channelFactory(noted)
            .option(ChannelOption.ALLOCATOR, allocators.get(position))
            .option(ChannelOption.TCP_NODELAY, true)
            .option(ChannelOption.ALLOW_HALF_CLOSURE, true)
            .option(ChannelOption.AUTO_READ, false)
            .option(ChannelOption.RCVBUF_ALLOCATOR, readSizes)
            .option(ChannelOption.WRITE_BUFFER_WATER_MARK, loop.memory().marks());
    transport.noticeDeadPeers(keepAlive, bootstrap::option);
    return bootstrap;
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

  /** The loops of the process. */
  EventLoops shared() {
    return shared;
  }

  /**
   * Closes the connections of this proxy at once. Waits until that is done, for at most {@value
   * #CLOSE_SECONDS} s; on a loop it does not wait. Close the listeners before.
   */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    OPEN.addAndGet(-loops.size());
    repeated.forEach(task -> task.cancel(false));
    List<CompletableFuture<Void>> ends = new ArrayList<>();
    for (int i = 0; i < loops.size(); i++) {
      SharedLoop on = taken.get(i);
      LoopAllocator allocator = allocators.get(i);
      ends.add(loops.get(i).close(() -> rest(on, allocator)));
    }
    shared.giveBack(taken);
    CompletableFuture<Void> all =
        CompletableFuture.allOf(ends.toArray(CompletableFuture<?>[]::new));
    if (taken.stream().noneMatch(on -> on.eventLoop().inEventLoop())) {
      try {
        all.get(CLOSE_SECONDS, TimeUnit.SECONDS);
      } catch (ExecutionException | TimeoutException e) {
        log.warn("connections of a proxy are not closed yet", e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    if (own) {
      shared.close();
    }
  }

  private static void rest(SharedLoop on, LoopAllocator allocator) {
    allocator.account(null);
    allocator.trimCurrentThreadCache();
    on.giveBack(allocator);
  }
}
