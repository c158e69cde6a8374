package io.signetmesh.identity.server;

import io.signetmesh.v1.ServedLeaf;
import io.signetmesh.v1.TrustReport;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Which workload trusts which bundle and serves which leaf, as each of them reports. A workload
 * that is no longer connected stays in the ledger until the leaf that it served has expired,
 * because it may still be serving it. Kept in memory: workloads report again when the server comes
 * back.
 */
public final class AdoptionLedger {
  /** Bounds the memory against clients that come and go; far above one server's workloads. */
  private static final int MAX_ENTRIES = 50_000;

  /** What one identity may take of them, so that no workload keeps the others out. */
  static final int MAX_ENTRIES_OF_ONE = 5_000;

  private final Map<Long, Adoption> entries = new ConcurrentHashMap<>();
  private final AtomicLong nextStream = new AtomicLong();
  private final InstantSource clock;

  AdoptionLedger(InstantSource clock) {
    this.clock = clock;
  }

  /**
   * What one workload has in force.
   *
   * @param identity name of the workload, or how an unnamed local caller is called
   * @param address where it reported from
   * @param report what it said last
   * @param reportedAt when
   * @param connected whether its stream is open
   */
  public record Adoption(
      String identity, String address, TrustReport report, Instant reportedAt, boolean connected) {
    Adoption disconnected() {
      return new Adoption(identity, address, report, reportedAt, false);
    }
  }

  /** The ledger of this moment, in no order. */
  public Collection<Adoption> adoptions() {
    return List.copyOf(entries.values());
  }

  long open() {
    return nextStream.incrementAndGet();
  }

  void report(long stream, String identity, String address, TrustReport report) {
    Adoption adoption = new Adoption(identity, address, report, clock.instant(), true);
    if (!entries.containsKey(stream)) {
      forget(adoption);
      if (entries.size() >= MAX_ENTRIES || count(identity) >= MAX_ENTRIES_OF_ONE) {
        return;
      }
    }
    entries.put(stream, adoption);
  }

  void close(long stream) {
    entries.computeIfPresent(stream, (key, adoption) -> adoption.disconnected());
  }

  private int count(String identity) {
    int count = 0;
    for (Adoption adoption : entries.values()) {
      count += adoption.identity.equals(identity) ? 1 : 0;
    }
    return count;
  }

  /** Drops what the newcomer replaces, and those gone whose leaf has expired. */
  private void forget(Adoption newcomer) {
    long now = clock.instant().getEpochSecond();
    entries
        .values()
        .removeIf(
            old ->
                !old.connected
                    && (leaf(old).getNotAfter().getSeconds() < now
                        || (old.identity.equals(newcomer.identity)
                            && leaf(old).getSha256().equals(leaf(newcomer).getSha256()))));
  }

  private static ServedLeaf leaf(Adoption adoption) {
    return adoption.report.getLeaf();
  }
}
