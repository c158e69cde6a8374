package io.signetmesh.proxy.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.proxy.authorize.PolicyBundles;
import io.signetmesh.v1.RegoAuthentication;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.Test;

class CompilationsTest {
  private static final long FAILS = 13;

  private final Queue<Runnable> thread = new ArrayDeque<>();
  private final List<String> events = new ArrayList<>();
  private final ManualTimer timer = new ManualTimer();
  private final Compilations compilations = new Compilations(thread::add, timer, new Port());

  private boolean lacksMemory;

  /** Records what comes into force, and how many bundles are missing then. */
  private final class Port implements Compilations.Port {
    @Override
    public PolicyBundles bundles(Server message) {
      return new Bundles(message.getSignetRegoAuthenticationsCount(), lacksMemory);
    }

    @Override
    public void install(Server message, PolicyBundles bundles) {
      if (message.getSignetGeneration() == FAILS) {
        throw new LinkageError("for the test");
      }
      int left = ((Bundles) bundles).left;
      events.add(message.getSignetGeneration() + (left == 0 ? "" : " without " + left));
    }

    @Override
    public void refuse(Server message, Throwable why) {
      events.add(message.getSignetGeneration() + " refuses: " + why.getMessage());
    }
  }

  private static final class Bundles implements PolicyBundles {
    private int left;
    private final boolean lacksMemory;

    Bundles(int left, boolean lacksMemory) {
      this.left = left;
      this.lacksMemory = lacksMemory;
    }

    @Override
    public boolean areToBeTriedAgain() {
      return lacksMemory;
    }

    @Override
    public boolean areReady() {
      return left == 0;
    }

    @Override
    public void compileNext() {
      left--;
    }
  }

  private static Server message(long generation, int bundles) {
    Server.Builder message = Server.newBuilder().setSignetGeneration(generation);
    for (int i = 0; i < bundles; i++) {
      message.addSignetRegoAuthentications(RegoAuthentication.getDefaultInstance());
    }
    return message.build();
  }

  private void pass(Duration time) {
    timer.run(time);
  }

  private void compileAll() {
    while (!thread.isEmpty()) {
      thread.remove().run();
    }
  }

  @Test
  void whatNeedsNoNewBundleIsInForceAtOnce() {
    compilations.received(message(1, 0));
    compilations.received(message(2, 0));
    assertThat(events).containsExactly("1", "2");
    assertThat(thread).isEmpty();
  }

  @Test
  void bundlesAreCompiledElsewhereOneInATurn() {
    compilations.received(message(1, 2));
    assertThat(events).isEmpty();
    assertThat(thread).hasSize(1);
    thread.remove().run();
    assertThat(events).isEmpty();
    assertThat(thread).hasSize(1);
    thread.remove().run();
    assertThat(events).containsExactly("1");
    assertThat(thread).isEmpty();
    pass(Compilations.MOST_WAIT);
    assertThat(events).containsExactly("1");
  }

  @Test
  void aMessageWithoutNewBundlesOvertakesOneThatWaitsForThem() {
    compilations.received(message(1, 2));
    compilations.received(message(2, 0));
    assertThat(events).containsExactly("2");
    compileAll();
    pass(Compilations.MOST_WAIT);
    assertThat(events).containsExactly("2");
  }

  @Test
  void ofThoseThatWaitOnlyTheNewestCounts() {
    compilations.received(message(1, 1));
    compilations.received(message(2, 1));
    compilations.received(message(3, 1));
    compileAll();
    assertThat(events).containsExactly("3");
    compilations.received(message(4, 1));
    compileAll();
    assertThat(events).containsExactly("3", "4");
  }

  @Test
  void aMessageIsInForceInTimeWithoutItsBundlesAndAgainWithThem() {
    compilations.received(message(1, 2));
    thread.remove().run();
    pass(Compilations.MOST_WAIT.minusMillis(1));
    assertThat(events).isEmpty();
    pass(Duration.ofMillis(1));
    assertThat(events).containsExactly("1 without 1");
    compileAll();
    assertThat(events).containsExactly("1 without 1", "1");
  }

  @Test
  void newMessagesDoNotPutTheDeadlineOff() {
    compilations.received(message(1, 9));
    pass(Compilations.MOST_WAIT.minusSeconds(1));
    compilations.received(message(2, 9));
    pass(Duration.ofSeconds(1));
    assertThat(events).containsExactly("2 without 9");
    compilations.received(message(3, 9));
    pass(Compilations.MOST_WAIT);
    assertThat(events).containsExactly("2 without 9", "3 without 9");
  }

  @Test
  void theDeadlineIsThatOfWhatWaitsNow() {
    compilations.received(message(1, 1));
    pass(Compilations.MOST_WAIT.minusSeconds(1));
    compilations.received(message(2, 0));
    compilations.received(message(3, 9));
    pass(Compilations.MOST_WAIT.minusSeconds(1));
    assertThat(events).containsExactly("2");
    pass(Duration.ofSeconds(1));
    assertThat(events).containsExactly("2", "3 without 9");
  }

  @Test
  void whatCannotBeCompiledRefusesEverythingUntilTheNext() {
    compilations.received(message(FAILS, 0));
    compilations.received(message(FAILS, 1));
    compileAll();
    compilations.received(message(14, 1));
    compileAll();
    assertThat(events)
        .containsExactly("13 refuses: for the test", "13 refuses: for the test", "14");
  }

  @Test
  void bundlesThatLackMemoryAreTriedAgainLessAndLessOften() {
    lacksMemory = true;
    compilations.received(message(1, 1));
    compileAll();
    assertThat(events).containsExactly("1");
    for (int i = 0; i < 3; i++) {
      pass(Compilations.FIRST_RETRY.multipliedBy(1L << i).minusMillis(1));
      compileAll();
      assertThat(events).hasSize(1 + i);
      pass(Duration.ofMillis(1));
      compileAll();
      assertThat(events).hasSize(2 + i);
    }
    lacksMemory = false;
    pass(Compilations.FIRST_RETRY.multipliedBy(8));
    compileAll();
    assertThat(events).hasSize(5);
    pass(Duration.ofDays(1));
    assertThat(events).hasSize(5);
    assertThat(thread).isEmpty();
  }

  @Test
  void aNewMessageIsNotFollowedByTheRetryOfAnOlderOne() {
    lacksMemory = true;
    compilations.received(message(1, 1));
    compileAll();
    lacksMemory = false;
    compilations.received(message(2, 1));
    compileAll();
    pass(Duration.ofDays(1));
    compileAll();
    assertThat(events).containsExactly("1", "2");
  }
}
