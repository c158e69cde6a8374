package io.signetmesh.proxy.policy;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.proxy.authorize.PolicyBundles;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has the messages of one port compiled. A policy bundle that is new takes up to seconds, so
 * bundles are compiled on a thread that carries no control traffic, where ports take turns. A
 * message that needs no new bundle comes into force at once, before older ones that wait for
 * theirs. Of those that wait only the newest counts.
 *
 * <p>No bundle keeps a change from coming into force: after {@link #MOST_WAIT} the newest message
 * does, without the bundles that are not ready, and again when they are. A message with bundles
 * that were refused for lack of memory is compiled again after a while, less and less often. Safe
 * for use by several threads.
 */
final class Compilations {
  /** Longest time that a port waits for bundles. */
  static final Duration MOST_WAIT = Duration.ofSeconds(10);

  /** Time until bundles that were refused for lack of memory are tried again; doubled each time. */
  static final Duration FIRST_RETRY = Duration.ofSeconds(70);

  /** Doublings of that time, to about an hour. */
  private static final int MOST_DOUBLINGS = 6;

  private static final Logger log = LoggerFactory.getLogger(Compilations.class);
  private static final int IDLE_SECONDS = 30;

  /** Compiling needs more than the threads of small processes have. */
  private static final long STACK_BYTES = 1 << 20;

  private final Executor thread;
  private final ScheduledExecutorService scheduler;
  private final Port port;

  // Guarded by this.
  private boolean compiling;
  private @Nullable Waiting newest;
  private @Nullable ScheduledFuture<?> deadline;
  private int deadlines;
  private @Nullable ScheduledFuture<?> retry;
  private int retries;
  private boolean closed;

  /** A message that waits for its bundles. Each is equal to itself only. */
  private static final class Waiting {
    final Server message;
    final PolicyBundles bundles;

    Waiting(Server message, PolicyBundles bundles) {
      this.message = message;
      this.bundles = bundles;
    }
  }

  /** The port whose messages these are. Calls come one at a time, in the order of messages. */
  interface Port {
    /** The bundles of a message. */
    PolicyBundles bundles(Server message);

    /** Puts a message in force, with those bundles that are ready. */
    void install(Server message, PolicyBundles bundles);

    /** Puts a policy in force that refuses everything, since the message cannot be compiled. */
    void refuse(Server message, Throwable why);
  }

  /**
   * @param thread compiles bundles, one after the other
   * @param scheduler keeps the deadline; never blocked
   */
  Compilations(Executor thread, ScheduledExecutorService scheduler, Port port) {
    this.thread = thread;
    this.scheduler = scheduler;
    this.port = port;
  }

  /** One thread, which is made when it is needed and ends when it is not. */
  static Executor thread() {
    ThreadPoolExecutor thread =
        new ThreadPoolExecutor(
            1,
            1,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            // One entry for each port at most.
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform()
                .daemon()
                .stackSize(STACK_BYTES)
                .name("policy-bundles-", 0)
                .factory());
    thread.allowCoreThreadTimeOut(true);
    return thread;
  }

  /** A message has come. */
  synchronized void received(Server message) {
    retries = 0;
    take(message);
  }

  private void take(Server message) {
    endRetry();
    PolicyBundles bundles;
    try {
      bundles = port.bundles(message);
    } catch (RuntimeException | Error e) {
      newest = null;
      inForce();
      refuse(message, e);
      return;
    }
    if (bundles.areReady()) {
      newest = null;
      inForce();
      install(message, bundles);
      return;
    }
    newest = new Waiting(message, bundles);
    if (deadline == null) {
      int number = ++deadlines;
      deadline =
          scheduler.schedule(() -> late(number), MOST_WAIT.toMillis(), TimeUnit.MILLISECONDS);
    }
    if (!compiling) {
      compiling = true;
      thread.execute(this::compileOne);
    }
  }

  /** Nothing waits any more to come into force. */
  private void inForce() {
    if (deadline != null) {
      deadline.cancel(false);
      deadline = null;
    }
  }

  /** The port is watched no more: nothing is tried again. */
  synchronized void close() {
    closed = true;
    endRetry();
  }

  private synchronized @Nullable Waiting newest() {
    compiling = newest != null;
    return newest;
  }

  private void compileOne() {
    Waiting waiting = newest();
    if (waiting == null) {
      return;
    }
    waiting.bundles.compileNext();
    synchronized (this) {
      if (waiting == newest && waiting.bundles.areReady()) {
        newest = null;
        inForce();
        install(waiting.message, waiting.bundles);
      }
      compiling = newest != null;
      if (compiling) {
        // Behind those of other ports.
        thread.execute(this::compileOne);
      }
    }
  }

  private synchronized void late(int number) {
    Waiting waiting = newest;
    if (deadline != null && number == deadlines && waiting != null) {
      deadline = null;
      log.warn(
          "policy of generation {} comes into force without policy bundles that took more than {}"
              + " to compile: they are unavailable until then",
          waiting.message.getSignetGeneration(),
          MOST_WAIT);
      install(waiting.message, waiting.bundles);
    }
  }

  private void endRetry() {
    if (retry != null) {
      retry.cancel(false);
      retry = null;
    }
  }

  private void retryLater(Server message) {
    long millis = FIRST_RETRY.toMillis() << Math.min(retries, MOST_DOUBLINGS);
    ScheduledFuture<?>[] mine = new ScheduledFuture<?>[1];
    mine[0] = scheduler.schedule(() -> tryAgain(message, mine), millis, TimeUnit.MILLISECONDS);
    retry = mine[0];
  }

  private synchronized void tryAgain(Server message, ScheduledFuture<?>[] due) {
    if (retry != null && retry == due[0]) {
      retries++;
      take(message);
    }
  }

  private void install(Server message, PolicyBundles bundles) {
    if (!closed && bundles.areReady() && bundles.areToBeTriedAgain()) {
      retryLater(message);
    }
    try {
      port.install(message, bundles);
    } catch (RuntimeException | Error e) {
      refuse(message, e);
    }
  }

  private void refuse(Server message, Throwable why) {
    log.error(
        "policy of generation {} was not compiled, everything is refused",
        message.getSignetGeneration(),
        why);
    try {
      port.refuse(message, why);
    } catch (RuntimeException | Error e) {
      log.error("not everybody was told that everything is refused", e);
    }
  }
}
