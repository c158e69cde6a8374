package io.signetmesh.proxy.token;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TokenWorkersTest {
  private final AtomicLong nanos = new AtomicLong();
  private final TokenWorkers workers = new TokenWorkers(1, nanos::get);
  private final List<String> done = new CopyOnWriteArrayList<>();
  private final List<String> givenUp = new CopyOnWriteArrayList<>();
  private final CountDownLatch open = new CountDownLatch(1);

  @AfterEach
  void stop() {
    open.countDown();
    workers.close();
  }

  private TokenWorkers.Work work(String name) {
    return new TokenWorkers.Work() {
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
  private void occupy(TokenWorkers.Lane lane) throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    lane.submit(
        "test",
        0,
        new TokenWorkers.Work() {
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

  private void finish(TokenWorkers.Lane lane) throws InterruptedException {
    CountDownLatch last = new CountDownLatch(1);
    open.countDown();
    // Of a client of its own: it comes after all that waits.
    lane.submit(
        "last",
        0,
        new TokenWorkers.Work() {
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
        new TokenWorkers.Work() {
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
    try (TokenWorkers.Lane one = workers.lane();
        TokenWorkers.Lane other = workers.lane()) {
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
    try (TokenWorkers.Lane lane = workers.lane()) {
      occupy(lane);
      int share = TokenWorkers.LANE_ITEMS / TokenWorkers.SHARE;
      for (int i = 0; i < share; i++) {
        assertThat(lane.submit("eve", 1, work("eve"))).isTrue();
      }
      assertThat(lane.submit("eve", 1, work("eve"))).isFalse();
      assertThat(lane.submit("alice", 1, work("alice"))).isTrue();
      int bytes = (int) (TokenWorkers.LANE_BYTES / TokenWorkers.SHARE);
      assertThat(lane.submit("bob", bytes + 1, work("bob"))).isFalse();
      assertThat(lane.submit("bob", bytes, work("bob"))).isTrue();
    }
    assertThat(givenUp).hasSize(TokenWorkers.LANE_ITEMS / TokenWorkers.SHARE + 2);
  }

  @Test
  void whatHasWaitedTooLongIsGivenUp() throws Exception {
    try (TokenWorkers.Lane lane = workers.lane()) {
      occupy(lane);
      lane.submit("alice", 1, work("late"));
      nanos.addAndGet(TokenWorkers.MAX_WAIT.toNanos() + 1);
      lane.submit("alice", 1, work("fresh"));
      finish(lane);
      assertThat(givenUp).containsExactly("late");
      assertThat(done).containsExactly("fresh");
    }
  }

  @Test
  void workThatFailsIsGivenUpAndTheNextIsDone() throws Exception {
    try (TokenWorkers.Lane lane = workers.lane()) {
      occupy(lane);
      lane.submit(
          "alice",
          1,
          new TokenWorkers.Work() {
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
    TokenWorkers.Lane other = workers.lane();
    TokenWorkers.Lane lane = workers.lane();
    occupy(other);
    lane.submit("alice", 1, work("waits"));
    lane.close();
    assertThat(givenUp).containsExactly("waits");
    assertThat(lane.submit("alice", 1, work("late"))).isFalse();
    other.submit("bob", 1, work("other"));
    finish(other);
    assertThat(done).containsExactly("other");
  }
}
