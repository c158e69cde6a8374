package io.signetmesh.proxy.memory;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/** What one workload holds of the memory and descriptors of its process, over all its loops. */
public final class WorkloadMemory implements AutoCloseable {
  private final ProcessMemory process;
  private final List<LoopMemory> loops = new CopyOnWriteArrayList<>();
  private final AtomicInteger connections = new AtomicInteger();
  private final LongAdder refused = new LongAdder();
  private volatile long buffers;
  private volatile long heap;

  /** Guarded by this. */
  private boolean closed;

  WorkloadMemory(ProcessMemory process) {
    this.process = process;
  }

  /** The account of the only workload of a process. */
  public static WorkloadMemory alone(MemoryLimits limits) {
    return new ProcessMemory(limits).open();
  }

  /** The memory of the process. */
  public ProcessMemory process() {
    return process;
  }

  List<LoopMemory> loops() {
    return loops;
  }

  synchronized void join(LoopMemory loop) {
    loops.add(loop);
    process.countLoops(1);
  }

  /** A loop holds more than it has published, or less. */
  synchronized void add(long bufferBytes, long heapBytes) {
    if (!closed) {
      buffers += bufferBytes;
      heap += heapBytes;
      process.add(bufferBytes, heapBytes);
    }
  }

  /** Bytes of buffers when its loops were last looked at. */
  public long buffers() {
    return buffers;
  }

  /** Bytes of heap when its loops were last looked at. */
  public long heap() {
    return heap;
  }

  /** Whether it holds more buffers than an equal part of a limit. */
  boolean isAboveFair(long bufferBytes) {
    return buffers > process.fair(bufferBytes);
  }

  /** Heap that the workload may hold: all that is free, but never less than an equal part. */
  long mayHoldHeap() {
    long most = process.mostHeap();
    return Math.max(process.fair(most), heap + most - process.heap());
  }

  /** Connections that are open, accepted and dialled. */
  public int connections() {
    return connections.get();
  }

  /** Connections that were not opened because the process is short of descriptors. */
  public long refused() {
    return refused.sum();
  }

  /**
   * Counts a connection that is to be opened. {@link #connectionClosed} takes it back.
   *
   * @return false when the process is short of descriptors and the workload has more than each may
   *     keep then: it must not be opened, and is not counted
   */
  public boolean mayOpenConnection() {
    if (!process.mayOpen(this)) {
      refused.increment();
      return false;
    }
    connections.incrementAndGet();
    process.countConnections(1);
    return true;
  }

  /** A connection that was counted is closed. */
  public void connectionClosed() {
    connections.decrementAndGet();
    process.countConnections(-1);
  }

  /** Has each loop close some connections of the client that has most. */
  void askForConnections() {
    loops.forEach(LoopMemory::askForConnections);
  }

  /** Its connections are closed: it holds nothing any more. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      process.add(-buffers, -heap);
      process.countLoops(-loops.size());
      buffers = 0;
      heap = 0;
      process.close(this);
    }
  }
}
