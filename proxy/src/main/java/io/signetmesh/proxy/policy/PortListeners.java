package io.signetmesh.proxy.policy;

import io.netty.util.concurrent.EventExecutor;
import io.signetmesh.proxy.authorize.ServerPolicy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The live connections and HTTP connections of one port, which decide again when its policy
 * changes, each on its event loop. Safe from any thread.
 */
final class PortListeners {
  private static final Logger log = LoggerFactory.getLogger(PortListeners.class);

  private final int number;
  private final Set<Listener> listeners = ConcurrentHashMap.newKeySet();

  /** One of them. */
  private static final class Listener {
    private final EventExecutor executor;
    private final PortPolicy.Recheck recheck;
    private volatile boolean closed;

    Listener(EventExecutor executor, PortPolicy.Recheck recheck) {
      this.executor = executor;
      this.recheck = recheck;
    }
  }

  /**
   * @param number of the port
   */
  PortListeners(int number) {
    this.number = number;
  }

  boolean isEmpty() {
    return listeners.isEmpty();
  }

  /** Adds one until the result is closed. */
  PortPolicy.Registration add(EventExecutor executor, PortPolicy.Recheck recheck) {
    Listener listener = new Listener(executor, recheck);
    listeners.add(listener);
    return () -> {
      listener.closed = true;
      listeners.remove(listener);
    };
  }

  /**
   * Has all of them decide again. Those of a loop that has ended are closed with it, and count as
   * done.
   *
   * @param done run after all have, on any thread; not run when one of them failed
   */
  void recheck(ServerPolicy policy, Runnable done) {
    Map<EventExecutor, List<Listener>> byLoop = new HashMap<>();
    for (Listener listener : listeners) {
      byLoop.computeIfAbsent(listener.executor, key -> new ArrayList<>()).add(listener);
    }
    AtomicInteger left = new AtomicInteger(byLoop.size() + 1);
    Runnable one =
        () -> {
          if (left.decrementAndGet() == 0) {
            done.run();
          }
        };
    byLoop.forEach(
        (executor, live) -> {
          try {
            executor.execute(
                () -> {
                  boolean all = true;
                  for (Listener listener : live) {
                    all &= recheck(listener, policy);
                  }
                  if (all) {
                    one.run();
                  }
                });
          } catch (RejectedExecutionException e) {
            log.debug("port {}: the loop of {} connections has ended", number, live.size());
            live.forEach(listeners::remove);
            one.run();
          }
        });
    one.run();
  }

  /** A connection that cannot be looked at must not keep the others from it. */
  private boolean recheck(Listener listener, ServerPolicy policy) {
    if (!listener.closed) {
      try {
        listener.recheck.policyChanged(policy);
      } catch (RuntimeException e) {
        log.error("port {}: a connection was not looked at after a change", number, e);
        return false;
      }
    }
    return true;
  }
}
