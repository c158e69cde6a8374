package io.signetmesh.proxy.netns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.epoll.Epoll;
import io.signetmesh.proxy.linux.LinuxException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What fails in the kernel, with calls that fail when they are told to. */
@Timeout(60)
final class NamespaceThreadTest {
  private static final int HOME = -100;

  private final List<String> done = Collections.synchronizedList(new ArrayList<>());
  private final AtomicInteger sockets = new AtomicInteger(1_000_000);
  private volatile boolean cannotEnter;
  private volatile boolean cannotReturn;
  private volatile boolean noSocket;
  private final AtomicLong nanos = new AtomicLong();
  private final Semaphore entries = new Semaphore(1_000);

  private final NamespaceThread thread =
      new NamespaceThread(
          new NamespaceThread.Calls() {
            @Override
            public int home() {
              done.add(Thread.currentThread().threadId() + " home");
              return HOME;
            }

            @Override
            public void enter(int namespace) throws IOException {
              if (namespace == HOME ? cannotReturn : cannotEnter) {
                throw new LinuxException("setns(2)", 1, "Operation not permitted");
              }
              if (namespace != HOME) {
                entries.acquireUninterruptibly();
              }
              done.add(Thread.currentThread().threadId() + (namespace == HOME ? " back" : " in"));
            }

            @Override
            public int socket(boolean ipv6, int mark) throws IOException {
              if (noSocket) {
                throw new LinuxException("socket(2)", 24, "Too many open files");
              }
              done.add(Thread.currentThread().threadId() + " socket");
              return sockets.incrementAndGet();
            }

            @Override
            public void close(int descriptor) {
              done.add("closed " + descriptor);
            }
          },
          nanos::get);

  @BeforeAll
  static void loadNetty() {
    Epoll.ensureAvailability();
  }

  @AfterEach
  void close() {
    thread.close();
  }

  private NetworkNamespace namespace() throws IOException {
    return namespace("shop/web");
  }

  private NetworkNamespace namespace(String owner) throws IOException {
    return NetworkNamespace.open(thread, owner, Path.of("/proc/self/ns/net"), 0);
  }

  /** Has the thread be in a namespace until {@code entries} are released. */
  private CompletableFuture<?> hold(NetworkNamespace namespace) {
    entries.drainPermits();
    CompletableFuture<?> held = namespace.sockets(1, false);
    while (!entries.hasQueuedThreads()) {
      Thread.onSpinWait();
    }
    return held;
  }

  @Test
  void aWorkloadThatWantsManySocketsDelaysAnotherByOneRequest() throws Exception {
    try (NetworkNamespace flood = namespace("shop/flood");
        NetworkNamespace other = namespace("shop/other")) {
      List<String> served = Collections.synchronizedList(new ArrayList<>());
      List<CompletableFuture<?>> all = new ArrayList<>();
      all.add(hold(flood));
      for (int i = 0; i < 20; i++) {
        all.add(flood.sockets(1, false).thenRun(() -> served.add("flood")));
      }
      all.add(other.sockets(1, false).thenRun(() -> served.add("other")));
      entries.release(1_000);
      for (CompletableFuture<?> each : all) {
        each.get(10, TimeUnit.SECONDS);
      }
      assertThat(served.indexOf("other")).isBetween(0, 1);
    }
  }

  @Test
  void whatOneWorkloadMayHaveWaitIsBoundedAndLeavesTheOthersTheirs() throws Exception {
    try (NetworkNamespace flood = namespace("shop/flood");
        NetworkNamespace other = namespace("shop/other")) {
      List<CompletableFuture<?>> waiting = new ArrayList<>();
      waiting.add(hold(flood));
      for (int i = 0; i < NamespaceThread.MAX_WAITING; i++) {
        waiting.add(flood.sockets(1, false));
      }
      assertThat(failure(flood.sockets(1, false)))
          .hasMessageMatching("no socket in net:\\[\\d+] of shop/flood: 64 requests wait already");
      waiting.add(other.sockets(1, false));
      entries.release(1_000);
      for (CompletableFuture<?> each : waiting) {
        each.get(10, TimeUnit.SECONDS);
      }
    }
  }

  @Test
  void nobodyWaitsForLongForAThreadThatIsStuckElsewhere() throws Exception {
    try (NetworkNamespace stuck = namespace("shop/stuck");
        NetworkNamespace other = namespace("shop/other")) {
      final CompletableFuture<?> first = hold(stuck);
      CompletableFuture<?> late = other.sockets(1, false);
      nanos.addAndGet(NetworkNamespace.WAIT.toNanos() + 1);
      CompletableFuture<?> inTime = other.sockets(1, false);
      thread.expire();
      assertThat(failure(late))
          .hasMessageMatching("no socket in net:\\[\\d+] of shop/other within PT5S");
      assertThat(inTime).isNotDone();
      entries.release(1_000);
      inTime.get(10, TimeUnit.SECONDS);
      first.get(10, TimeUnit.SECONDS);
    }
  }

  private static Throwable failure(Future<?> future) {
    try {
      future.get(10, TimeUnit.SECONDS);
      throw new AssertionError("it did not fail");
    } catch (ExecutionException e) {
      return e.getCause() == null ? e : e.getCause();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aThreadThatCannotReturnEndsAndAnotherOneServes() throws Exception {
    try (NetworkNamespace namespace = namespace()) {
      cannotReturn = true;
      AtomicLong teller = new AtomicLong();
      CompletableFuture<?> lost =
          namespace
              .sockets(2, false)
              .whenComplete((made, failure) -> teller.set(Thread.currentThread().threadId()));
      String in = awaitDone(" in");
      awaitDone("closed 1000002");
      // Nobody else need ask for anything.
      assertThat(failure(lost))
          .hasMessageMatching(
              "network namespace net:\\[\\d+] of shop/web cannot be left, the thread ends:"
                  + " setns\\(2\\): errno 1, Operation not permitted");
      String first = in.substring(0, in.indexOf(' '));
      assertThat(teller.get()).isNotEqualTo(Long.parseLong(first));
      cannotReturn = false;
      assertThat(namespace.awaitSockets(1, false)).hasSize(1);
      List<String> after = done.subList(done.indexOf("closed 1000002") + 1, done.size());
      assertThat(after).noneMatch(each -> each.startsWith(first + " "));
      assertThat(after).anyMatch(each -> each.endsWith(" back"));
    }
  }

  private String awaitDone(String end) {
    while (true) {
      synchronized (done) {
        for (String each : done) {
          if (each.endsWith(end)) {
            return each;
          }
        }
      }
      Thread.onSpinWait();
    }
  }

  @Test
  void aNamespaceThatCannotBeEnteredIsNamedAndTheThreadGoesOn() throws Exception {
    try (NetworkNamespace namespace = namespace()) {
      cannotEnter = true;
      assertThatThrownBy(() -> namespace.awaitSockets(1, false))
          .hasMessageMatching(
              "network namespace net:\\[\\d+] of shop/web cannot be entered: setns\\(2\\): errno 1,"
                  + " Operation not permitted");
      cannotEnter = false;
      assertThat(namespace.awaitSockets(1, false)).hasSize(1);
      assertThat(done.stream().filter(each -> each.endsWith("home"))).hasSize(1);
    }
  }

  @Test
  void whenNoSocketCanBeHadTheThreadIsBackAndWhoeverWaitsInTheStockFails() throws Exception {
    try (NetworkNamespace namespace = namespace();
        SocketStock stock = new SocketStock(namespace)) {
      noSocket = true;
      assertThat(failure(stock.take(false)))
          .hasMessageContaining("has no socket: socket(2): errno 24, Too many open files");
      assertThat(done.getLast()).endsWith(" back");
      noSocket = false;
      assertThat(stock.take(false).get(10, TimeUnit.SECONDS).intValue()).isPositive();
    }
  }

  @Test
  void afterTheEndNobodyWaits() throws Exception {
    try (NetworkNamespace namespace = namespace()) {
      thread.close();
      assertThatThrownBy(() -> namespace.awaitSockets(1, false))
          .hasMessageContaining("the process ends");
    }
  }
}
