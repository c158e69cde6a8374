package io.signetmesh.identity.channel;

import com.sun.management.UnixOperatingSystemMXBean;
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
 *       one for each 64 KiB of heap.
 *   <li>Without certificate, or before it has been shown: a sixteenth of that for each address.
 *   <li>Once more than half are taken: a 64th for each address, and a quarter for each identity.
 *       While there is room nobody is held to that, because replicas share an identity, and proxies
 *       behind a translated address share that.
 * </ul>
 *
 * So whoever has one certificate, or one address, cannot keep others from connecting. Thread-safe.
 */
final class ConnectionBudget {
  private static final Logger log = LoggerFactory.getLogger(ConnectionBudget.class);

  /** Rough memory of a connection and of the streams on it, bytes. */
  private static final long BYTES_PER_CONNECTION = 64 * 1024;

  private static final long LOG_NANOS = 10_000_000_000L;
  private static final int FEWEST = 16;

  private final int total;
  private final int withoutCertificate;
  private final int perAddress;
  private final int perIdentity;
  private final Map<InetAddress, Held> byAddress = new HashMap<>();
  private final Map<String, Integer> byIdentity = new HashMap<>();
  private int taken;
  private long refused;
  private long loggedNanos = System.nanoTime() - LOG_NANOS;

  /** What an address holds. */
  private static final class Held {
    private int connections;
    private int withoutCertificate;
  }

  /**
   * @param total connections, at least 1
   */
  ConnectionBudget(int total) {
    this.total = total;
    this.withoutCertificate = Math.max(FEWEST, total / 16);
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

  /** Room for a connection from an address, or null when it is to be closed. */
  synchronized @Nullable Lease admit(InetAddress address) {
    Held held = byAddress.computeIfAbsent(address, key -> new Held());
    String why =
        taken >= total
            ? "all " + total + " connections are taken"
            : held.withoutCertificate >= withoutCertificate
                ? "it has " + held.withoutCertificate + " connections without certificate"
                : taken > total / 2 && held.connections >= perAddress
                    ? "it has " + held.connections + " of the " + taken + " connections"
                    : null;
    if (why != null) {
      refuse(address.getHostAddress(), why);
      if (held.connections == 0) {
        byAddress.remove(address);
      }
      return null;
    }
    taken++;
    held.connections++;
    held.withoutCertificate++;
    return new Lease(address, held);
  }

  private void refuse(String who, String why) {
    refused++;
    long now = System.nanoTime();
    if (now - loggedNanos >= LOG_NANOS) {
      log.warn("connection of {} refused: {}; {} refused since the start", who, why, refused);
      loggedNanos = now;
    }
  }

  /** The place of one connection. */
  final class Lease implements AutoCloseable {
    private final InetAddress address;
    private final Held held;
    private @Nullable String identity;
    private boolean closed;

    private Lease(InetAddress address, Held held) {
      this.address = address;
      this.held = held;
    }

    /** The client has proved an identity; false when the connection is to be closed. */
    boolean identify(String proven) {
      synchronized (ConnectionBudget.this) {
        if (closed || identity != null) {
          return !closed;
        }
        int others = byIdentity.getOrDefault(proven, 0);
        if (taken > total / 2 && others >= perIdentity) {
          refuse(proven, "it has " + others + " of the " + taken + " connections");
          return false;
        }
        identity = proven;
        byIdentity.put(proven, others + 1);
        held.withoutCertificate--;
        return true;
      }
    }

    /** Gives the place back; once is enough. */
    @Override
    public void close() {
      synchronized (ConnectionBudget.this) {
        if (closed) {
          return;
        }
        closed = true;
        taken--;
        if (identity == null) {
          held.withoutCertificate--;
        } else {
          byIdentity.computeIfPresent(identity, (name, count) -> count == 1 ? null : count - 1);
        }
        if (--held.connections == 0) {
          byAddress.remove(address);
        }
      }
    }
  }
}
