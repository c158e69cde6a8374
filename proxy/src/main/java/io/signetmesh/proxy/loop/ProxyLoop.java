package io.signetmesh.proxy.loop;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.signetmesh.proxy.memory.LoopMemory;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.Pace;
import io.signetmesh.proxy.memory.WorkloadMemory;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one proxy has on one event loop: its channels, which of them have unflushed writes, and its
 * memory. Other proxies may have channels on the same loop.
 *
 * <p>Handlers do not flush their writes. They mark the channel dirty, and the loop flushes all
 * dirty channels once it has handled all ready events. So one system call and one TLS record carry
 * the writes of several requests. Where there is nothing to batch, because a connection is written
 * to by one other only, call {@link #flushDirty} at the end of a read.
 *
 * <p>Confined to its event loop.
 */
public final class ProxyLoop {
  private static final Logger log = LoggerFactory.getLogger(ProxyLoop.class);

  /** Connections that are closed in one task. */
  private static final int CLOSED_AT_ONCE = 64;

  private final EventLoop eventLoop;
  private final int index;
  private final LoopMemory memory;
  private final Pace pace;
  private final LoopTurns handshakes;
  private List<Channel> dirty = new ArrayList<>();
  private List<Channel> flushing = new ArrayList<>();
  private boolean flushScheduled;
  private final AtomicLong silentPeers = new AtomicLong();
  private final Set<Channel> channels = new HashSet<>();
  private final Set<Channel> accepted = new HashSet<>();
  private volatile int acceptedNow;
  private @Nullable Runnable closing;
  private volatile boolean ended;

  /** A loop without memory limits: buffers of its connections are not measured. */
  public ProxyLoop(EventLoop eventLoop, int index) {
    this(
        eventLoop,
        index,
        new LoopMemory(WorkloadMemory.alone(MemoryLimits.ofProcess()), eventLoop, () -> 0),
        Pace.DEFAULT);
  }

  /**
   * @param eventLoop the loop
   * @param index position among the loops of the process, from 0
   * @param memory memory of the loop's connections
   * @param pace slowest rate allowed to peers
   */
  public ProxyLoop(EventLoop eventLoop, int index, LoopMemory memory, Pace pace) {
    this.eventLoop = eventLoop;
    this.index = index;
    this.memory = memory;
    this.pace = pace;
    this.handshakes = new LoopTurns(eventLoop);
  }

  /** The slowest rate allowed to peers. */
  public Pace pace() {
    return pace;
  }

  /** The memory of the loop's connections. */
  public LoopMemory memory() {
    return memory;
  }

  public EventLoop eventLoop() {
    return eventLoop;
  }

  public int index() {
    return index;
  }

  /** The turns of handshakes that clients begin. */
  public LoopTurns handshakes() {
    return handshakes;
  }

  /** Counts a connection that was closed because its peer did not answer a PING. */
  public void countSilentPeer() {
    silentPeers.incrementAndGet();
  }

  /** Connections counted by {@link #countSilentPeer}; from any thread. */
  public long silentPeers() {
    return silentPeers.get();
  }

  /** Marks a channel that has unflushed writes. Marking twice has no effect. */
  public void markDirty(Channel channel) {
    // The lists are short and the newest entry is the usual one.
    for (int i = dirty.size() - 1; i >= 0; i--) {
      if (dirty.get(i) == channel) {
        return;
      }
    }
    dirty.add(channel);
    if (!flushScheduled) {
      flushScheduled = true;
      eventLoop.execute(this::flushScheduled);
    }
  }

  /** Flushes every dirty channel now. */
  public void flushDirty() {
    // Flushing may write and so mark again, the same channel included: those marks go to the other
    // list and are flushed by the task that they schedule.
    if (dirty.isEmpty()) {
      return;
    }
    List<Channel> batch = dirty;
    if (batch == flushing) {
      return;
    }
    dirty = flushing;
    flushing = batch;
    for (int i = 0; i < batch.size(); i++) {
      batch.get(i).flush();
    }
    batch.clear();
  }

  private void flushScheduled() {
    flushScheduled = false;
    flushDirty();
  }

  // ---- the proxy's channels

  /**
   * Notes a connection that was accepted for the proxy. Call it on the loop.
   *
   * @return false when the proxy has ended, or the process is short of descriptors: the connection
   *     has to be closed
   */
  boolean accepted(Channel channel) {
    if (!count(channel) || !opened(channel)) {
      return false;
    }
    accepted.add(channel);
    countAccepted();
    channel
        .closeFuture()
        .addListener(
            closed -> {
              accepted.remove(channel);
              countAccepted();
            });
    return true;
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // One writer, the loop.
  private void countAccepted() {
    acceptedNow = accepted.size();
  }

  /** Accepted connections that are open; from any thread. */
  int acceptedNow() {
    return acceptedNow;
  }

  /** Fires an event through the pipeline of each accepted connection; from any thread. */
  void tellAccepted(Object event) {
    try {
      eventLoop.execute(
          () -> {
            // A task each: one for all would keep other connections waiting.
            for (Channel channel : accepted) {
              eventLoop.execute(() -> channel.pipeline().fireUserEventTriggered(event));
            }
          });
    } catch (RejectedExecutionException e) {
      // The loop has ended, and its connections with it.
    }
  }

  /**
   * Notes a channel that the proxy dials; from any thread.
   *
   * @throws IllegalStateException when the proxy has ended, or the process is short of descriptors
   */
  <C extends Channel> C dialled(C channel) {
    if (ended) {
      channel.unsafe().closeForcibly();
      throw new IllegalStateException("the proxy has ended");
    }
    if (!count(channel)) {
      channel.unsafe().closeForcibly();
      throw new IllegalStateException(
          "descriptors are short, and the workload has more connections than others");
    }
    if (eventLoop.inEventLoop()) {
      opened(channel);
    } else {
      eventLoop.execute(
          () -> {
            if (!opened(channel)) {
              channel.close();
            }
          });
    }
    return channel;
  }

  private boolean count(Channel channel) {
    boolean may = memory.mayOpenConnection();
    if (may) {
      channel.closeFuture().addListener(closed -> memory.connectionClosed());
    }
    return may;
  }

  private boolean opened(Channel channel) {
    if (closing != null) {
      return false;
    }
    channels.add(channel);
    channel
        .closeFuture()
        .addListener(
            closed -> {
              channels.remove(channel);
              endIfClosed();
            });
    return true;
  }

  /**
   * Closes all channels of the proxy at once, as ending the loop would, and takes no more. From any
   * thread; call it once.
   *
   * @param last runs on the loop, when all are closed and their handlers have heard of it
   * @return completes after that, or when the loop has ended
   */
  CompletableFuture<Void> close(Runnable last) {
    ended = true;
    CompletableFuture<Void> done = new CompletableFuture<>();
    Runnable end =
        () -> {
          last.run();
          done.complete(null);
        };
    try {
      eventLoop.execute(() -> closeChannels(end));
    } catch (RejectedExecutionException e) {
      // The loop has ended, and its channels with it.
      done.complete(null);
    }
    return done;
  }

  private void closeChannels(Runnable end) {
    closing = end;
    List<Channel> open = List.copyOf(channels);
    if (open.isEmpty()) {
      endIfClosed();
    } else {
      closeSome(open, 0);
    }
  }

  /** Closes some and leaves the others to a later task: connections of other proxies have turns. */
  private void closeSome(List<Channel> open, int from) {
    int to = Math.min(from + CLOSED_AT_ONCE, open.size());
    for (Channel channel : open.subList(from, to)) {
      try {
        channel.unsafe().close(channel.unsafe().voidPromise());
      } catch (RuntimeException e) {
        log.error("connection with {} could not be closed", channel.remoteAddress(), e);
      }
    }
    if (to == open.size()) {
      return;
    }
    try {
      eventLoop.execute(() -> closeSome(open, to));
    } catch (RejectedExecutionException e) {
      // The loop ends, and closes them itself.
    }
  }

  private void endIfClosed() {
    Runnable end = closing;
    if (end != null && channels.isEmpty()) {
      // Handlers hear of the end, and let go of their buffers, in tasks that are queued already.
      eventLoop.execute(() -> eventLoop.execute(end));
    }
  }
}
