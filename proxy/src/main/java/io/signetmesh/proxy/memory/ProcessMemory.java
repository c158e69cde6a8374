package io.signetmesh.proxy.memory;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;

/**
 * What a process has for connections: memory and descriptors, their limits, and what each workload
 * holds of them. Free memory is for whoever needs it. When all together hold too much, the
 * workloads that hold most give back, down to a level that is the same for all of them. It is never
 * below three quarters of an equal part: a workload that holds less loses nothing.
 *
 * <p>Each loop publishes what it measures, and asks others to look. No loop touches what another
 * one has, and counting a request takes no lock. Safe from any thread.
 */
public final class ProcessMemory {
  /** A figure that is older may have been given back meanwhile. */
  private static final long FRESH_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private static final long COLLECT_NANOS = TimeUnit.SECONDS.toNanos(30);

  /** Least bytes that a loop allocates between two measurements, where the limits are large. */
  private static final long LEAST_STEP = 64 * 1024;

  private final MemoryLimits limits;
  private final List<WorkloadMemory> workloads = new CopyOnWriteArrayList<>();
  private final AtomicInteger loops = new AtomicInteger();
  private final AtomicLong buffers = new AtomicLong();
  private final AtomicLong heap = new AtomicLong();
  private final int mostConnections;
  private final AtomicInteger connections = new AtomicInteger();
  private final AtomicLong collected = new AtomicLong(System.nanoTime() - COLLECT_NANOS);

  /** Whether a loop waits for others to look. */
  private volatile boolean postponed;

  /** Starts without workloads, with as many connections as the process has descriptors for. */
  public ProcessMemory(MemoryLimits limits) {
    this(limits, Descriptors.forConnections());
  }

  /**
   * Starts without workloads.
   *
   * @param mostConnections connections that may be open, accepted and dialled
   */
  public ProcessMemory(MemoryLimits limits, int mostConnections) {
    this.limits = limits;
    this.mostConnections = mostConnections;
  }

  /** Makes the account of a workload; close it when its connections are closed. */
  public WorkloadMemory open() {
    WorkloadMemory made = new WorkloadMemory(this);
    workloads.add(made);
    return made;
  }

  MemoryLimits limits() {
    return limits;
  }

  void close(WorkloadMemory workload) {
    workloads.remove(workload);
  }

  void countLoops(int change) {
    loops.addAndGet(change);
  }

  void add(long bufferBytes, long heapBytes) {
    if (bufferBytes != 0) {
      buffers.addAndGet(bufferBytes);
    }
    if (heapBytes != 0) {
      heap.addAndGet(heapBytes);
    }
  }

  /** Bytes of buffers that all workloads held when they were last looked at. */
  public long buffers() {
    return buffers.get();
  }

  /** Bytes of heap that all workloads held when they were last looked at. */
  public long heap() {
    return heap.get();
  }

  /** Bytes of buffers above which connections are closed. */
  public long mostBuffers() {
    return limits.mostBuffers();
  }

  /** Bytes of heap above which connections are closed. */
  public long mostHeap() {
    return limits.mostHeap();
  }

  /** Connections of all workloads that are open, accepted and dialled. */
  public int connections() {
    return connections.get();
  }

  /** Connections above which only workloads with fewer than an equal part open others. */
  public int mostConnections() {
    return mostConnections;
  }

  void countConnections(int change) {
    connections.addAndGet(change);
  }

  /**
   * Whether a workload may open one more connection. An eighth of the limit is kept for those below
   * the {@linkplain #level level}. If that is used up as well, the workload that has most gives
   * some back.
   *
   * @param workload whose it would be
   */
  boolean mayOpen(WorkloadMemory workload) {
    int all = connections();
    if (all < mostConnections - mostConnections / 8) {
      return true;
    }
    if (isAboveLevel(workload)) {
      return false;
    }
    if (all >= mostConnections - mostConnections / 16) {
      workloads.stream()
          .max(Comparator.comparingInt(WorkloadMemory::connections))
          .ifPresent(WorkloadMemory::askForConnections);
    }
    return all < mostConnections;
  }

  /**
   * Whether a workload would have more connections than each may keep when descriptors are short.
   * Whoever has fewer is not refused for what others have, and closes none of its own.
   */
  boolean isAboveLevel(WorkloadMemory workload) {
    long wanted = workload.connections() + 1L;
    long[] all =
        workloads.stream()
            .mapToLong(each -> each == workload ? wanted : each.connections())
            .toArray();
    return wanted > level(all, mostConnections - mostConnections / 8);
  }

  /** The equal part of a workload. */
  long fair(long bytes) {
    return bytes / Math.max(1, workloads.size());
  }

  /** Bytes that a loop may allocate before it measures again, at least. */
  long step() {
    long alone = limits.mostBuffers() / 64;
    return Math.max(1, Math.max(alone / Math.max(1, loops.get()), Math.min(alone, LEAST_STEP)));
  }

  /** Bytes that a loop may allocate before it measures again. */
  long untilLook() {
    long free = limits.easeBuffers() - buffers();
    return Math.max(step(), free / 4 / Math.max(1, loops.get()));
  }

  /** The part of what it holds that a workload has to give back of its buffers. */
  double excessBuffers(WorkloadMemory workload) {
    return excess(WorkloadMemory::buffers, workload, limits.mostBuffers(), buffers());
  }

  /** The same of its heap. */
  double excessHeap(WorkloadMemory workload) {
    return excess(WorkloadMemory::heap, workload, limits.mostHeap(), heap());
  }

  private double excess(
      ToLongFunction<WorkloadMemory> figure, WorkloadMemory workload, long most, long all) {
    long held = figure.applyAsLong(workload);
    if (all <= most || held <= 0) {
      return 0;
    }
    long level = level(workloads.stream().mapToLong(figure).toArray(), most - most / 4);
    return held <= level ? 0 : (double) (held - level) / held;
  }

  /**
   * The largest number of bytes that each may keep, so that all together keep no more than a limit.
   *
   * @param held what each holds
   */
  static long level(long[] held, long most) {
    long[] sorted = held.clone();
    Arrays.sort(sorted);
    long left = most;
    for (int i = 0; i < sorted.length; i++) {
      long part = left / (sorted.length - i);
      if (sorted[i] > part) {
        return part;
      }
      left -= sorted[i];
    }
    return Long.MAX_VALUE;
  }

  /**
   * Whether a loop may close connections now because too much is held. Loops whose figures are old
   * are asked to look first: what they held may be free. They have the time in which an eighth of
   * the limit is allocated.
   */
  boolean mayDecide(LoopMemory self) {
    long now = System.nanoTime();
    boolean old = false;
    for (WorkloadMemory workload : workloads) {
      for (LoopMemory loop : workload.loops()) {
        if (loop != self && loop.holdsMuch() && now - loop.lookedAt() > FRESH_NANOS) {
          loop.ask();
          old = true;
        }
      }
    }
    boolean may =
        !old
            || buffers() > limits.mostBuffers() + limits.mostBuffers() / 8
            || heap() > limits.mostHeap() + limits.mostHeap() / 8;
    if (!may) {
      postponed = true;
    }
    return may;
  }

  /** A loop has looked: those that have waited for that may decide. */
  void looked(LoopMemory self) {
    if (!postponed) {
      return;
    }
    postponed = false;
    for (WorkloadMemory workload : workloads) {
      for (LoopMemory loop : workload.loops()) {
        if (loop != self && loop.isPostponed()) {
          loop.ask();
        }
      }
    }
  }

  /** Whether the heap is to be collected after a time of pressure; not more than once in 30 s. */
  public boolean mayCollect() {
    long last = collected.get();
    long now = System.nanoTime();
    return now - last >= COLLECT_NANOS && collected.compareAndSet(last, now);
  }
}
