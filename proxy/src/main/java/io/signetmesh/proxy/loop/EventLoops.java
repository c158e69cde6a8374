package io.signetmesh.proxy.loop;

import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.Pace;
import io.signetmesh.proxy.memory.ProcessMemory;
import io.signetmesh.proxy.netns.Network;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The event loop threads of a process. All its proxies share them; each proxy has {@link
 * ProxyLoops} of its own on some of them, with its own channels, buffers and memory budget.
 */
public final class EventLoops implements AutoCloseable {
  private final IoTransport transport;
  private final ProcessMemory memory;
  private final List<SharedLoop> all = new ArrayList<>();
  private volatile boolean closed;

  /**
   * Makes loops. A thread starts with the first proxy of its loop.
   *
   * @param transport I/O transport
   * @param count number of loops, 1 or more
   */
  public EventLoops(IoTransport transport, int count) {
    this(transport, count, MemoryLimits.ofProcess());
  }

  /**
   * Makes loops.
   *
   * @param limits memory that the connections of all proxies may hold
   */
  EventLoops(IoTransport transport, int count, MemoryLimits limits) {
    if (count < 1) {
      throw new IllegalArgumentException("event loops " + count + ": expected 1 or more");
    }
    this.transport = transport;
    this.memory = new ProcessMemory(limits);
    try {
      for (int i = 0; i < count; i++) {
        all.add(new SharedLoop(transport, i));
      }
    } catch (RuntimeException | Error e) {
      // Each has descriptors.
      close();
      throw e;
    }
  }

  public IoTransport transport() {
    return transport;
  }

  /** What the connections of all proxies hold. */
  public ProcessMemory memory() {
    return memory;
  }

  /** Number of loops. */
  public int count() {
    return all.size();
  }

  /**
   * Makes the loops of one proxy: those that have the fewest proxies now. The proxy shares the
   * memory of the process with all other proxies.
   *
   * @param wanted number of loops, 1 or more; at most {@link #count} are given
   * @param pace slowest rate allowed to peers
   * @param network where its sockets are made; not closed with the loops
   * @throws IllegalArgumentException when the transport cannot use the network
   */
  public ProxyLoops forProxy(int wanted, Pace pace, Network network) {
    return ProxyLoops.on(this, wanted, pace, network);
  }

  /** As {@link #forProxy(int, Pace, Network)}, in the network of the process. */
  public ProxyLoops forProxy(int wanted, Pace pace) {
    return forProxy(wanted, pace, Network.HOST);
  }

  /** Takes the loops with the fewest proxies, in the order of their indexes. */
  List<SharedLoop> take(int wanted) {
    synchronized (all) {
      List<SharedLoop> taken =
          all.stream()
              .sorted(Comparator.comparingInt(loop -> loop.proxies))
              .limit(wanted)
              .sorted(Comparator.comparingInt(SharedLoop::index))
              .toList();
      taken.forEach(loop -> loop.proxies++);
      return taken;
    }
  }

  /** Gives loops back that were taken. */
  void giveBack(List<SharedLoop> taken) {
    synchronized (all) {
      taken.forEach(loop -> loop.proxies--);
    }
  }

  /** How many proxies each loop has, in the order of the loops. */
  public List<Integer> proxies() {
    synchronized (all) {
      return all.stream().map(loop -> loop.proxies).toList();
    }
  }

  /**
   * Starts to watch the loops.
   *
   * @param limit time without running a task after which a loop counts as stuck
   * @param ended gets the reason, for each loop that ends without being closed
   */
  public LoopWatch watch(
      ScheduledExecutorService timer, Duration limit, Consumer<Throwable> ended) {
    List<EventLoop> watched = new ArrayList<>();
    for (SharedLoop loop : all) {
      watched.add(loop.eventLoop());
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
    LoopWatch watch = new LoopWatch(watched, System::nanoTime, limit);
    long period = limit.toMillis() / 10;
    timer.scheduleWithFixedDelay(watch::beat, 0, period, TimeUnit.MILLISECONDS);
    return watch;
  }

  /** Stops the loops at once and closes the connections of all proxies. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (SharedLoop loop : all) {
      loop.group.shutdownGracefully(0, 2, TimeUnit.SECONDS);
    }
  }

  /** One loop. */
  static final class SharedLoop {
    private final int index;
    private final EventLoopGroup group;
    private final FairEventLoop eventLoop;

    /** Guarded by the list of all loops. */
    private int proxies;

    /** Allocators of proxies that have ended. */
    private final Deque<LoopAllocator> spare = new ArrayDeque<>();

    SharedLoop(IoTransport transport, int index) {
      FairEventLoop.Group made =
          new FairEventLoop.Group("proxy-loop-" + index, transport.handlerFactory());
      this.index = index;
      this.group = made;
      this.eventLoop = made.loop();
    }

    int index() {
      return index;
    }

    EventLoopGroup group() {
      return group;
    }

    FairEventLoop eventLoop() {
      return eventLoop;
    }

    /**
     * An allocator of which no buffer is in use, so that its buffers are those of one proxy only.
     * Netty never gives up what an allocator keeps for a thread: it is used again.
     */
    LoopAllocator allocator() {
      synchronized (spare) {
        for (Iterator<LoopAllocator> each = spare.iterator(); each.hasNext(); ) {
          LoopAllocator found = each.next();
          if (found.pinnedDirectMemory() == 0) {
            each.remove();
            return found;
          }
        }
      }
      return new LoopAllocator();
    }

    /** Takes an allocator back whose proxy has ended. */
    void giveBack(LoopAllocator allocator) {
      synchronized (spare) {
        spare.add(allocator);
      }
    }
  }
}
