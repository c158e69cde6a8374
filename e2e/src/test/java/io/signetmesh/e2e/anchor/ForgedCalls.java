package io.signetmesh.e2e.anchor;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Calls with forged certificates that do not stop: each kind is tried again and again from a thread
 * of its own. Known is when each was taken for the last time.
 */
final class ForgedCalls implements AutoCloseable {
  private static final Duration PAUSE = Duration.ofMillis(250);

  private final LongAdder takenCalls = new LongAdder();
  private final LongAdder takenMillis = new LongAdder();
  private final AtomicBoolean stopped = new AtomicBoolean();
  private final List<Call> calls = new ArrayList<>();

  /** One call. */
  @FunctionalInterface
  interface Attempt {
    /** Returns when it was taken; throws when it was refused. */
    void run() throws Exception;
  }

  private static final class Call {
    private final String name;
    private final Attempt attempt;
    private @Nullable Thread thread;
    private volatile int taken;
    private volatile int refused;
    private volatile long lastTakenMillis;
    private volatile long lastTriedMillis;
    private volatile String lastRefusal = "";

    Call(String name, Attempt attempt) {
      this.name = name;
      this.attempt = attempt;
    }
  }

  /** Begins to try something. */
  void keep(String name, Attempt attempt) {
    Call call = new Call(name, attempt);
    calls.add(call);
    call.thread = Thread.ofPlatform().daemon().name("forged-" + name).start(() -> keepTrying(call));
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // Of one thread only.
  private void keepTrying(Call call) {
    while (!stopped.get()) {
      long begun = System.currentTimeMillis();
      try {
        call.attempt.run();
        call.lastTakenMillis = System.currentTimeMillis();
        takenCalls.increment();
        takenMillis.add(call.lastTakenMillis - begun);
        call.taken++;
      } catch (Exception e) {
        call.lastRefusal = e.toString();
        call.refused++;
      }
      call.lastTriedMillis = begun;
      LockSupport.parkNanos(PAUSE.toNanos());
    }
  }

  /** Whether each was taken so often at least. */
  boolean allTaken(int times) {
    return calls.stream().allMatch(call -> call.taken >= times);
  }

  /** How long a call takes that is taken, handshake and answer, on this machine now. */
  Duration typical() {
    return Duration.ofMillis(takenMillis.sum() / Math.max(1, takenCalls.sum()));
  }

  /** Whether each was tried anew after a time, and none was taken after it. */
  boolean allRefusedSince(long millis) {
    return calls.stream()
        .allMatch(call -> call.lastTriedMillis > millis && call.lastTakenMillis <= millis);
  }

  /** Milliseconds from a time to the last call that was taken, of any kind. */
  long lastTakenAfter(long millis) {
    return calls.stream().mapToLong(call -> call.lastTakenMillis - millis).max().orElseThrow();
  }

  /** What became of each, a line each. */
  String report(long startMillis) {
    return calls.stream()
        .map(
            call ->
                String.format(
                    Locale.ROOT,
                    "%-32s taken %d times, the last time after %d ms; then refused: %s",
                    call.name,
                    call.taken,
                    call.lastTakenMillis - startMillis,
                    call.lastRefusal))
        .collect(Collectors.joining("\n"));
  }

  @Override
  public void close() {
    stopped.set(true);
    for (Call call : calls) {
      Thread thread = call.thread;
      try {
        if (thread != null) {
          thread.join(Duration.ofSeconds(20));
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }
}
