package io.signetmesh.identity.server;

import io.signetmesh.identity.ca.IssuedCertificates;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.state.RecordFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What workloads last reported about each leaf: who serves it and trusts what, or that nobody
 * serves it any more. Kept in {@code leaf-reports.log} of the state directory, so that a leaf whose
 * workload went away is told from one that was never reported, also after a restart. A report that
 * cannot be written counts until the restart. Thread-safe.
 */
public final class LeafReports implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(LeafReports.class);
  private static final String FILE = "leaf-reports.log";
  private static final int FIELDS = 7;

  /** As many as streams that the ledger keeps, and a few earlier leaves of each. */
  private static final int MAX_ENTRIES = 200_000;

  /** One part of this many is what an identity may have. */
  static final int SHARES = 20;

  /** A key that was given up was used a moment ago. */
  private static final int MAX_LOOKED_AT = 1_000;

  /** Keys that were given up and may have a leaf on its way to the record, at most. */
  static final int MAX_AWAITED = 20_000;

  /** For a leaf to be put on record after its key was given up. */
  private static final Duration AWAITED = Duration.ofMinutes(10);

  /** Between two looks at all entries for room. */
  private static final Duration SWEEP = Duration.ofSeconds(10);

  /** A file of fewer lines is not worth writing anew. */
  private static final int MIN_COMPACTION = 1_000;

  private static final Pattern SERIAL = Pattern.compile("[0-9a-f]{1,40}");
  private static final Pattern WORD = Pattern.compile("[!-~]{1,255}");

  private final Path path;
  private final Leaves issued;
  private final InstantSource clock;
  private final int maxEntries;
  private final RecordFile file;

  // Guarded by this.
  private final Map<String, LeafReport> bySerial = new HashMap<>();
  private final Map<String, Integer> ofIdentity = new HashMap<>();
  private final SequencedMap<GivenUp, Instant> awaited = new LinkedHashMap<>();
  private final Map<String, Integer> awaitedOf = new HashMap<>();
  private boolean failing;
  private Instant sweptAt = Instant.MIN;
  private Instant rewrittenAt = Instant.MIN;

  /**
   * The last report about a leaf.
   *
   * @param serial lower-case hexadecimal without leading zeros
   * @param identity who reported it
   * @param address address of the last report
   * @param trusts digest of the anchors that it then trusted, lower-case hexadecimal
   * @param notAfter end of validity as reported
   * @param reportedAt when that was first reported
   * @param superseded whether the workload said that it serves the leaf no more
   */
  public record LeafReport(
      String serial,
      String identity,
      String address,
      String trusts,
      Instant notAfter,
      Instant reportedAt,
      boolean superseded) {}

  /** Leaves that were issued and have not expired. */
  @FunctionalInterface
  interface Leaves {
    /** The leaf with a serial number. */
    Optional<IssuedLeaf> find(String serial);

    /** The last leaves of an identity. */
    default List<IssuedLeaf> newest(String identity, int most) {
      return List.of();
    }

    /** Those on record. */
    static Leaves of(IssuedCertificates issued) {
      return new Leaves() {
        @Override
        public Optional<IssuedLeaf> find(String serial) {
          return issued.find(serial);
        }

        @Override
        public List<IssuedLeaf> newest(String identity, int most) {
          return issued.newest(identity, most);
        }
      };
    }
  }

  /**
   * A key that has no leaf on record.
   *
   * @param key what {@link IssuedLeaf#keyDigest} has of it
   */
  private record GivenUp(String identity, long key) {}

  private LeafReports(Path path, Leaves issued, InstantSource clock, int maxEntries)
      throws IOException, PkiException {
    this.path = path;
    this.issued = issued;
    this.clock = clock;
    this.maxEntries = maxEntries;
    this.file =
        RecordFile.open(
            path,
            this::read,
            "workloads that went away are then taken for ones that never reported, until their"
                + " certificates end");
    sweep();
  }

  /**
   * Reads the reports of a state directory.
   *
   * @param issued the leaves: only who one was issued to reports on it
   * @throws PkiException when the file is readable by others or damaged; it is left as it is
   */
  static LeafReports open(Path stateDirectory, Leaves issued, InstantSource clock)
      throws IOException, PkiException {
    return open(stateDirectory, issued, clock, MAX_ENTRIES);
  }

  static LeafReports open(Path stateDirectory, Leaves issued, InstantSource clock, int maxEntries)
      throws IOException, PkiException {
    return new LeafReports(stateDirectory.resolve(FILE), issued, clock, maxEntries);
  }

  /** The last report about a leaf; empty when there was none or the leaf has expired. */
  public synchronized Optional<LeafReport> of(String serial) {
    return Optional.ofNullable(bySerial.get(serial));
  }

  /**
   * Whether the identity of a leaf said that it serves it no more. Nobody can say so of another's
   * leaf.
   */
  public synchronized boolean isSuperseded(IssuedLeaf leaf) {
    recorded(leaf);
    return of(leaf.serial())
        .filter(report -> report.superseded && report.identity.equals(leaf.identity()))
        .isPresent();
  }

  /**
   * A leaf is on record. If its key was given up within the 10 minutes before, nobody serves it:
   * the call had ended for its caller.
   */
  synchronized void recorded(IssuedLeaf leaf) {
    if (!awaited.isEmpty() && !bySerial.containsKey(leaf.serial())) {
      Instant until = noLongerAwaited(new GivenUp(leaf.identity(), leaf.keyDigest()));
      if (until != null && clock.instant().isBefore(until)) {
        superseded(leaf.serial(), leaf.identity());
      }
    }
  }

  private void await(GivenUp key, Instant until) {
    if (noLongerAwaited(key) == null
        && awaitedOf.getOrDefault(key.identity, 0) >= MAX_AWAITED / SHARES) {
      return;
    }
    awaited.putLast(key, until);
    awaitedOf.merge(key.identity, 1, Integer::sum);
  }

  private @Nullable Instant noLongerAwaited(GivenUp key) {
    Instant until = awaited.remove(key);
    if (until != null) {
      awaitedOf.computeIfPresent(key.identity, (name, n) -> n > 1 ? n - 1 : null);
    }
    return until;
  }

  /** A workload serves a leaf. */
  synchronized void serves(String serial, String identity, String address, String trusts) {
    IssuedLeaf leaf = issued(serial, identity);
    LeafReport known = bySerial.get(serial);
    if (leaf == null
        || (known != null
            && known.address.equals(address)
            && known.trusts.equals(trusts)
            && !known.superseded)) {
      return;
    }
    put(new LeafReport(serial, identity, address, trusts, leaf.notAfter(), clock.instant(), false));
  }

  /** A workload serves a leaf no more. */
  synchronized void superseded(String serial, String identity) {
    IssuedLeaf leaf = issued(serial, identity);
    LeafReport known = bySerial.get(serial);
    if (leaf == null || (known != null && known.superseded)) {
      return;
    }
    put(
        known == null
            ? new LeafReport(serial, identity, "-", "-", leaf.notAfter(), clock.instant(), true)
            : new LeafReport(
                serial,
                identity,
                known.address,
                known.trusts,
                known.notAfter,
                known.reportedAt,
                true));
  }

  /**
   * A workload has asked for leaves with these keys, and has given the keys up without a leaf.
   * Those leaves are served by nobody, unless somebody has reported so: that counts more.
   *
   * <p>A leaf that is put on record within 10 minutes from now counts, too: the server may be late.
   *
   * @param keys what {@link IssuedLeaf#keyDigest} has of them
   * @param earliestEnd leaves that end before were issued too long ago for their answer to be on
   *     the way, and may be served by somebody who reports nothing
   */
  synchronized void abandoned(String identity, Set<Long> keys, Instant earliestEnd) {
    Set<Long> unknown = new HashSet<>(keys);
    for (IssuedLeaf leaf : issued.newest(identity, MAX_LOOKED_AT)) {
      unknown.remove(leaf.keyDigest());
      if (leaf.keyDigest() != 0
          && !leaf.notAfter().isBefore(earliestEnd)
          && keys.contains(leaf.keyDigest())
          && !bySerial.containsKey(leaf.serial())) {
        superseded(leaf.serial(), identity);
      }
    }
    Instant now = clock.instant();
    // The oldest end first.
    while (!awaited.isEmpty() && !now.isBefore(awaited.firstEntry().getValue())) {
      noLongerAwaited(awaited.firstEntry().getKey());
    }
    for (long key : unknown) {
      if (key != 0) {
        await(new GivenUp(identity, key), now.plus(AWAITED));
      }
    }
    while (awaited.size() > MAX_AWAITED) {
      noLongerAwaited(awaited.firstEntry().getKey());
    }
  }

  /** The leaf, if it was issued to that identity. */
  @Nullable IssuedLeaf issued(String serial, String identity) {
    return issued.find(serial).filter(leaf -> leaf.identity().equals(identity)).orElse(null);
  }

  private void put(LeafReport report) {
    if (!isValid(report)) {
      return;
    }
    if (!bySerial.containsKey(report.serial) && !hasRoom(report.identity)) {
      if (!clock.instant().isBefore(sweptAt.plus(SWEEP))) {
        sweep();
      }
      if (!hasRoom(report.identity)) {
        return;
      }
    }
    keep(report);
    try {
      file.append(line(report));
      failing = false;
      if (file.lines() > MIN_COMPACTION
          && file.lines() > 4L * bySerial.size()
          && !clock.instant().isBefore(rewrittenAt.plus(SWEEP))) {
        rewrittenAt = clock.instant();
        sweep();
        file.rewrite(bySerial.values().stream().map(LeafReports::line).toList());
      }
    } catch (IOException e) {
      if (!failing) {
        log.warn("reports of workloads are not kept for a restart: {}", e.getMessage());
      }
      failing = true;
    }
  }

  private boolean hasRoom(String identity) {
    return bySerial.size() < maxEntries
        && ofIdentity.getOrDefault(identity, 0) < Math.max(1, maxEntries / SHARES);
  }

  private void keep(LeafReport report) {
    if (bySerial.put(report.serial, report) == null) {
      ofIdentity.merge(report.identity, 1, Integer::sum);
    }
  }

  /** Drops leaves that have expired. */
  private void sweep() {
    Instant now = clock.instant();
    sweptAt = now;
    for (Iterator<LeafReport> all = bySerial.values().iterator(); all.hasNext(); ) {
      LeafReport report = all.next();
      if (report.notAfter.isBefore(now)) {
        all.remove();
        ofIdentity.computeIfPresent(report.identity, (name, n) -> n > 1 ? n - 1 : null);
      }
    }
  }

  private static boolean isValid(LeafReport report) {
    return SERIAL.matcher(report.serial).matches()
        && WORD.matcher(report.identity).matches()
        && WORD.matcher(report.address).matches()
        && WORD.matcher(report.trusts).matches();
  }

  private boolean read(String line) {
    String[] fields = line.split(" ", -1);
    if (fields.length != FIELDS) {
      return false;
    }
    try {
      LeafReport report =
          new LeafReport(
              fields[0],
              fields[1],
              fields[2],
              fields[3],
              Instant.ofEpochSecond(Long.parseLong(fields[4])),
              Instant.ofEpochSecond(Long.parseLong(fields[5])),
              fields[6].equals("superseded"));
      if (!isValid(report)) {
        return false;
      }
      keep(report);
      return true;
    } catch (RuntimeException e) {
      return false;
    }
  }

  private static String line(LeafReport report) {
    return report.serial
        + ' '
        + report.identity
        + ' '
        + report.address
        + ' '
        + report.trusts
        + ' '
        + report.notAfter.getEpochSecond()
        + ' '
        + report.reportedAt.getEpochSecond()
        + ' '
        + (report.superseded ? "superseded" : "served");
  }

  @Override
  public void close() {
    file.close();
  }

  @Override
  public String toString() {
    return path.toString();
  }
}
