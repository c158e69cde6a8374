package io.signetmesh.proxy.loop;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.signetmesh.proxy.memory.LoopMemory;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.Pace;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One event loop and the channels with unflushed writes on it.
 *
 * <p>Handlers do not flush their writes. They mark the channel dirty, and the loop flushes all
 * dirty channels once it has handled all ready events. So one system call and one TLS record carry
 * the writes of several requests. Where there is nothing to batch, because a connection is written
 * to by one other only, call {@link #flushDirty} at the end of a read.
 *
 * <p>Confined to its event loop.
 */
public final class ProxyLoop {
  private final EventLoop eventLoop;
  private final int index;
  private final LoopMemory memory;
  private final Pace pace;
  private List<Channel> dirty = new ArrayList<>();
  private List<Channel> flushing = new ArrayList<>();
  private boolean flushScheduled;
  private final AtomicLong silentPeers = new AtomicLong();

  /** A loop without memory limits: buffers of its connections are not measured. */
  public ProxyLoop(EventLoop eventLoop, int index) {
    this(
        eventLoop,
        index,
        new LoopMemory(MemoryLimits.ofProcess(), eventLoop, () -> 0, () -> 1),
        Pace.DEFAULT);
  }

  /**
   * @param eventLoop the loop
   * @param index position among the proxy's loops, from 0
   * @param memory memory of the loop's connections
   * @param pace slowest rate allowed to peers
   */
  public ProxyLoop(EventLoop eventLoop, int index, LoopMemory memory, Pace pace) {
    this.eventLoop = eventLoop;
    this.index = index;
    this.memory = memory;
    this.pace = pace;
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
}
