package io.signetmesh.e2e.harness;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/**
 * Traffic that does not stop: each flow repeats an exchange, one after the other, from a thread of
 * its own. Failures are kept with the time at which they happened and end nothing.
 */
public final class Load implements AutoCloseable {
  private static final int FAILURES_KEPT = 20;

  private final long start = System.nanoTime();
  private final AtomicBoolean stopped = new AtomicBoolean();
  private final List<Flow> flows = new ArrayList<>();
  private final ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
  private final LongAdder failed = new LongAdder();

  /** A request and its answer. */
  @FunctionalInterface
  public interface Exchange {
    /** Throws when the answer is not the one expected. */
    void run() throws Exception;
  }

  private record Flow(String name, Thread thread, LongAdder served) {}

  /**
   * Adds a flow.
   *
   * @param name what it is called in failures
   * @param pause between an answer and the next request
   */
  public Load flow(String name, Duration pause, Exchange exchange) {
    LongAdder served = new LongAdder();
    Thread thread =
        Thread.ofPlatform()
            .daemon()
            .name("load-" + name)
            .start(() -> run(name, pause, exchange, served));
    flows.add(new Flow(name, thread, served));
    return this;
  }

  private void run(String name, Duration pause, Exchange exchange, LongAdder served) {
    while (!stopped.get()) {
      try {
        exchange.run();
        served.increment();
      } catch (Exception | AssertionError e) {
        failed.increment();
        if (failures.size() < FAILURES_KEPT) {
          failures.add("%s after %d ms: %s".formatted(name, elapsed().toMillis(), e));
        }
      }
      LockSupport.parkNanos(pause.toNanos());
    }
  }

  /** Time since the start. */
  public Duration elapsed() {
    return Duration.ofNanos(System.nanoTime() - start);
  }

  /** Exchanges of the least busy flow that succeeded. */
  public long servedByEach() {
    return flows.stream().mapToLong(flow -> flow.served().sum()).min().orElse(0);
  }

  /** Exchanges that succeeded. */
  public long served() {
    return flows.stream().mapToLong(flow -> flow.served().sum()).sum();
  }

  /** The first failures, in words. */
  public List<String> failures() {
    return List.copyOf(failures);
  }

  /** Exchanges that failed. */
  public long failed() {
    return failed.sum();
  }

  /**
   * Waits until every flow has had further answers.
   *
   * @throws AssertionError when one has not; with the failures so far, which may be why
   */
  public void awaitMore(int answers) {
    List<Long> before = flows.stream().map(flow -> flow.served().sum()).toList();
    try {
      Await.until(answers + " more answers in each flow", () -> haveServed(before, answers));
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + "; failures: " + failures(), e);
    }
  }

  private boolean haveServed(List<Long> before, int more) {
    for (int i = 0; i < flows.size(); i++) {
      if (flows.get(i).served().sum() < before.get(i) + more) {
        return false;
      }
    }
    return true;
  }

  /** Ends the flows after the exchanges that are under way; a second time it does nothing. */
  public void stop() {
    stopped.set(true);
    for (Flow flow : flows) {
      try {
        flow.thread().join(Duration.ofSeconds(20));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  @Override
  public void close() {
    stop();
  }
}
