package io.signetmesh.rego;

import io.signetmesh.rego.RegoAnswer.Outcome;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A rule of a bundle, with its bounds and its idle instances. Safe for use by several threads. */
final class Policy {
  private static final long WARM_UP = TimeUnit.MILLISECONDS.toNanos(100);
  private static final int WARM_UPS = 200;

  private static final RegoInput SAMPLE =
      new RegoInput(
          new RegoInput.Peer(List.of("identity"), "192.0.2.1", 1, true, Optional.of("digest")),
          new RegoInput.Server(8080, Map.of("group", "", "kind", "default", "name", "deny")),
          new RegoInput.Head(
              "GET", "http", "service", "/path", "", List.of(new RegoInput.Field("name", "value"))),
          Map.of("namespace/name", "{\"iss\":\"issuer\",\"sub\":\"subject\",\"exp\":0}"),
          0);

  private final PolicyCode code;
  private final int entrypoint;
  private final long cpuTime;
  private final int maxMemory;
  private final MemoryBudget.Share budget;
  private final InstancePool pool;

  /**
   * @param cpuTime CPU time of a decision in nanoseconds
   * @param maxMemory bytes of memory of an instance, not less than its image has
   * @param budget what instances take their memory from
   */
  Policy(PolicyCode code, int entrypoint, long cpuTime, int maxMemory, MemoryBudget.Share budget) {
    this.code = code;
    this.entrypoint = entrypoint;
    this.cpuTime = cpuTime;
    this.maxMemory = maxMemory;
    this.budget = budget;
    pool = new InstancePool(budget);
  }

  /**
   * Decides on a request that nobody makes until the virtual machine has compiled what that needs,
   * some 0.1 s at most. The first decisions take some 100 times as long as later ones.
   */
  void warmUp() {
    byte[] sample;
    try {
      sample = RegoInputWriter.write(SAMPLE);
    } catch (IOException e) {
      throw new IllegalStateException("the sample is an input", e);
    }
    long begun = System.nanoTime();
    for (int i = 0; i < WARM_UPS && System.nanoTime() - begun < WARM_UP; i++) {
      decide(sample, Math.max(cpuTime, WARM_UP));
    }
  }

  RegoAnswer decide(byte[] input) {
    return decide(input, cpuTime);
  }

  private RegoAnswer decide(byte[] input, long time) {
    // Compiled code would end at once on a thread that is interrupted already.
    boolean interrupted = Thread.interrupted();
    try {
      return answer(input, time);
    } catch (RuntimeException | Error e) {
      return failed(e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Making an instance is part of the decision. */
  private RegoAnswer answer(byte[] input, long time) {
    PolicyInstance instance = pool.take();
    RegoAnswer answer = null;
    Throwable failure = null;
    boolean stopped;
    Watchdog.Run run = Watchdog.SHARED.begin(time);
    try {
      if (instance == null) {
        instance = code.instance(maxMemory / PolicyMemory.PAGE_SIZE, budget);
      }
      answer = AnswerReader.read(instance.evaluate(entrypoint, input));
    } catch (RuntimeException | Error e) {
      failure = e;
    } finally {
      stopped = Watchdog.SHARED.end(run);
    }
    if (instance == null) {
      return ended(stopped, false, failure);
    }
    if (answer == null) {
      boolean exhausted = instance.exhausted();
      instance.discard();
      return ended(stopped, exhausted, failure);
    }
    // Its time may have been up at the same moment: what is answered is answered.
    try {
      instance.restore();
    } catch (RuntimeException | Error e) {
      // What is not restored is not used again.
      instance.discard();
      throw e;
    }
    pool.give(instance);
    return answer;
  }

  private RegoAnswer ended(boolean stopped, boolean exhausted, @Nullable Throwable failure) {
    if (stopped) {
      return new RegoAnswer(
          Outcome.OUT_OF_TIME,
          "it took more than %d ms of CPU time, or ten times that"
              .formatted(TimeUnit.NANOSECONDS.toMillis(cpuTime)));
    }
    if (failure instanceof MemoryBudget.ExhaustedException) {
      return new RegoAnswer(Outcome.OUT_OF_MEMORY, failure.getMessage());
    }
    return exhausted || failure instanceof OutOfMemoryError
        ? new RegoAnswer(
            Outcome.OUT_OF_MEMORY, "it wanted more than %,d bytes of memory".formatted(maxMemory))
        : failed(failure);
  }

  int idle() {
    return pool.idle();
  }

  static RegoAnswer failed(@Nullable Throwable failure) {
    String message =
        switch (failure) {
          case null -> "";
          case StackOverflowError e -> "it calls itself too deeply";
          default ->
              failure.getMessage() != null
                  ? failure.getMessage()
                  : failure.getClass().getSimpleName();
        };
    return new RegoAnswer(Outcome.FAILED, PrintableText.of(message, AnswerReader.MOST_REASON));
  }
}
