package io.signetmesh.proxy.admin;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whose turn it is on the loop of the admin servers. Handshakes, and requests other than probes,
 * wait here. The loop does one of them, looks for events, then does one of the server that has
 * waited longest: a server with many of them delays another by one, and probes come in between. A
 * connection has one piece of work at a time, which is dropped when it closes, so that as much
 * waits as there are connections. Confined to the loop.
 */
final class AdminTurns {
  private static final Logger log = LoggerFactory.getLogger(AdminTurns.class);

  private final EventLoop loop;

  /** Those of which something waits, each once. */
  private final Queue<Turn> waiting = new ArrayDeque<>();

  private boolean taken;

  AdminTurns(EventLoop loop) {
    this.loop = loop;
  }

  /**
   * Makes the turn of a server; from any thread.
   *
   * @param most pieces that wait, at least 1: one for each connection
   */
  Turn newTurn(int most) {
    return new Turn(most);
  }

  /** The work of one server. */
  final class Turn {
    private final int most;
    private final Set<Piece> pieces = new LinkedHashSet<>();

    /** Whether it is among those that wait, also when it has nothing to do any more. */
    private boolean waits;

    private Turn(int most) {
      this.most = most;
    }

    /**
     * Does a piece of work for a connection now, or when its turn has come. When it fails, or too
     * much waits already, the connection is closed.
     *
     * @param work is done, unless the connection has closed by then
     * @param dropped is done instead
     * @return what waits, to be dropped when the connection closes; null when nothing does
     */
    @Nullable Piece execute(Channel channel, Runnable work, Runnable dropped) {
      Piece piece = new Piece(this, channel, work, dropped);
      if (!taken) {
        taken = true;
        endTurn();
        piece.run();
        return null;
      }
      if (!channel.isActive() || pieces.size() >= most) {
        dropped.run();
        channel.close();
        return null;
      }
      pieces.add(piece);
      if (!waits) {
        waits = true;
        waiting.add(this);
      }
      return piece;
    }
  }

  /** A piece of work that waits for its turn. */
  static final class Piece {
    private final Turn turn;
    private final Channel channel;
    private final Runnable work;
    private final Runnable dropped;

    private Piece(Turn turn, Channel channel, Runnable work, Runnable dropped) {
      this.turn = turn;
      this.channel = channel;
      this.work = work;
      this.dropped = dropped;
    }

    /** The connection has closed. Does nothing when the turn has come already. */
    void drop() {
      if (turn.pieces.remove(this)) {
        dropped.run();
      }
    }

    private void run() {
      try {
        (channel.isActive() ? work : dropped).run();
      } catch (Throwable e) {
        channel.close();
        log.error("work of an admin server failed: its connection is closed", e);
      }
    }
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
    Turn turn = waiting.poll();
    while (turn != null && turn.pieces.isEmpty()) {
      // All that waited was dropped.
      turn.waits = false;
      turn = waiting.poll();
    }
    if (turn == null) {
      taken = false;
      return;
    }
    Iterator<Piece> pieces = turn.pieces.iterator();
    Piece piece = pieces.next();
    pieces.remove();
    turn.waits = !turn.pieces.isEmpty();
    if (turn.waits) {
      waiting.add(turn);
    }
    endTurn();
    piece.run();
  }
}
