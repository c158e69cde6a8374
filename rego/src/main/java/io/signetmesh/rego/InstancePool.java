package io.signetmesh.rego;

import java.lang.ref.WeakReference;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Idle instances of a policy. All pools of the process share a budget of memory: what does not fit
 * is not kept. Safe for use by several threads.
 */
final class InstancePool {
  /** Bytes that idle instances of the process may have: an eighth of the heap. */
  static final long BUDGET = Runtime.getRuntime().maxMemory() / 8;

  /** Idle instances are kept so long, in nanoseconds. */
  private static final long KEPT = TimeUnit.SECONDS.toNanos(60);

  private static final AtomicLong idleBytes = new AtomicLong();
  private static final Queue<Reference> pools = new ConcurrentLinkedQueue<>();

  private record Idle(PolicyInstance instance, int bytes, long since) {}

  /** A pool, and what it holds when nobody has it any more. */
  private static final class Reference extends WeakReference<InstancePool> {
    private final AtomicLong bytes;
    private final MemoryBudget.Share budget;

    private Reference(InstancePool pool) {
      super(pool);
      bytes = pool.bytes;
      budget = pool.budget;
    }
  }

  private final ConcurrentLinkedDeque<Idle> idle = new ConcurrentLinkedDeque<>();
  private final AtomicLong bytes = new AtomicLong();

  private final MemoryBudget.Share budget;

  /**
   * @param budget what its instances have taken their memory from
   */
  InstancePool(MemoryBudget.Share budget) {
    this.budget = budget;
    pools.add(new Reference(this));
  }

  /** An instance that was given back last; null when there is none. */
  @Nullable PolicyInstance take() {
    Idle last = idle.pollFirst();
    if (last == null) {
      return null;
    }
    count(-last.bytes);
    return last.instance;
  }

  /** Keeps an instance that is as new. */
  void give(PolicyInstance instance) {
    int size = instance.size();
    if (count(size) > BUDGET) {
      count(-size);
      instance.discard();
      return;
    }
    idle.addFirst(new Idle(instance, size, System.nanoTime()));
  }

  private long count(int size) {
    bytes.addAndGet(size);
    return idleBytes.addAndGet(size);
  }

  int idle() {
    return idle.size();
  }

  static long idleBytes() {
    return idleBytes.get();
  }

  private void release(long before) {
    for (Idle last = idle.pollLast(); last != null; last = idle.pollLast()) {
      if (last.since - before > 0) {
        idle.addLast(last);
        return;
      }
      count(-last.bytes);
      last.instance.discard();
    }
  }

  /** Gives up all idle instances. */
  static void releaseAll() {
    releaseBefore(System.nanoTime());
  }

  /**
   * Gives up the idle instances of one policy of an owner, of the one that has most in them, and
   * what those policies had that nobody has any more.
   *
   * @return false when there was nothing
   */
  static boolean releaseOf(String owner) {
    long before = idleBytes.get();
    // What is gone is gone, whoever it was of.
    releaseBefore(Long.MIN_VALUE);
    if (idleBytes.get() < before) {
      return true;
    }
    Reference largest = null;
    long most = 0;
    for (Reference reference : pools) {
      long bytes = reference.bytes.get();
      if (bytes > most && reference.budget.owner().equals(owner)) {
        largest = reference;
        most = bytes;
      }
    }
    InstancePool pool = largest == null ? null : largest.get();
    if (pool == null) {
      return false;
    }
    pool.release(System.nanoTime());
    return true;
  }

  /** Gives up instances that were idle for a minute. */
  static void releaseIdle(long now) {
    releaseBefore(now - KEPT);
  }

  private static void releaseBefore(long before) {
    pools.removeIf(
        reference -> {
          InstancePool pool = reference.get();
          if (pool != null) {
            pool.release(before);
            return false;
          }
          long bytes = reference.bytes.getAndSet(0);
          idleBytes.addAndGet(-bytes);
          reference.budget.give(bytes);
          return true;
        });
  }
}
