package io.signetmesh.proxy.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FairWorkersTest {
  private final AtomicLong nanos = new AtomicLong();
  private final FairWorkers workers = new FairWorkers("test", 1, 1, 0, nanos::get);
  private final List<String> done = new CopyOnWriteArrayList<>();
  private final List<String> givenUp = new CopyOnWriteArrayList<>();
  private final CountDownLatch open = new CountDownLatch(1);

  @AfterEach
  void stop() {
    open.countDown();
    workers.close();
  }

  private FairWorkers.Work work(String name) {
    return new FairWorkers.Work() {
      @Override
      public void run() {
        done.add(name);
      }

      @Override
      public void giveUp() {
        givenUp.add(name);
      }
    };
  }

  /** Keeps the only thread until the test lets go. */
  private void occupy(FairWorkers.Lane lane) throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    lane.submit(
        "test",
        0,
        new FairWorkers.Work() {
          @Override
          public void run() {
            begun.countDown();
            try {
              open.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          }

          @Override
          public void giveUp() {}
        });
    assertThat(begun.await(10, TimeUnit.SECONDS)).isTrue();
  }

  private void finish(FairWorkers.Lane lane) throws InterruptedException {
    CountDownLatch last = new CountDownLatch(1);
    open.countDown();
    // Of a client of its own: it comes after all that waits.
    lane.submit(
        "last",
        0,
        new FairWorkers.Work() {
          @Override
          public void run() {
            last.countDown();
          }

          @Override
          public void giveUp() {
            last.countDown();
          }
        });
    assertThat(last.await(10, TimeUnit.SECONDS)).isTrue();
    while (lane.waiting() > 0) {
      Thread.onSpinWait();
    }
    CountDownLatch idle = new CountDownLatch(1);
    lane.submit(
        "idle",
        0,
        new FairWorkers.Work() {
          @Override
          public void run() {
            idle.countDown();
          }

          @Override
          public void giveUp() {}
        });
    assertThat(idle.await(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void proxiesTakeTurnsAndWithinThemClients() throws Exception {
    try (FairWorkers.Lane one = workers.lane();
        FairWorkers.Lane other = workers.lane()) {
      occupy(one);
      for (int i = 0; i < 4; i++) {
        assertThat(one.submit("eve", 10, work("one/eve" + i))).isTrue();
      }
      one.submit("alice", 10, work("one/alice"));
      other.submit("bob", 10, work("other/bob"));
      finish(one);
      List<String> order = new ArrayList<>(done);
      assertThat(order.indexOf("other/bob")).isLessThanOrEqualTo(1);
      assertThat(order.indexOf("one/alice")).isLessThan(order.indexOf("one/eve1"));
      assertThat(order.indexOf("one/eve0")).isLessThan(order.indexOf("one/eve1"));
      assertThat(order).hasSize(6);
      assertThat(givenUp).isEmpty();
    }
  }

  @Test
  void aClientHasAShareOfWhatMayWait() throws Exception {
    try (FairWorkers.Lane lane = workers.lane()) {
      occupy(lane);
      int share = FairWorkers.LANE_ITEMS / FairWorkers.SHARE;
      for (int i = 0; i < share; i++) {
        assertThat(lane.submit("eve", 1, work("eve"))).isTrue();
      }
      assertThat(lane.submit("eve", 1, work("eve"))).isFalse();
      assertThat(lane.submit("alice", 1, work("alice"))).isTrue();
      int bytes = (int) (FairWorkers.LANE_BYTES / FairWorkers.SHARE);
      assertThat(lane.submit("bob", bytes + 1, work("bob"))).isFalse();
      assertThat(lane.submit("bob", bytes, work("bob"))).isTrue();
    }
    assertThat(givenUp).hasSize(FairWorkers.LANE_ITEMS / FairWorkers.SHARE + 2);
  }

  @Test
  void whatHasWaitedTooLongIsGivenUp() throws Exception {
    try (FairWorkers.Lane lane = workers.lane()) {
      occupy(lane);
      lane.submit("alice", 1, work("late"));
      nanos.addAndGet(FairWorkers.MAX_WAIT.toNanos() + 1);
      lane.submit("alice", 1, work("fresh"));
      finish(lane);
      assertThat(givenUp).containsExactly("late");
      assertThat(done).containsExactly("fresh");
    }
  }

  @Test
  void workThatFailsIsGivenUpAndTheNextIsDone() throws Exception {
    try (FairWorkers.Lane lane = workers.lane()) {
      occupy(lane);
      lane.submit(
          "alice",
          1,
          new FairWorkers.Work() {
            @Override
            public void run() {
              throw new IllegalStateException("for the test");
            }

            @Override
            public void giveUp() {
              givenUp.add("failed");
            }
          });
      lane.submit("alice", 1, work("next"));
      finish(lane);
      assertThat(givenUp).containsExactly("failed");
      assertThat(done).containsExactly("next");
    }
  }

  @Test
  void aClosedLaneTakesNothingAndGivesUpWhatWaits() throws Exception {
    FairWorkers.Lane other = workers.lane();
    FairWorkers.Lane lane = workers.lane();
    occupy(other);
    lane.submit("alice", 1, work("waits"));
    lane.close();
    assertThat(givenUp).containsExactly("waits");
    assertThat(lane.submit("alice", 1, work("late"))).isFalse();
    other.submit("bob", 1, work("other"));
    finish(other);
    assertThat(done).containsExactly("other");
  }

  @Test
  void whatHasWaitedTooLongIsGivenUpBeforeItsTurnComes() throws Exception {
    try (FairWorkers.Lane lane = workers.lane();
        FairWorkers.Lane other = workers.lane()) {
      occupy(lane);
      lane.submit("alice", 1, work("first"));
      lane.submit("alice", 1, work("second"));
      other.submit("bob", 1, work("third"));
      nanos.addAndGet(FairWorkers.MAX_WAIT.toNanos() + 1);
      // No thread is free: whoever brings more sees to it.
      other.submit("bob", 1, work("fresh"));
      assertThat(givenUp).containsExactly("first", "second", "third");
      finish(lane);
      assertThat(done).containsExactly("fresh");
    }
  }

  @Test
  void aFullLaneTakesTheNewestFromWhoeverHasMost() throws Exception {
    try (FairWorkers.Lane lane = workers.lane()) {
      occupy(lane);
      int share = FairWorkers.LANE_ITEMS / FairWorkers.SHARE;
      for (int client = 0; client < FairWorkers.SHARE; client++) {
        int less = client == 3 ? 0 : 1;
        for (int i = 0; i < share - less; i++) {
          assertThat(lane.submit("eve" + client, 1, work("eve" + client + "/" + i))).isTrue();
        }
      }
      for (int i = 1; i < FairWorkers.SHARE; i++) {
        assertThat(lane.submit("carol" + i, 1, work("carol" + i))).isTrue();
      }
      assertThat(lane.waiting()).isEqualTo(FairWorkers.LANE_ITEMS);
      assertThat(givenUp).isEmpty();
      assertThat(lane.submit("alice", 1, work("alice"))).isTrue();
      assertThat(givenUp).containsExactly("eve3/" + (share - 1));
      assertThat(lane.waiting()).isEqualTo(FairWorkers.LANE_ITEMS);
      // Of those who have most nobody makes room for another of them.
      assertThat(lane.submit("eve3", 1, work("more"))).isFalse();
      finish(lane);
      assertThat(done).contains("alice").doesNotContain("more");
    }
  }

  @Test
  void aFullLaneOfBytesTakesAsMuchAsTheNewcomerNeeds() throws Exception {
    try (FairWorkers.Lane lane = workers.lane()) {
      occupy(lane);
      int share = (int) (FairWorkers.LANE_BYTES / FairWorkers.SHARE);
      for (int client = 0; client < FairWorkers.SHARE; client++) {
        for (int i = 0; i < 4; i++) {
          lane.submit("eve" + client, share / 4, work("eve" + client + "/" + i));
        }
      }
      assertThat(lane.submit("alice", share / 2, work("alice"))).isTrue();
      assertThat(givenUp).hasSize(2).allMatch(name -> name.endsWith("/3"));
      assertThat(lane.submit("bob", share, work("bob"))).isFalse();
    }
  }

  @Test
  void roomIsMadeWithoutMoreCallsThanWork() throws Exception {
    try (FairWorkers.Lane lane = workers.lane()) {
      occupy(lane);
      int share = FairWorkers.LANE_ITEMS / FairWorkers.SHARE;
      for (int client = 0; client < FairWorkers.SHARE; client++) {
        for (int i = 0; i < share; i++) {
          lane.submit("eve" + client, 1, work("eve"));
        }
      }
      for (int i = 0; i < 1_000; i++) {
        assertThat(lane.submit("alice" + i, 1, work("alice"))).isTrue();
      }
      assertThat(workers.calls()).isLessThanOrEqualTo(FairWorkers.LANE_ITEMS);
      finish(lane);
      // The work that ends the test may have needed room, too.
      assertThat(done).hasSizeBetween(FairWorkers.LANE_ITEMS - 1, FairWorkers.LANE_ITEMS);
    }
  }

  /** Work that takes time. */
  private FairWorkers.Work slow(String name, long millis) {
    return new FairWorkers.Work() {
      @Override
      public void run() {
        nanos.addAndGet(TimeUnit.MILLISECONDS.toNanos(millis));
        done.add(name);
      }

      @Override
      public void giveUp() {
        givenUp.add(name);
      }
    };
  }

  @Test
  void whatIsSharedIsTimeAndNotTurns() throws Exception {
    try (FairWorkers.Lane holder = workers.lane();
        FairWorkers.Lane slow = workers.lane();
        FairWorkers.Lane fast = workers.lane()) {
      occupy(holder);
      for (int i = 0; i < 3; i++) {
        slow.submit("eve" + i, 1, slow("slow", 1_000));
      }
      for (int i = 0; i < 100; i++) {
        fast.submit("alice", 1, slow("fast", 5));
      }
      finish(fast);
      // Half a second of the one lane, after one turn of the other.
      assertThat(done.subList(0, 101)).containsOnlyOnce("slow");
    }
  }

  @Test
  void clientsOfALaneShareTimeToo() throws Exception {
    try (FairWorkers.Lane lane = workers.lane()) {
      occupy(lane);
      for (int i = 0; i < 3; i++) {
        lane.submit("eve", 1, slow("slow", 1_000));
      }
      for (int i = 0; i < 100; i++) {
        lane.submit("alice", 1, slow("fast", 5));
      }
      finish(lane);
      assertThat(done.subList(0, 101)).containsOnlyOnce("slow");
    }
  }

  @Test
  void aClientThatComesBackHasStillUsedItsTime() throws Exception {
    try (FairWorkers.Lane lane = workers.lane()) {
      CountDownLatch first = new CountDownLatch(1);
      CountDownLatch go = new CountDownLatch(1);
      lane.submit(
          "eve",
          1,
          new FairWorkers.Work() {
            @Override
            public void run() {
              nanos.addAndGet(TimeUnit.SECONDS.toNanos(1));
              first.countDown();
              try {
                go.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            }

            @Override
            public void giveUp() {}
          });
      assertThat(first.await(10, TimeUnit.SECONDS)).isTrue();
      lane.submit("bob", 1, work("bob"));
      lane.submit("eve", 1, work("eve"));
      lane.submit("alice", 1, slow("alice1", 5));
      lane.submit("alice", 1, slow("alice2", 5));
      go.countDown();
      finish(lane);
      assertThat(done).containsExactlyInAnyOrder("bob", "alice1", "alice2", "eve").endsWith("eve");
    }
  }

  @Test
  void aLaneLeavesAThreadToOthers() throws Exception {
    try (FairWorkers two = new FairWorkers("test", 2, 1, 0, nanos::get);
        FairWorkers.Lane slow = two.lane();
        FairWorkers.Lane other = two.lane()) {
      occupy(slow);
      slow.urgent().submit("eve", 1, work("urgent"));
      slow.submit("eve", 1, work("slow"));
      CountDownLatch ran = new CountDownLatch(1);
      other.submit(
          "alice",
          1,
          new FairWorkers.Work() {
            @Override
            public void run() {
              ran.countDown();
            }

            @Override
            public void giveUp() {}
          });
      assertThat(ran.await(10, TimeUnit.SECONDS)).isTrue();
      assertThat(done).isEmpty();
      finish(slow);
      assertThat(done).containsExactly("urgent", "slow");
    }
  }

  @Test
  void whatIsOverIsNotDone() throws Exception {
    try (FairWorkers.Lane lane = workers.lane()) {
      occupy(lane);
      lane.submit(
          "eve",
          1,
          new FairWorkers.Work() {
            @Override
            public void run() {
              done.add("over");
            }

            @Override
            public void giveUp() {
              givenUp.add("over");
            }

            @Override
            public boolean isOver() {
              return true;
            }
          });
      finish(lane);
      assertThat(done).isEmpty();
      assertThat(givenUp).containsExactly("over");
    }
  }

  @Test
  void threadsHaveTheStackThatTheyAreMadeWith() throws Exception {
    try (FairWorkers deep = new FairWorkers("test", 1, 1, 64L << 20, nanos::get);
        FairWorkers.Lane lane = deep.lane()) {
      CountDownLatch ended = new CountDownLatch(1);
      lane.submit(
          "alice",
          1,
          new FairWorkers.Work() {
            @Override
            public void run() {
              done.add("depth " + depth(200_000));
              ended.countDown();
            }

            @Override
            public void giveUp() {
              ended.countDown();
            }
          });
      assertThat(ended.await(10, TimeUnit.SECONDS)).isTrue();
      assertThat(done).containsExactly("depth 200000");
    }
  }

  private static int depth(int left) {
    return left == 0 ? 0 : depth(left - 1) + 1;
  }
}
