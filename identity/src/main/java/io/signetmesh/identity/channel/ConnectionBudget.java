package io.signetmesh.identity.channel;

import com.sun.management.UnixOperatingSystemMXBean;
import io.signetmesh.identity.live.AddressBlock;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many TLS connections the servers of a process take, and from whom when they get scarce.
 *
 * <ul>
 *   <li>All together: as many as leave a quarter of the process's descriptors for other things, and
 *       one for each 32 KiB of heap.
 *   <li>Those that have not shown a certificate, together: half of that. Handshakes are a quarter
 *       at most for each address. Connections whose client showed none are a quarter together, and
 *       a sixteenth for each address.
 *   <li>Once more than half are taken: a 64th for each address, and a quarter for each identity.
 *       While there is room nobody is held to that, because replicas share an identity, and proxies
 *       behind a translated address share that.
 * </ul>
 *
 * An address stands for itself in IPv4 and for its /64 in IPv6, which is what one host has at hand.
 * In small budgets the 16th and the 64th are 16 connections, the first an eighth at most.
 *
 * <p>So one certificate cannot keep others from connecting, nor can one address keep other
 * addresses from it. Connections that stay without certificate, wherever they are from, leave room
 * for whoever has one; to keep those out takes a flood of handshakes that are begun anew as they
 * time out, from the same address or beside a quarter that stays. Many addresses with many
 * certificates can take everything. How long a connection stays without certificate is for {@link
 * UncertifiedAge}. Thread-safe.
 */
final class ConnectionBudget {
  private static final Logger log = LoggerFactory.getLogger(ConnectionBudget.class);

  /** Rough memory of a connection and of the streams on it, bytes. */
  private static final long BYTES_PER_CONNECTION = 32 * 1024;

  private static final long LOG_NANOS = 10_000_000_000L;
  private static final int FEWEST = 16;

  private final int total;
  private final int uncertified;
  private final int anonymous;
  private final int handshakesPerAddress;
  private final int anonymousPerAddress;
  private final int perAddress;
  private final int perIdentity;
  private final Map<AddressBlock, Held> bySource = new HashMap<>();
  private final Map<String, Integer> byIdentity = new HashMap<>();
  private int taken;
  private int handshakesHeld;
  private int anonymousHeld;
  private long refused;
  private long loggedNanos = System.nanoTime() - LOG_NANOS;

  /** What a source holds. */
  private static final class Held {
    private int connections;
    private int handshakes;
    private int anonymous;
  }

  private enum State {
    HANDSHAKE,
    ANONYMOUS,
    IDENTIFIED,
    CLOSED
  }

  /**
   * @param total connections, at least 1
   */
  ConnectionBudget(int total) {
    this.total = total;
    this.uncertified = Math.max(1, total / 2);
    this.anonymous = Math.max(1, total / 4);
    this.handshakesPerAddress = Math.max(1, total / 4);
    this.anonymousPerAddress = Math.min(Math.max(FEWEST, total / 16), Math.max(1, total / 8));
    this.perAddress = Math.max(FEWEST, total / 64);
    this.perIdentity = Math.max(1, total / 4);
  }

  /** The budget that this process's descriptors and heap give. */
  static ConnectionBudget ofProcess() {
    long byMemory = Runtime.getRuntime().maxMemory() / BYTES_PER_CONNECTION;
    long byDescriptors =
        ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
            ? unix.getMaxFileDescriptorCount() / 4 * 3
            : byMemory;
    long total = Math.min(byMemory, byDescriptors);
    return new ConnectionBudget((int) Math.clamp(total, 64, 1 << 20));
  }

  int total() {
    return total;
  }

  /** Connections refused since the start. */
  synchronized long refused() {
    return refused;
  }

  /** Connections held now. */
  synchronized int taken() {
    return taken;
  }

  /** Room for a connection from an address, or null when it is to be closed. */
  synchronized @Nullable Lease admit(InetAddress address) {
    AddressBlock source = AddressBlock.of(address);
    Held held = bySource.computeIfAbsent(source, key -> new Held());
    String why =
        taken >= total
            ? "all " + total + " connections are taken"
            : handshakesHeld + anonymousHeld >= uncertified
                ? "all " + uncertified + " connections without certificate are taken"
                : held.handshakes >= handshakesPerAddress
                    ? "it has " + held.handshakes + " handshakes"
                    : taken > total / 2 && held.connections >= perAddress
                        ? "it has " + held.connections + " of the " + taken + " connections"
                        : null;
    if (why != null) {
      refuse(address.getHostAddress(), why);
      if (held.connections == 0) {
        bySource.remove(source);
      }
      return null;
    }
    taken++;
    handshakesHeld++;
    held.connections++;
    held.handshakes++;
    return new Lease(address, source, held);
  }

  /** Counts a connection that is closed before it is served, and logs it now and then. */
  synchronized void refuse(String who, String why) {
    refused++;
    long now = System.nanoTime();
    if (now - loggedNanos >= LOG_NANOS) {
      log.warn("connection of {} refused: {}; {} refused since the start", who, why, refused);
      loggedNanos = now;
    }
  }

  /** The place of one connection, which begins with its handshake. */
  final class Lease implements AutoCloseable {
    private final InetAddress address;
    private final AddressBlock source;
    private final Held held;
    private State state = State.HANDSHAKE;
    private @Nullable String identity;

    private Lease(InetAddress address, AddressBlock source, Held held) {
      this.address = address;
      this.source = source;
      this.held = held;
    }

    /** The client has proved an identity; false when the connection is to be closed. */
    boolean identify(String proven) {
      synchronized (ConnectionBudget.this) {
        if (state != State.HANDSHAKE) {
          return state == State.IDENTIFIED && proven.equals(identity);
        }
        int others = byIdentity.getOrDefault(proven, 0);
        if (taken > total / 2 && others >= perIdentity) {
          refuse(proven, "it has " + others + " of the " + taken + " connections");
          return false;
        }
        leave();
        state = State.IDENTIFIED;
        identity = proven;
        byIdentity.put(proven, others + 1);
        return true;
      }
    }

    /** The client has shown no certificate; false when the connection is to be closed. */
    boolean stayAnonymous() {
      synchronized (ConnectionBudget.this) {
        if (state != State.HANDSHAKE) {
          return state == State.ANONYMOUS;
        }
        String why =
            anonymousHeld >= anonymous
                ? "all " + anonymous + " connections of clients without certificate are taken"
                : held.anonymous >= anonymousPerAddress
                    ? "it has " + held.anonymous + " connections without certificate"
                    : null;
        if (why != null) {
          refuse(address.getHostAddress(), why);
          return false;
        }
        leave();
        state = State.ANONYMOUS;
        anonymousHeld++;
        held.anonymous++;
        return true;
      }
    }

    /** Gives the place back; once is enough. */
    @Override
    public void close() {
      synchronized (ConnectionBudget.this) {
        if (state == State.CLOSED) {
          return;
        }
        leave();
        state = State.CLOSED;
        taken--;
        if (--held.connections == 0) {
          bySource.remove(source);
        }
      }
    }

    /** Takes back what the present state counts. */
    private void leave() {
      switch (state) {
        case HANDSHAKE -> {
          handshakesHeld--;
          held.handshakes--;
        }
        case ANONYMOUS -> {
          anonymousHeld--;
          held.anonymous--;
        }
        case IDENTIFIED -> {
          if (identity != null) {
            byIdentity.computeIfPresent(identity, (name, count) -> count == 1 ? null : count - 1);
          }
        }
        case CLOSED -> {}
      }
    }
  }
}
