package io.signetmesh.collector.ingest;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * How many bytes each writer may deliver, over all its streams: a token bucket of each. Bytes are
 * counted after they came, so that a bucket can be in debt by what was asked for; while it is
 * empty, its writer is asked for nothing more. Writers whose bucket is full are not kept.
 * Thread-safe.
 */
final class WriterRates {
  /** A burst is as much as comes in so many seconds at the rate. */
  static final int BURST_SECONDS = 16;

  private static final double SECOND = 1e9;

  private final long rate;
  private final double burst;
  private final LongSupplier nanos;
  private final Map<String, Bucket> buckets = new HashMap<>();

  /** What a writer may deliver now, and those of its streams that wait for more. */
  private static final class Bucket {
    private double level;
    private long sinceNanos;
    private final LinkedHashSet<Runnable> waiting = new LinkedHashSet<>();

    Bucket(double level, long sinceNanos) {
      this.level = level;
      this.sinceNanos = sinceNanos;
    }
  }

  /**
   * @param rate bytes a second, 1 or more
   */
  WriterRates(long rate, LongSupplier nanos) {
    if (rate < 1) {
      throw new IllegalArgumentException("rate of " + rate + " bytes a second: expected 1 or more");
    }
    this.rate = rate;
    this.burst = (double) rate * BURST_SECONDS;
    this.nanos = nanos;
  }

  /** Counts bytes that a writer has delivered. */
  void charge(String writer, long bytes) {
    List<Runnable> next;
    synchronized (this) {
      Bucket bucket = buckets.computeIfAbsent(writer, _ -> new Bucket(burst, nanos.getAsLong()));
      fill(bucket);
      bucket.level -= bytes;
      next = next(bucket, 1);
    }
    next.forEach(Runnable::run);
  }

  /**
   * Has a stream go on: now, or when its writer may deliver more.
   *
   * @param ask the same one each time for a stream
   */
  void ask(String writer, Runnable ask) {
    synchronized (this) {
      Bucket bucket = buckets.get(writer);
      if (bucket != null) {
        fill(bucket);
        if (bucket.level <= 0 || !bucket.waiting.isEmpty()) {
          bucket.waiting.add(ask);
          return;
        }
      }
    }
    ask.run();
  }

  /** A stream has ended. */
  synchronized void forget(String writer, Runnable ask) {
    Bucket bucket = buckets.get(writer);
    if (bucket != null) {
      bucket.waiting.remove(ask);
    }
  }

  /** Has those go on that may, as many as their buckets have messages. To be called regularly. */
  void tick() {
    List<Runnable> all = new ArrayList<>();
    synchronized (this) {
      Iterator<Bucket> each = buckets.values().iterator();
      while (each.hasNext()) {
        Bucket bucket = each.next();
        fill(bucket);
        all.addAll(next(bucket, 1 + (long) (bucket.level / Message.MAX_BYTES)));
        if (bucket.level >= burst && bucket.waiting.isEmpty()) {
          each.remove();
        }
      }
    }
    all.forEach(Runnable::run);
  }

  /** Writers that are known. */
  synchronized int size() {
    return buckets.size();
  }

  private void fill(Bucket bucket) {
    long now = nanos.getAsLong();
    bucket.level = Math.min(burst, bucket.level + (now - bucket.sinceNanos) / SECOND * rate);
    bucket.sinceNanos = now;
  }

  private static List<Runnable> next(Bucket bucket, long most) {
    List<Runnable> next = new ArrayList<>();
    Iterator<Runnable> waiting = bucket.waiting.iterator();
    while (bucket.level > 0 && next.size() < most && waiting.hasNext()) {
      next.add(waiting.next());
      waiting.remove();
    }
    return next;
  }
}
