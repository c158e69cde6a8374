package io.signetmesh.bench.rotation;

import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Requests at a rate, however long the answers take: a request is due at its time, and its latency
 * counts from then. A flow that is more than a second behind leaves requests out instead of sending
 * them all at once; they are counted as not sent.
 */
final class Traffic implements AutoCloseable {
  /** Parts of the traffic before, during and after what is measured. */
  enum Period {
    WARM,
    BEFORE,
    DURING,
    AFTER
  }

  private static final long BEHIND_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final int FAILURES_KEPT = 10;

  private final String name;
  private final List<Thread> flows = new ArrayList<>();
  private final Map<Period, Latencies> latencies = new EnumMap<>(Period.class);
  private final LongAdder failed = new LongAdder();
  private final LongAdder dropped = new LongAdder();
  private final LongAdder announced = new LongAdder();
  private final LongAdder notSent = new LongAdder();
  private final Queue<String> failures = new ConcurrentLinkedQueue<>();
  private volatile Period period = Period.WARM;
  private volatile boolean stopped;
  private long measuredSince;

  /**
   * Makes traffic without flows.
   *
   * @param name what it is called in messages
   */
  Traffic(String name) {
    this.name = name;
    for (Period each : Period.values()) {
      latencies.put(each, new Latencies());
    }
  }

  /**
   * Adds a flow of requests, one after the other.
   *
   * @param perSecond requests
   * @param kept whether all go over one connection; else each has one of its own
   */
  void flow(String flow, double perSecond, boolean kept, Client.Opener opener) {
    long interval = (long) (TimeUnit.SECONDS.toNanos(1) / perSecond);
    // So that flows do not all send at the same moment.
    long first = System.nanoTime() + interval * (flows.size() % 16) / 16;
    flows.add(Thread.ofVirtual().name(flow).start(() -> run(flow, first, interval, kept, opener)));
  }

  private void run(String flow, long first, long interval, boolean kept, Client.Opener opener) {
    @Nullable Client open = null;
    long due = first;
    while (!stopped) {
      for (long now = System.nanoTime(); now - due < 0 && !stopped; now = System.nanoTime()) {
        LockSupport.parkNanos(due - now);
      }
      boolean established = open != null;
      try {
        if (open == null) {
          open = opener.open();
        }
        open.ask();
        latencies(period).add(System.nanoTime() - due);
        if (kept && open.isEnding()) {
          announced.increment();
        }
        if (!kept || open.isEnding()) {
          open.close();
          open = null;
        }
      } catch (IOException | RuntimeException e) {
        onFailure(flow, established, e);
        close(open);
        open = null;
      } catch (InterruptedException e) {
        break;
      }
      due += interval;
      long behind = System.nanoTime() - due;
      if (behind > BEHIND_NANOS) {
        notSent.add(behind / interval);
        due += behind / interval * interval;
      }
    }
    close(open);
  }

  private void onFailure(String flow, boolean established, Exception e) {
    if (stopped || period == Period.WARM) {
      return;
    }
    failed.increment();
    if (established) {
      dropped.increment();
    }
    if (failures.size() < FAILURES_KEPT) {
      failures.add(
          "%s, %s, %s, after %.1f s: %s"
              .formatted(
                  name, flow, period, (System.nanoTime() - measuredSince) / 1e9, e.getMessage()));
    }
  }

  private static void close(@Nullable Client client) {
    if (client != null) {
      try {
        client.close();
      } catch (IOException e) {
        // It is gone either way.
      }
    }
  }

  /** Begins a period; until the first one after {@link Period#WARM} nothing counts as failed. */
  void begin(Period next) {
    if (period == Period.WARM) {
      measuredSince = System.nanoTime();
      notSent.reset();
      announced.reset();
    }
    period = next;
  }

  Latencies latencies(Period of) {
    return Objects.requireNonNull(latencies.get(of));
  }

  /** Answers in all periods that are measured. */
  long answers() {
    return latencies.entrySet().stream()
        .filter(entry -> entry.getKey() != Period.WARM)
        .mapToLong(entry -> entry.getValue().answers())
        .sum();
  }

  /** Requests without a good answer. */
  long failed() {
    return failed.sum();
  }

  /** Connections that ended without an announcement. */
  long dropped() {
    return dropped.sum();
  }

  /** Kept connections that ended as announced. */
  long announced() {
    return announced.sum();
  }

  /** Requests left out because a flow was behind. */
  long notSent() {
    return notSent.sum();
  }

  /** The first failures, in words. */
  List<String> failures() {
    return List.copyOf(failures);
  }

  @Override
  public void close() throws InterruptedException {
    stopped = true;
    for (Thread flow : flows) {
      LockSupport.unpark(flow);
    }
    for (Thread flow : flows) {
      if (!flow.join(java.time.Duration.ofMillis(2L * Client.TIMEOUT_MILLIS))) {
        flow.interrupt();
      }
    }
  }
}
