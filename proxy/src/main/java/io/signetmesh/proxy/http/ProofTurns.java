package io.signetmesh.proxy.http;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The requests in flight on one loop that are decided again and are in doubt: nobody knows yet what
 * they prove. Of one client only some are with the workers at a time. The others wait here, in
 * requests that hold nothing more for that, and take their turns. So a client with many requests is
 * not cut for lack of places, and does not fill them.
 *
 * <p>A request in doubt is cut when none of its client's has been decided for {@link #MAX_SILENCE},
 * and after {@link #MAX_DOUBT} in any case: its right may be gone. Confined to a loop.
 */
final class ProofTurns {
  /** Requests of one client that may be with the workers. */
  static final int PLACES = 32;

  /** Longest time in which no request of a client that is in doubt is decided. */
  static final Duration MAX_SILENCE = Duration.ofSeconds(5);

  /** Longest time for which a request goes on while nobody can tell what it proves. */
  static final Duration MAX_DOUBT = Duration.ofSeconds(10);

  private final EventExecutor loop;
  private final Map<Object, Client> clients = new HashMap<>();

  /** Those of one client. */
  private static final class Client {
    private final Queue<Turn> waiting = new ArrayDeque<>();
    private int turns;
    private int taken;
    private long decidedAt;
  }

  ProofTurns(EventExecutor loop) {
    this.loop = loop;
  }

  /**
   * A request is in doubt from now on.
   *
   * @param key whose request it is
   * @param next run when it is its turn to ask, if it had to wait
   * @param gaveUp run when it has to be cut
   */
  Turn begin(Object key, Runnable next, Runnable gaveUp) {
    Client client = clients.computeIfAbsent(key, _ -> new Client());
    if (client.turns++ == 0) {
      client.decidedAt = now();
    }
    Turn turn = new Turn(key, client, next, gaveUp);
    turn.look();
    return turn;
  }

  private long now() {
    return loop.ticker().nanoTime();
  }

  /** The turn of one request. */
  final class Turn {
    private final Object key;
    private final Client client;
    private final Runnable next;
    private final Runnable gaveUp;
    private final long since = now();
    private @Nullable Future<?> timer;
    private boolean waiting;
    private boolean taken;
    private boolean ended;

    private Turn(Object key, Client client, Runnable next, Runnable gaveUp) {
      this.key = key;
      this.client = client;
      this.next = next;
      this.gaveUp = gaveUp;
    }

    /** Whether the request may ask now; else it is told when it may. */
    boolean take() {
      if (!taken && !waiting) {
        taken = client.taken < PLACES;
        waiting = !taken;
        if (taken) {
          client.taken++;
        } else {
          client.waiting.add(this);
        }
      }
      return taken;
    }

    private void look() {
      long now = now();
      long left =
          Math.min(
              MAX_SILENCE.toNanos() - Math.min(now - client.decidedAt, now - since),
              MAX_DOUBT.toNanos() - (now - since));
      if (left > 0) {
        timer = loop.schedule(this::look, left, TimeUnit.NANOSECONDS);
      } else if (!ended) {
        gaveUp.run();
      }
    }

    /**
     * The request is in doubt no more.
     *
     * @param decided whether it is known what it proves; else it is over, and for how long none of
     *     its client's was decided is counted on
     */
    void end(boolean decided) {
      if (ended) {
        return;
      }
      ended = true;
      if (timer != null) {
        timer.cancel(false);
      }
      if (decided) {
        client.decidedAt = now();
      }
      client.taken -= taken ? 1 : 0;
      if (--client.turns == 0) {
        clients.remove(key);
      }
      wake();
    }

    private void wake() {
      while (client.taken < PLACES) {
        Turn first = client.waiting.poll();
        if (first == null) {
          return;
        }
        if (!first.ended) {
          first.waiting = false;
          first.taken = true;
          client.taken++;
          first.tell();
        }
      }
    }

    /** Not within this call: it may end, and wake others. */
    private void tell() {
      try {
        loop.execute(
            () -> {
              if (!ended) {
                next.run();
              }
            });
      } catch (RejectedExecutionException e) {
        // The loop has ended, and the request with it.
        ended = true;
      }
    }
  }
}
