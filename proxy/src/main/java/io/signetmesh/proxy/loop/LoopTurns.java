package io.signetmesh.proxy.loop;

import io.netty.channel.EventLoop;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Work of one proxy on one loop that takes long, such as handshakes. The first piece is done at
 * once. Others that come before the loop has looked for events again wait, and then one is done in
 * each turn of the loop: what other proxies have on the loop comes in between. Confined to the
 * loop, except for {@link #waiting}.
 */
public final class LoopTurns {
  private static final Logger log = LoggerFactory.getLogger(LoopTurns.class);

  private final EventLoop loop;
  private final Queue<Runnable> pieces = new ArrayDeque<>();
  private boolean taken;
  private volatile int waiting;

  LoopTurns(EventLoop loop) {
    this.loop = loop;
  }

  /** Does a piece of work now, or when its turn has come. */
  public void execute(Runnable piece) {
    if (taken) {
      pieces.add(piece);
      waiting = pieces.size();
    } else {
      taken = true;
      endTurn();
      piece.run();
    }
  }

  /** Pieces that wait for their turn; from any thread. */
  public int waiting() {
    return waiting;
  }

  /** A task with a time runs after the loop has looked for events, others may run before. */
  private void endTurn() {
    try {
      loop.schedule(this::next, 1, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      // The loop ends, and the connections with it.
    }
  }

  private void next() {
    Runnable piece = pieces.poll();
    waiting = pieces.size();
    if (piece == null) {
      taken = false;
      return;
    }
    endTurn();
    try {
      piece.run();
    } catch (RuntimeException e) {
      log.error("work on a loop failed", e);
    }
  }
}
