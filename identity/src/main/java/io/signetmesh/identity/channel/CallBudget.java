package io.signetmesh.identity.channel;

import io.signetmesh.identity.live.AddressBlock;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;

/**
 * Memory that the calls of all servers of a process may take: calls that are open, messages that
 * have not come whole or have not been taken by their service, and answers that clients do not
 * read. In bytes, and over all connections.
 *
 * <p>A quarter of the heap is for clients with a certificate; an eighth of that again is for those
 * without. Each of the two is shared by one rule: a party (an identity; an address of clients
 * without certificate) may hold as much as it leaves free. So a party that is alone may take half,
 * of two each gets a third, and n of them leave one part of n + 1 to whoever comes next: no number
 * of calls of one party keeps another from its own. Thread-safe.
 */
final class CallBudget {
  private static final String LOCAL = "local process";

  private final Pool identified;
  private final Pool anonymous;

  /**
   * @param bytes for clients with a certificate, at least 8
   */
  CallBudget(long bytes) {
    this.identified = new Pool(bytes);
    this.anonymous = new Pool(bytes / 8);
  }

  /** The budget that the heap of this process gives. */
  static CallBudget ofProcess() {
    return new CallBudget(Runtime.getRuntime().maxMemory() / 4);
  }

  /** Share of a connection in what its caller may hold. */
  Share share(Caller caller, InetAddress address) {
    return switch (caller) {
      case Caller.Identified identity -> identified.join(identity.identity().name());
      case Caller.TrustedLocal() -> identified.join(LOCAL);
      case Caller.Unidentified() -> anonymous.join(AddressBlock.of(address));
    };
  }

  /** Share of a connection over a Unix socket: one for each user. */
  Share share(LocalPeer peer) {
    return identified.join(peer.uid());
  }

  /** Bytes held now by clients with a certificate. */
  long identifiedBytes() {
    return identified.taken();
  }

  /** Bytes held now by clients without one. */
  long anonymousBytes() {
    return anonymous.taken();
  }

  /** What one kind of clients may hold together. */
  private static final class Pool {
    private final long total;
    private final Map<Object, Party> parties = new HashMap<>();
    private long taken;

    Pool(long total) {
      this.total = total;
    }

    synchronized long taken() {
      return taken;
    }

    synchronized Share join(Object key) {
      Party party = parties.computeIfAbsent(key, _ -> new Party());
      party.connections++;
      return new Share(this, key, party);
    }
  }

  /** What an identity or an address holds over all its connections. */
  private static final class Party {
    private long held;
    private int connections;
  }

  /** What one connection holds. */
  static final class Share implements AutoCloseable {
    private final Pool pool;
    private final Object key;
    private final Party party;
    private long held;
    private boolean closed;

    private Share(Pool pool, Object key, Party party) {
      this.pool = pool;
      this.key = key;
      this.party = party;
    }

    /**
     * Takes bytes.
     *
     * @return false when the party has its share or the connection is closed; nothing is taken then
     */
    boolean take(long bytes) {
      synchronized (pool) {
        if (closed || party.held + bytes > pool.total - (pool.taken + bytes)) {
          return false;
        }
        held += bytes;
        party.held += bytes;
        pool.taken += bytes;
        return true;
      }
    }

    /** Gives back bytes that were taken; nothing when the connection is closed. */
    void give(long bytes) {
      synchronized (pool) {
        if (!closed) {
          held -= bytes;
          party.held -= bytes;
          pool.taken -= bytes;
        }
      }
    }

    /** What the party holds now over all its connections, bytes. */
    long heldByParty() {
      synchronized (pool) {
        return party.held;
      }
    }

    /** Gives everything back; once is enough. */
    @Override
    public void close() {
      synchronized (pool) {
        if (closed) {
          return;
        }
        closed = true;
        party.held -= held;
        pool.taken -= held;
        if (--party.connections == 0) {
          pool.parties.remove(key);
        }
      }
    }
  }

  /**
   * The messages of a call that have come whole and that its service has not taken: they wait for a
   * thread, or to be asked for. They are charged to the share of the caller. Thread-safe.
   */
  static final class Hold implements AutoCloseable {
    private final Share share;

    // Guarded by this.
    private int messages;
    private long bytes;
    private boolean closed;

    Hold(Share share) {
      this.share = share;
    }

    /**
     * Messages have come.
     *
     * @return false when they are more than the caller's share; they are not held then
     */
    synchronized boolean add(int more, long ofBytes) {
      if (more == 0 || closed) {
        return true;
      }
      if (!share.take(ofBytes)) {
        return false;
      }
      messages += more;
      bytes += ofBytes;
      return true;
    }

    /** The service takes a message; when there are several, each counts for its part. */
    synchronized void taken() {
      if (messages > 0) {
        long part = bytes / messages;
        messages--;
        bytes -= part;
        share.give(part);
      }
    }

    /** The call is over. */
    @Override
    public synchronized void close() {
      closed = true;
      messages = 0;
      share.give(bytes);
      bytes = 0;
    }
  }
}
