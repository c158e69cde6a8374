package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.server.IssuanceQueue.Overload;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class IssuanceQueueTest {
  private static final Instant NOW = Instant.parse("2026-03-01T12:00:00Z");

  private final Deque<Runnable> threads = new ArrayDeque<>();
  private final List<String> served = new ArrayList<>();
  private final List<String> refused = new ArrayList<>();
  private final List<Duration> hints = new ArrayList<>();
  private Consumer<String> onServe = name -> {};
  private boolean noThread;
  private long nanos;

  @Test
  void whoHasNoLeafGoesFirstAndEachFourthTurnIsOfTheLeafThatEndsNext() {
    IssuanceQueue queue = queue(1 << 20);
    for (int i = 0; i < 6; i++) {
      submit(queue, "down-" + i, null, "down-" + i);
    }
    submit(queue, "late", NOW.plusSeconds(3_600), "late");
    submit(queue, "soon", NOW.plusSeconds(60), "soon");

    run();

    assertThat(served)
        .containsExactly(
            "down-0", "down-1", "down-2", "soon", "down-3", "down-4", "down-5", "late");
  }

  @Test
  void aFloodOfOneAddressDoesNotKeepTheFirstRequestOfAnother() {
    IssuanceQueue queue = queue(1 << 20);
    for (int i = 0; i < 50; i++) {
      submit(queue, "flood", null, "flood-" + i);
    }
    submit(queue, "other", null, "other");

    run();

    assertThat(served.indexOf("other")).isLessThanOrEqualTo(1);
    assertThat(served).hasSize(51);
  }

  @Test
  void aFloodThatNamesALeafThatEndsFirstDoesNotKeepTheRenewalOfAnother() {
    IssuanceQueue queue = queue(1 << 20);
    for (int i = 0; i < 50; i++) {
      submit(queue, "flood", NOW.plusSeconds(1), "flood-" + i);
    }
    submit(queue, "other", NOW.plusSeconds(3_600), "other");

    run();

    assertThat(served.indexOf("other")).isLessThanOrEqualTo(1);
    assertThat(served).hasSize(51);
  }

  @Test
  void turnsOfThoseWithoutALeafDoNotPutARenewalBehindAFlood() {
    IssuanceQueue queue = queue(1 << 20);
    for (int i = 0; i < 40; i++) {
      submit(queue, "down", null, "down-" + i);
      submit(queue, "flood", NOW.plusSeconds(1), "flood-" + i);
    }
    // Comes when the turns of those without a leaf have gone far ahead.
    onServe =
        name -> {
          if (name.equals("down-35")) {
            submit(queue, "other", NOW.plusSeconds(3_600), "other");
          }
        };

    run();

    int came = served.indexOf("down-35");
    assertThat(served.indexOf("other") - came).isBetween(1, 8);
  }

  @Test
  void aRequestThatFailsWithAnErrorIsRefusedAndItsThreadGoesOn() {
    IssuanceQueue queue = queue(1 << 20);
    onServe =
        name -> {
          if (name.equals("bad")) {
            throw new StackOverflowError("test");
          }
        };
    submit(queue, "a", null, "bad");
    submit(queue, "b", null, "good");

    run();
    submit(queue, "c", null, "later");
    run();

    assertThat(refused).containsExactly("bad INTERNAL");
    assertThat(served).containsExactly("bad", "good", "later");
  }

  @Test
  void aRequestThatNoThreadCanBeStartedForIsRefusedAndTheNextOneIsServed() {
    IssuanceQueue queue = queue(1 << 20);
    noThread = true;
    submit(queue, "a", null, "unserved");
    noThread = false;
    submit(queue, "a", null, "next");

    run();

    assertThat(refused).containsExactly("unserved INTERNAL");
    assertThat(served).containsExactly("next");
    assertThat(queue.waitingBytes()).isZero();
  }

  @Test
  void aPartyHoldsAtMostWhatItLeavesFree() {
    IssuanceQueue queue = queue(100 * 3_072);
    for (int i = 0; i < 100; i++) {
      submit(queue, "flood", null, "flood-" + i);
    }
    assertThat(refused).hasSize(50);
    assertThat(refused.getFirst()).isEqualTo("flood-50 SHARE");

    for (int i = 0; i < 10; i++) {
      submit(queue, "other-" + i, null, "other-" + i);
    }
    assertThat(refused).hasSize(50);
    assertThat(queue.waitingBytes()).isEqualTo(60 * 3_072);

    run();
    assertThat(queue.waitingBytes()).isZero();
    assertThat(served).hasSize(60);
  }

  @Test
  void whatHasWaitedTooLongIsRefusedWithTheTimeToComeAgain() {
    IssuanceQueue queue = queue(1 << 20);
    submit(queue, "a", null, "old");
    nanos += Duration.ofSeconds(9).toNanos();
    submit(queue, "b", null, "fresh");

    run();

    assertThat(refused).containsExactly("old WAIT");
    assertThat(served).containsExactly("fresh");
    assertThat(hints).allMatch(hint -> !hint.isNegative() && !hint.isZero());
  }

  @Test
  void theHintGrowsWithWhatWaits() {
    IssuanceQueue queue = queue(10_000 * 3_072L);
    for (int i = 0; i < 12_000; i++) {
      submit(queue, "flood", null, "flood-" + i);
    }

    // 5,000 requests of a millisecond each.
    assertThat(hints.getFirst()).isBetween(Duration.ofMillis(4_900), Duration.ofMillis(5_100));
  }

  @Test
  void aCallerThatIsGoneIsNotServed() {
    IssuanceQueue queue = queue(1 << 20);
    queue.submit("a", null, 1_024, new Recorded("gone", true));
    submit(queue, "b", null, "there");

    run();

    assertThat(served).containsExactly("there");
    assertThat(refused).isEmpty();
  }

  @Test
  void atTheEndWhatWaitsIsRefusedAndNothingMoreIsTaken() {
    IssuanceQueue queue = queue(1 << 20);
    submit(queue, "a", null, "waiting");

    queue.close();
    submit(queue, "a", null, "late");

    assertThat(refused).containsExactly("waiting CLOSED", "late CLOSED");
    assertThat(queue.waitingBytes()).isZero();
  }

  private IssuanceQueue queue(long budget) {
    return new IssuanceQueue(budget, Duration.ofSeconds(8), 1, () -> nanos, new ManualExecutor());
  }

  private void submit(IssuanceQueue queue, String party, @Nullable Instant end, String name) {
    queue.submit(party, end, 1_024, new Recorded(name, false));
  }

  private void run() {
    while (!threads.isEmpty()) {
      threads.remove().run();
    }
  }

  private final class Recorded implements IssuanceQueue.Task {
    private final String name;
    private final boolean cancelled;

    Recorded(String name, boolean cancelled) {
      this.name = name;
      this.cancelled = cancelled;
    }

    @Override
    public boolean isCancelled() {
      return cancelled;
    }

    @Override
    public void run() {
      served.add(name);
      onServe.accept(name);
    }

    @Override
    public void refuse(Overload why, Duration retryAfter) {
      refused.add(name + " " + why);
      hints.add(retryAfter);
    }
  }

  /** Runs when the test says so. */
  private final class ManualExecutor extends AbstractExecutorService {
    @Override
    public void execute(Runnable task) {
      if (noThread) {
        throw new OutOfMemoryError("unable to create native thread");
      }
      threads.add(task);
    }

    @Override
    public void shutdown() {}

    @Override
    public List<Runnable> shutdownNow() {
      return List.of();
    }

    @Override
    public boolean isShutdown() {
      return false;
    }

    @Override
    public boolean isTerminated() {
      return false;
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) {
      return true;
    }
  }
}
