package io.signetmesh.proxy.node;

import io.signetmesh.proxy.Proxy;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.node.WorkloadStatus.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A workload of {@link NodeWorkloads} and its proxies. Who starts, replaces or ends proxies holds
 * {@link #work}, which may take long. What the workload has, and how it fares, is guarded by the
 * entry itself: that takes no time, so whoever asks for all workloads waits for none.
 */
final class WorkloadEntry {
  private static final Duration FIRST_PAUSE = Duration.ofMillis(250);
  private static final Duration LAST_PAUSE = Duration.ofSeconds(16);

  /** Held while proxies are started and ended. Never taken by who holds the entry itself. */
  final ReentrantLock work = new ReentrantLock();

  private LocalWorkload workload;
  private @Nullable Proxy proxy;

  /** The proxy that serves until the other one does. */
  private @Nullable Proxy before;

  /** The proxy that is about to be withdrawn: that it ends is no news. */
  private @Nullable Proxy leaving;

  private @Nullable Set<Integer> ports;

  /** Why it has no proxy, or an outdated one; null when there is no problem. */
  private @Nullable String fault;

  private boolean ready;

  /** Whether it was removed. */
  private boolean gone;

  /** Proxies of it that drain after its removal, or in another network than its own. */
  private int draining;

  /** Counts what was done, so that what was planned before is not done any more. */
  private long turn;

  /** Before the next try to start a proxy. */
  private Duration pause = FIRST_PAUSE;

  /** When to try again: after a pause, unless something else is done before. */
  record Retry(long turn, Duration pause) {}

  WorkloadEntry(LocalWorkload workload) {
    this.workload = workload;
  }

  synchronized LocalWorkload workload() {
    return workload;
  }

  synchronized @Nullable Proxy proxy() {
    return proxy;
  }

  synchronized @Nullable String fault() {
    return fault;
  }

  synchronized boolean isGone() {
    return gone;
  }

  /** Whether it has a proxy that is as it should be. */
  synchronized boolean isServed() {
    return proxy != null && fault == null;
  }

  /** Whether another proxy can take over without an interruption. With {@link #work} held. */
  boolean isReplaceable() {
    Proxy now;
    Proxy serving;
    synchronized (this) {
      now = proxy;
      serving = before;
    }
    return (now != null && now.canBeReplaced()) || (serving != null && serving.canBeReplaced());
  }

  /** Its source describes it in another way now. */
  synchronized void becomes(LocalWorkload next) {
    workload = next;
  }

  /** Takes its proxies away, for them to be ended. */
  synchronized List<Proxy> take(boolean drains) {
    List<Proxy> taken = new ArrayList<>(2);
    if (proxy != null) {
      taken.add(proxy);
    }
    if (before != null) {
      taken.add(before);
    }
    proxy = null;
    before = null;
    ready = false;
    draining += drains ? taken.size() : 0;
    return taken;
  }

  /** A proxy that drained has ended. */
  synchronized void drained() {
    draining--;
  }

  /** Whether it was removed, and the last of its proxies has ended. */
  synchronized boolean hasEnded() {
    return gone && draining == 0;
  }

  /**
   * Notes that it is removed, and takes its proxies away.
   *
   * @return null when it was removed before
   */
  synchronized @Nullable List<Proxy> goes(boolean drains) {
    if (gone) {
      return null;
    }
    gone = true;
    turn++;
    return take(drains);
  }

  /** Nothing more is to be done for it: the process ends. Its proxies are ended with all others. */
  synchronized void ends() {
    gone = true;
    turn++;
  }

  /** What was planned is not to be done any more: a proxy is started now. */
  synchronized void begins() {
    turn++;
  }

  /**
   * Makes room for a new proxy. With {@link #work} held.
   *
   * @return the proxy that serves until the new one does; null: there is none
   */
  @Nullable Proxy makeRoom() {
    Proxy last;
    synchronized (this) {
      last = proxy;
      leaving = last;
    }
    if (last == null) {
      return null;
    }
    boolean withdrawn = last.withdraw();
    boolean stays = !withdrawn && last.canBeReplaced();
    synchronized (this) {
      leaving = null;
      if (!stays && proxy == last) {
        // One that does not serve yet: the one before does, if there is one.
        proxy = withdrawn ? before : null;
        before = null;
      }
    }
    if (!withdrawn && !stays) {
      last.close();
    }
    return proxy();
  }

  /** A new proxy has been started. */
  synchronized void started(Proxy next, @Nullable Proxy serving, ProxyConfig config) {
    turn++;
    proxy = next;
    before = serving;
    ready = false;
    fault = null;
    ports = new HashSet<>(config.inboundPorts());
    ports.add(next.admin().getPort());
    for (ProxyConfig.InboundListener listener : config.inboundListeners()) {
      ports.add(listener.port());
    }
  }

  synchronized void failed(String reason) {
    fault = reason;
  }

  /**
   * Notes that a proxy takes connections: the one before it ends by itself.
   *
   * @return the ports that lack a policy, when it is news that there are none; null when nothing is
   *     to be said
   */
  synchronized @Nullable Set<Integer> serves(Proxy running) {
    if (proxy != running) {
      return null;
    }
    before = null;
    pause = FIRST_PAUSE;
    if (fault != null || ready) {
      return null;
    }
    Set<Integer> missing = missing(running);
    ready = missing.isEmpty();
    return missing;
  }

  /**
   * Notes that a proxy has ended by itself.
   *
   * @return why there is none now; null when it is not the proxy of the workload any more
   */
  synchronized @Nullable String ended(Proxy last, @Nullable Throwable failure) {
    if (gone || proxy != last || leaving == last) {
      return null;
    }
    ready = false;
    if (failure == null) {
      proxy = null;
      fault = "proxy of " + workload.name() + " was asked to end";
    } else {
      fault = "proxy of " + workload.name() + " has failed: " + failure.getMessage();
    }
    return fault;
  }

  /** Plans another try; each comes later than the one before. */
  synchronized Retry retry() {
    Duration now = pause;
    pause = now.compareTo(LAST_PAUSE) < 0 ? now.multipliedBy(2) : LAST_PAUSE;
    return new Retry(turn, now);
  }

  /** Whether nothing was done since a try was planned. */
  synchronized boolean isAt(long planned) {
    return !gone && turn == planned;
  }

  /** The next try is the first one. */
  synchronized void startsAnew() {
    pause = FIRST_PAUSE;
  }

  /** Ports whose policy is not in force yet. */
  private Set<Integer> missing(Proxy running) {
    Set<Integer> missing = new HashSet<>(ports == null ? Set.of() : ports);
    missing.removeAll(running.policies().keySet());
    return missing;
  }

  /** What a proxy waits for, in words for people. */
  private String waiting(Proxy running) {
    return running.ready().isDone()
        ? "no policy yet for ports " + missing(running)
        : "no certificate yet, or no policy";
  }

  /** How it fares. */
  synchronized WorkloadStatus status() {
    String name = workload.name();
    Proxy running = proxy;
    if (gone) {
      return new WorkloadStatus(name, State.DRAINING, "it was removed");
    } else if (fault != null) {
      return new WorkloadStatus(name, State.FAILED, fault);
    } else if (ready) {
      return new WorkloadStatus(name, State.READY, "");
    } else {
      return new WorkloadStatus(
          name, State.WAITING, running == null ? "it has not started" : waiting(running));
    }
  }
}
