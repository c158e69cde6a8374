package io.signetmesh.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Delayed;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WorkloadThreadsTest {
  private final ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1);
  private final WorkloadThreads threads = new WorkloadThreads(2, timer);
  private final CountDownLatch release = new CountDownLatch(1);

  @BeforeEach
  void dropWhatIsCancelled() {
    timer.setRemoveOnCancelPolicy(true);
  }

  @AfterEach
  void close() {
    release.countDown();
    threads.close();
    timer.shutdownNow();
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void hang(WorkloadThreads.Turn turn) {
    turn.execute(() -> await(release));
  }

  @Test
  void tasksOfATurnRunInOrderAndNeverAtTheSameTime() {
    List<Integer> seen = Collections.synchronizedList(new ArrayList<>());
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    CountDownLatch done = new CountDownLatch(1_000);
    WorkloadThreads.Turn turn = threads.newTurn("shop/web");
    for (int i = 0; i < 1_000; i++) {
      int number = i;
      turn.execute(
          () -> {
            most.accumulateAndGet(inside.incrementAndGet(), Math::max);
            seen.add(number);
            inside.decrementAndGet();
            done.countDown();
          });
    }
    await(done);
    assertThat(most).hasValue(1);
    assertThat(seen).isSorted().hasSize(1_000);
  }

  @Test
  void workloadsWhoseTasksHangKeepNoOtherWaiting() {
    List<WorkloadThreads.Turn> hanging = new ArrayList<>();
    AtomicInteger behind = new AtomicInteger();
    for (int i = 0; i < 10; i++) {
      WorkloadThreads.Turn turn = threads.newTurn("shop/hangs-" + i);
      hanging.add(turn);
      hang(turn);
      turn.execute(behind::incrementAndGet);
    }
    WorkloadThreads.Turn other = threads.newTurn("shop/web");
    CountDownLatch ran = new CountDownLatch(2);
    other.execute(ran::countDown);
    other.schedule(Duration.ofMillis(1), ran::countDown);
    await(ran);
    assertThat(behind).hasValue(0);
    release.countDown();
    CountDownLatch after = new CountDownLatch(10);
    hanging.forEach(turn -> turn.execute(after::countDown));
    await(after);
    assertThat(behind).hasValue(10);
  }

  @Test
  void aTaskThatFailsEndsNeitherItsTurnNorItsThread() {
    WorkloadThreads.Turn turn = threads.newTurn("shop/web");
    CountDownLatch ran = new CountDownLatch(1);
    turn.execute(
        () -> {
          throw new AssertionError("a task");
        });
    turn.execute(ran::countDown);
    await(ran);
  }

  @Test
  void aTurnThatIsClosedRunsWhatIsQueuedAndDropsWhatWaits() {
    WorkloadThreads.Turn turn = threads.newTurn("shop/web");
    CountDownLatch begun = new CountDownLatch(1);
    AtomicInteger queued = new AtomicInteger();
    AtomicInteger dropped = new AtomicInteger();
    turn.execute(
        () -> {
          begun.countDown();
          await(release);
        });
    turn.execute(queued::incrementAndGet);
    turn.schedule(Duration.ofHours(1), dropped::incrementAndGet);
    await(begun);
    turn.close();
    turn.execute(dropped::incrementAndGet);
    assertThat(timer.getQueue())
        .as("but for the look at what hangs")
        .noneMatch(task -> ((Delayed) task).getDelay(TimeUnit.MINUTES) > 10);
    release.countDown();
    CountDownLatch last = new CountDownLatch(1);
    WorkloadThreads.Turn other = threads.newTurn("shop/cart");
    other.execute(last::countDown);
    await(last);
    while (queued.get() == 0) {
      Thread.onSpinWait();
    }
    assertThat(dropped).hasValue(0);
  }

  /** Makes threads unless {@link #full}, as a host at its limit of processes. */
  private final class Host implements ThreadFactory {
    private final AtomicBoolean full = new AtomicBoolean();
    private final AtomicInteger started = new AtomicInteger();

    @Override
    public Thread newThread(Runnable task) {
      // The pool does not call Thread.start, so that the error is thrown a moment before it.
      if (full.get()) {
        throw new OutOfMemoryError("unable to create native thread");
      }
      started.incrementAndGet();
      Thread thread = new Thread(task);
      thread.setDaemon(true);
      return thread;
    }

    WorkloadThreads threads(Duration idle) {
      return new WorkloadThreads(2, timer, this, idle);
    }
  }

  @Test
  void aTurnGoesOnAfterAThreadThatCouldNotBeStarted() {
    Host host = new Host();
    try (WorkloadThreads few = host.threads(Duration.ofMinutes(1))) {
      WorkloadThreads.Turn turn = few.newTurn("shop/web");
      CountDownLatch ran = new CountDownLatch(2);
      host.full.set(true);
      turn.execute(ran::countDown);
      turn.execute(ran::countDown);
      assertThat(ran.getCount()).isEqualTo(2);
      host.full.set(false);
      // Without another task of this turn, or of others.
      await(ran);
    }
  }

  @Test
  void whereNoThreadCanBeStartedWorkIsDoneByThoseThatThereAre() {
    Host host = new Host();
    try (WorkloadThreads few = host.threads(Duration.ofMinutes(1))) {
      CountDownLatch first = new CountDownLatch(1);
      few.newTurn("shop/web").execute(first::countDown);
      await(first);
      host.full.set(true);
      CountDownLatch others = new CountDownLatch(10);
      for (int i = 0; i < 10; i++) {
        few.newTurn("shop/w" + i).execute(others::countDown);
      }
      await(others);
      assertThat(host.started).hasValue(1);
    }
  }

  @Test
  void aThreadInPlaceOfOneThatHangsIsStartedOnceThatIsPossible() {
    Host host = new Host();
    try (WorkloadThreads few = host.threads(Duration.ofMinutes(1))) {
      CountDownLatch begun = new CountDownLatch(2);
      for (int i = 0; i < 2; i++) {
        few.newTurn("shop/hangs-" + i)
            .execute(
                () -> {
                  begun.countDown();
                  await(release);
                });
      }
      await(begun);
      host.full.set(true);
      CountDownLatch ran = new CountDownLatch(1);
      few.newTurn("shop/web").execute(ran::countDown);
      // Both looks at what hangs are over, and have failed to start a thread.
      awaitFailures(few);
      host.full.set(false);
      await(ran);
    }
  }

  private static void awaitFailures(WorkloadThreads few) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (few.hanging() < 2) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  @Test
  void threadsThatAreNeededAgainStay() {
    Host host = new Host();
    try (WorkloadThreads few = host.threads(Duration.ofNanos(1))) {
      WorkloadThreads.Turn turn = few.newTurn("shop/web");
      for (int i = 0; i < 1_000; i++) {
        CountDownLatch ran = new CountDownLatch(1);
        turn.execute(ran::countDown);
        await(ran);
      }
      assertThat(host.started).hasValueLessThanOrEqualTo(2);
    }
  }
}
