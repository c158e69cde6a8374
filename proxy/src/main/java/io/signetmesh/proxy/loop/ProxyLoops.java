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
import io.netty.channel.unix.UnixChannelOption;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.loop.EventLoops.SharedLoop;
import io.signetmesh.proxy.memory.LoopMemory;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.Pace;
import io.signetmesh.proxy.memory.WorkloadMemory;
import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.metrics.registry.MetricType;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.netns.Network;
import io.signetmesh.proxy.netns.NetworkNamespace;
import io.signetmesh.proxy.netns.SocketStock;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
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

  private final EventLoops shared;
  private final boolean own;
  private final IoTransport transport;
  private final ChannelFactory<? extends SocketChannel> sockets;

  /** Where sockets are made; null: in the process's network, by the transport. */
  private final @Nullable NetworkNamespace namespace;

  private final @Nullable SocketStock stock;
  private final Dialler dialler;
  private final RecvByteBufAllocator readSizes;
  private final List<SharedLoop> taken;
  private final WorkloadMemory memory;
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
    this(new EventLoops(transport, count), true, count, Pace.DEFAULT, Network.HOST);
  }

  /**
   * The loops of the only proxy of the process.
   *
   * @param limits memory that the connections of these loops may hold
   * @param pace slowest rate allowed to peers
   */
  public ProxyLoops(IoTransport transport, int count, MemoryLimits limits, Pace pace) {
    this(new EventLoops(transport, count, limits), true, count, pace, Network.HOST);
  }

  /** Loops of one of several proxies, which share the memory of the process. */
  static ProxyLoops on(EventLoops shared, int wanted, Pace pace, Network network) {
    return new ProxyLoops(shared, false, wanted, pace, network);
  }

  private ProxyLoops(EventLoops shared, boolean own, int wanted, Pace pace, Network network) {
    if (wanted < 1) {
      throw new IllegalArgumentException("event loops " + wanted + ": expected 1 or more");
    }
    this.shared = shared;
    this.own = own;
    this.transport = shared.transport();
    this.sockets = new ReflectiveChannelFactory<>(transport.socketChannel());
    this.namespace = network instanceof NetworkNamespace other ? other : null;
    if (namespace != null && transport == IoTransport.NIO) {
      throw new IllegalArgumentException(
          "transport nio: expected io_uring or epoll, for sockets in " + network.name());
    }
    this.stock = namespace == null ? null : new SocketStock(namespace);
    this.dialler = new Dialler(transport, sockets, stock);
    // The other transports allocate when there is something to read and read until there is no
    // more:
    // there the sizes that Netty adapts to hold less memory while a peer is slow.
    this.readSizes =
        transport == IoTransport.IO_URING ? new ReadSizes() : new AdaptiveRecvByteBufAllocator();
    this.memory = shared.memory().open();
    this.taken = shared.take(wanted);
    try {
      for (SharedLoop on : taken) {
        add(on, pace);
      }
    } catch (RuntimeException | Error e) {
      // A loop has ended, or there is no more memory.
      close();
      throw e;
    }
  }

  private void add(SharedLoop on, Pace pace) {
    FairEventLoop eventLoop = on.eventLoop();
    LoopAllocator allocator = on.allocator();
    LoopMemory part = new LoopMemory(memory, eventLoop, allocator::pinnedDirectMemory);
    allocator.account(part);
    eventLoop.account(part);
    allocators.add(allocator);
    loops.add(new ProxyLoop(eventLoop, on.index(), part, pace));
    repeated.add(
        eventLoop.scheduleWithFixedDelay(
            () -> {
              tidy(part, allocator);
              if (stock != null && on == taken.getFirst()) {
                stock.tidy();
              }
            },
            TIDY_SECONDS,
            TIDY_SECONDS,
            TimeUnit.SECONDS));
    long readTime = pace.answerTime().toMillis();
    repeated.add(
        eventLoop.scheduleWithFixedDelay(
            () -> part.closeSlowReaders(pace.leastOfAnswers()),
            readTime,
            readTime,
            TimeUnit.MILLISECONDS));
  }

  /** Gives back what is not needed any longer. */
  private void tidy(LoopMemory part, LoopAllocator allocator) {
    part.look();
    allocator.trimCurrentThreadCache();
    if (part.isCalmAgain() && memory.process().mayCollect()) {
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
    if (namespace != null) {
      return register(
          address, ListeningSockets.in(namespace, address, loops.size()), keepAlive, handler);
    }
    boolean shared = loops.size() > 1 && transport != IoTransport.NIO;
    if (shared) {
      ListeningSockets.expectFree(address);
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
        throw ListeningSockets.cannotListen(address, failure);
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
    if (!descriptors.stream().allMatch(each -> ListeningSockets.listensAt(each, address))) {
      ListeningSockets.close(descriptors);
      throw ListeningSockets.cannotListen(
          address, new IOException("the socket that was handed over does not listen there"));
    }
    return register(address, descriptors, keepAlive, handler);
  }

  /** Makes channels of sockets that listen; they are closed when this fails. */
  private List<Channel> register(
      InetSocketAddress address,
      List<FileDescriptor> descriptors,
      TcpKeepAlive keepAlive,
      Function<ProxyLoop, ChannelHandler> handler)
      throws IOException {
    List<Channel> listeners = new ArrayList<>();
    for (int i = 0; i < descriptors.size(); i++) {
      FileDescriptor descriptor = descriptors.get(i);
      ChannelFuture registered =
          server(i % loops.size(), keepAlive, handler)
              .channelFactory(() -> transport.adopt(descriptor))
              .register();
      listeners.add(registered.channel());
      Throwable failure = failure(registered);
      if (failure != null) {
        listeners.forEach(Channel::close);
        ListeningSockets.close(descriptors.subList(i + 1, descriptors.size()));
        throw ListeningSockets.cannotListen(address, failure);
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
    return ListeningSockets.listensAt(descriptor, address);
  }

  /** What all listeners of a loop have alike. */
  private ServerBootstrap server(
      int index, TcpKeepAlive keepAlive, Function<ProxyLoop, ChannelHandler> handler) {
    ProxyLoop loop = loops.get(index);
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(taken.get(index).group())
            .option(ChannelOption.SO_BACKLOG, ListeningSockets.BACKLOG)
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

  /**
   * Connects to an address, from the proxy's network. The channel has no auto-read, and
   * half-closure is allowed.
   *
   * @param loop one of {@link #loops}
   * @return completes on the loop, with the connected channel
   */
  public Future<Channel> dial(ProxyLoop loop, Dial dial) {
    int position = loops.indexOf(loop);
    if (position < 0) {
      throw new IllegalArgumentException("event loop " + loop.index() + " is another proxy's");
    }
    Bootstrap bootstrap =
        new Bootstrap()
            .group(loop.eventLoop())
            .option(ChannelOption.ALLOCATOR, allocators.get(position))
            .option(ChannelOption.TCP_NODELAY, true)
            .option(ChannelOption.ALLOW_HALF_CLOSURE, true)
            .option(ChannelOption.AUTO_READ, false)
            .option(ChannelOption.RCVBUF_ALLOCATOR, readSizes)
            .option(ChannelOption.WRITE_BUFFER_WATER_MARK, loop.memory().marks());
    transport.noticeDeadPeers(dial.keepAlive(), bootstrap::option);
    return dialler.dial(loop, bootstrap, dial);
  }

  /** Exposes the memory of the loops and the connections that they closed. Call once. */
  public void expose(MetricsRegistry registry) {
    registry.value(
        "signet_connections",
        "Connections that are open, accepted and dialled.",
        MetricType.GAUGE,
        memory::connections);
    registry.value(
        "signet_connections_refused_total",
        "Connections not opened because the process was short of descriptors and the workload had"
            + " more of them than others.",
        MetricType.COUNTER,
        memory::refused);
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
    registry.value(
        "signet_handshakes_waiting",
        "Connections that wait for their turn to begin the TLS handshake.",
        MetricType.GAUGE,
        () -> loops.stream().map(ProxyLoop::handshakes).mapToInt(LoopTurns::waiting).sum());
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
    if (stock != null) {
      stock.close();
    }
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
    memory.close();
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
