package io.signetmesh.identity.channel;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.signetmesh.identity.live.AddressBlock;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Begins the handshakes of one event loop, a few at a time. A loop handles whatever its sockets
 * bring in one round, and a handshake takes three rounds. If thousands of clients connect at once,
 * a round of all of them takes longer than they wait. So none of them would be served.
 *
 * <p>A connection that has been accepted is not read until it has its turn. In each round a few
 * begin, and the handshakes and calls that have begun go on. So the work of a round is bounded, and
 * what is begun is finished in time. How many are in progress is bounded, too. Addresses take
 * turns, as {@link AddressBlock} counts them: the flood of one does not delay the others. A
 * connection that has waited for too long is closed without further work, because its client is
 * about to give up.
 *
 * <p>How many may wait is for {@link ConnectionBudget}. All calls are made by the event loop.
 */
final class HandshakeTurns {
  /** Handshakes that begin in a round. One takes the server about a millisecond. */
  static final int PER_ROUND = 8;

  /** Handshakes in progress. With more of them, slow clients would all be late. */
  static final int MOST_IN_PROGRESS = 256;

  /**
   * How long a handshake holds its place. It may go on for longer, but whoever begins one and says
   * nothing more must not keep others from theirs.
   */
  static final Duration LONGEST_HOLD = Duration.ofSeconds(1);

  /** Longest wait for a turn. Clients give up after 10 s, which include the handshake itself. */
  static final Duration LONGEST_WAIT = Duration.ofSeconds(8);

  /** Addresses that wait while further connections are accepted. */
  static final int MOST_ADDRESSES = 256;

  /** With fewer addresses that wait, connections are accepted again. */
  static final int RESUME_ADDRESSES = MOST_ADDRESSES / 2;

  /**
   * Connections of an address that wait while there are {@link #RESUME_ADDRESSES}; further ones are
   * closed. So some hundred addresses cannot have queues that keep the server from accepting for
   * longer than it takes to begin about a thousand handshakes.
   */
  static final int MOST_OF_ONE = 4;

  /**
   * Tasks that are due after a time run once in a round, those to be run at once until none is
   * left.
   */
  private static final long NEXT_ROUND_MICROS = 500;

  private final EventLoop loop;
  private final ConnectionBudget connections;
  private final LongSupplier nanoTime;
  private final Map<AddressBlock, ArrayDeque<Waiting>> waiting = new LinkedHashMap<>();
  private final Set<Channel> paused = new HashSet<>();
  private boolean scheduled;

  /** Handshakes that have begun and hold a place. */
  private int inProgress;

  private record Waiting(Turn turn, InetAddress address, long sinceNanos) {}

  /** The place of one handshake among those in progress. Calls are made by the event loop. */
  final class Turn {
    private final Channel channel;
    private boolean holds;

    private Turn(Channel channel) {
      this.channel = channel;
    }

    private void begin() {
      holds = true;
      inProgress++;
      loop.schedule(this::end, LONGEST_HOLD.toMillis(), TimeUnit.MILLISECONDS);
      channel.config().setAutoRead(true);
    }

    /** Gives the place to the next; once is enough. */
    void end() {
      if (holds) {
        holds = false;
        inProgress--;
        if (!waiting.isEmpty()) {
          schedule(0);
        }
      }
    }
  }

  /**
   * Makes the turns of a loop.
   *
   * @param connections counts those that have waited for too long
   */
  HandshakeTurns(EventLoop loop, ConnectionBudget connections, LongSupplier nanoTime) {
    this.loop = loop;
    this.connections = connections;
    this.nanoTime = nanoTime;
  }

  /**
   * Has a connection wait for its turn, or closes it. It must not have been read yet.
   *
   * @return to be ended when the handshake or the connection has ended
   */
  Turn add(Channel channel, InetAddress address) {
    Turn turn = new Turn(channel);
    channel.config().setAutoRead(false);
    AddressBlock block = AddressBlock.of(address);
    ArrayDeque<Waiting> ofBlock = waiting.get(block);
    if (ofBlock != null && ofBlock.size() >= MOST_OF_ONE && waiting.size() >= RESUME_ADDRESSES) {
      connections.refuse(
          address.getHostAddress(),
          ofBlock.size() + " connections of it and " + waiting.size() + " addresses wait");
      channel.close();
      return turn;
    }
    if (ofBlock == null) {
      ofBlock = new ArrayDeque<>(1);
      waiting.put(block, ofBlock);
    }
    ofBlock.add(new Waiting(turn, address, nanoTime.getAsLong()));
    Channel listener = channel.parent();
    if (waiting.size() >= MOST_ADDRESSES && listener != null) {
      paused.add(listener);
      listener.config().setAutoRead(false);
    }
    schedule(0);
    return turn;
  }

  private void schedule(long micros) {
    if (!scheduled) {
      scheduled = true;
      loop.schedule(this::round, micros, TimeUnit.MICROSECONDS);
    }
  }

  private void round() {
    scheduled = false;
    try {
      beginSome();
    } finally {
      if (waiting.size() < RESUME_ADDRESSES) {
        paused.forEach(listener -> listener.config().setAutoRead(true));
        paused.clear();
      }
      // Without a place, the next one that is given back has the next round.
      if (!waiting.isEmpty() && inProgress < MOST_IN_PROGRESS) {
        schedule(NEXT_ROUND_MICROS);
      }
    }
  }

  private void beginSome() {
    long now = nanoTime.getAsLong();
    int begun = 0;
    while (begun < PER_ROUND && inProgress < MOST_IN_PROGRESS && !waiting.isEmpty()) {
      Waiting next = next();
      Channel channel = next.turn.channel;
      if (!channel.isActive()) {
        continue;
      }
      if (now - next.sinceNanos > LONGEST_WAIT.toNanos()) {
        connections.refuse(
            next.address.getHostAddress(),
            "it has waited for " + LONGEST_WAIT.toSeconds() + " s for its handshake");
        channel.close();
      } else {
        begun++;
        next.turn.begin();
      }
    }
  }

  /** The first connection of the address whose turn it is; the address goes to the end. */
  private Waiting next() {
    Iterator<Map.Entry<AddressBlock, ArrayDeque<Waiting>>> first = waiting.entrySet().iterator();
    Map.Entry<AddressBlock, ArrayDeque<Waiting>> address = first.next();
    first.remove();
    Waiting next = address.getValue().remove();
    if (!address.getValue().isEmpty()) {
      waiting.put(address.getKey(), address.getValue());
    }
    return next;
  }
}
