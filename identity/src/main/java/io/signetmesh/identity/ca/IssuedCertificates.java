package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.state.RecordFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The issued leaves that have not expired. Revocation and renewal look leaves up here. They are
 * kept in memory and in {@code issued.log} of the state directory, mode 0600, one line with a
 * checksum for each leaf.
 *
 * <p>A leaf is handed out only after {@link #record} has returned: a leaf without a record could be
 * neither traced nor revoked by its identity. So issuance stops while the disk is full or {@link
 * #MAX_ENTRIES} leaves are valid, and for one identity while it has a twentieth of them. It resumes
 * without a restart.
 *
 * <p>The record is in the file when {@code record} returns, so a crash of the process loses none.
 * It is on the disk within a second, so a crash of the host can lose the last second. Leaves lost
 * that way stay valid to their end, cannot be renewed without a token, and are not found by {@link
 * #of}.
 *
 * <p>Expired leaves are dropped every minute, and the file is rewritten when they make up more than
 * half of it; issuance goes on meanwhile. An incomplete last line is cut off at the start; damage
 * elsewhere is an error. Only one process at a time can open the record. Thread-safe.
 */
public final class IssuedCertificates implements AutoCloseable {
  /**
   * Most leaves that may be valid at the same time; they take some 300 MB of memory and 200 MB of
   * disk.
   */
  public static final int MAX_ENTRIES = 1_000_000;

  /** One part of this many is what an identity may have, so that none keeps the others out. */
  private static final int SHARES = 20;

  private static final Logger log = LoggerFactory.getLogger(IssuedCertificates.class);
  private static final String FILE = "issued.log";
  private static final int FIELDS = 7;

  /** A file of fewer lines is not worth writing anew. */
  private static final int MIN_COMPACTION = 1_000;

  private static final long CLOSE_SECONDS = 10;

  /** For clocks that differ: a leaf is of use to somebody a little longer. */
  private static final long GRACE_SECONDS = 3_600;

  private final Path path;
  private final InstantSource clock;
  private final int maxEntries;
  private final Object lock = new Object();
  private final ScheduledExecutorService timer;
  private final RecordFile file;

  // Guarded by lock.
  private final Map<String, IssuedLeaf> bySerial = new HashMap<>();
  private final Map<String, List<IssuedLeaf>> byIdentity = new HashMap<>();

  /** One instance for each digest: a million entries repeat them. */
  private final Map<String, String> digests = new HashMap<>();

  private Instant sweptAt = Instant.MIN;

  private IssuedCertificates(Path path, InstantSource clock, int maxEntries)
      throws IOException, PkiException {
    this.path = path;
    this.clock = clock;
    this.maxEntries = maxEntries;
    this.timer =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("issued-certificates").factory());
    this.file =
        RecordFile.open(
            path,
            this::read,
            "leaves issued before can then be neither renewed without a token nor revoked by"
                + " their identity");
    sweep();
  }

  /**
   * Reads the record of a state directory, or creates an empty one.
   *
   * @param stateDirectory created with mode 0700 unless it exists
   * @throws PkiException when the file is readable by others or damaged; the file is not changed
   */
  public static IssuedCertificates open(Path stateDirectory, InstantSource clock)
      throws IOException, PkiException {
    IssuedCertificates opened = open(stateDirectory, clock, MAX_ENTRIES);
    opened.timer.scheduleWithFixedDelay(opened::sync, 1, 1, TimeUnit.SECONDS);
    opened.timer.scheduleWithFixedDelay(opened::sweep, 1, 1, TimeUnit.MINUTES);
    return opened;
  }

  /** Without a thread that syncs and sweeps. */
  static IssuedCertificates open(Path stateDirectory, InstantSource clock, int maxEntries)
      throws IOException, PkiException {
    StateFiles.createDirectory(stateDirectory);
    return new IssuedCertificates(stateDirectory.resolve(FILE), clock, maxEntries);
  }

  /**
   * Records a leaf. Afterwards it may be handed out.
   *
   * @throws IOException when the disk is full or too many leaves are valid; the leaf must not be
   *     handed out then
   */
  public void record(IssuedLeaf leaf) throws IOException {
    synchronized (lock) {
      if (bySerial.size() >= maxEntries && !clock.instant().isBefore(sweptAt.plusSeconds(1))) {
        drop();
      }
      if (bySerial.size() >= maxEntries) {
        throw new IOException(full(bySerial.size(), "", maxEntries));
      }
      List<IssuedLeaf> own = byIdentity.getOrDefault(leaf.identity(), List.of());
      int share = Math.max(1, maxEntries / SHARES);
      if (own.size() >= share) {
        throw new IOException(full(own.size(), " of " + leaf.identity(), share));
      }
      if (bySerial.containsKey(leaf.serial())) {
        throw new IOException("serial " + leaf.serial() + " is on record already");
      }
      file.append(line(leaf));
      put(leaf);
    }
  }

  private String full(int live, String whose, int most) {
    return path
        + " has "
        + live
        + " leaves"
        + whose
        + " that have not expired: expected fewer than "
        + most
        + "; shorten the life of leaves, or wait until some have expired";
  }

  /** The last unexpired leaves of an identity, the newest first. */
  public List<IssuedLeaf> newest(String identity, int most) {
    Instant now = clock.instant();
    synchronized (lock) {
      return byIdentity.getOrDefault(identity, List.of()).reversed().stream()
          .limit(most)
          .filter(leaf -> now.isBefore(leaf.notAfter()))
          .toList();
    }
  }

  /** The unexpired leaves of an identity, in order of issuance. */
  public List<IssuedLeaf> of(String identity) {
    Instant now = clock.instant();
    synchronized (lock) {
      return byIdentity.getOrDefault(identity, List.of()).stream()
          .filter(leaf -> now.isBefore(leaf.notAfter()))
          .toList();
    }
  }

  /**
   * The leaf with a serial number in lower-case hexadecimal; empty when it is unknown or has
   * expired.
   */
  public Optional<IssuedLeaf> find(String serial) {
    Instant now = clock.instant();
    synchronized (lock) {
      return Optional.ofNullable(bySerial.get(serial))
          .filter(leaf -> now.isBefore(leaf.notAfter()));
    }
  }

  /** All unexpired leaves, in no order: a copy. */
  public List<IssuedLeaf> all() {
    Instant now = clock.instant();
    synchronized (lock) {
      return bySerial.values().stream().filter(leaf -> now.isBefore(leaf.notAfter())).toList();
    }
  }

  /** Number of leaves on record, including expired ones that have not been dropped yet. */
  public int size() {
    synchronized (lock) {
      return bySerial.size();
    }
  }

  /** Syncs all records to the disk and closes the file. */
  @Override
  public void close() {
    timer.shutdown();
    file.close();
    try {
      // A rewrite gives up when its file is closed.
      timer.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void sync() {
    try {
      file.sync();
    } catch (IOException e) {
      log.warn("{}", e.getMessage());
    }
  }

  /**
   * Drops what has expired, and writes the file anew when that is worth it. Leaves are recorded
   * meanwhile.
   */
  void sweep() {
    try {
      Compaction due = beginSweep();
      if (due != null) {
        due.run();
      }
    } catch (IOException e) {
      log.warn("{}; it goes on growing", e.getMessage());
    }
  }

  /** The leaves that the file is reduced to, before those that are recorded from now on. */
  record Compaction(RecordFile.Rewrite rewrite, List<IssuedLeaf> leaves) {
    void run() throws IOException {
      rewrite.run(() -> leaves.stream().map(IssuedCertificates::line).iterator());
    }
  }

  /** Drops what has expired; null when the file need not be written anew. */
  @Nullable Compaction beginSweep() throws IOException {
    synchronized (lock) {
      drop();
      int lines = file.lines();
      if (lines <= MIN_COMPACTION || lines <= 2L * bySerial.size()) {
        return null;
      }
      // By identity, in the order of issuing.
      List<IssuedLeaf> leaves = new ArrayList<>(bySerial.size());
      byIdentity.values().forEach(leaves::addAll);
      return new Compaction(file.beginRewrite(), leaves);
    }
  }

  /** Called with the lock held. */
  private void drop() {
    Instant now = clock.instant();
    long end = now.getEpochSecond() - GRACE_SECONDS;
    sweptAt = now;
    bySerial.values().removeIf(leaf -> leaf.notAfter().getEpochSecond() < end);
    byIdentity
        .values()
        .removeIf(
            leaves -> {
              leaves.removeIf(leaf -> leaf.notAfter().getEpochSecond() < end);
              return leaves.isEmpty();
            });
  }

  private void put(IssuedLeaf leaf) {
    IssuedLeaf shared =
        new IssuedLeaf(
            leaf.serial(),
            leaf.identity(),
            digests.computeIfAbsent(leaf.issuerKeySha256(), digest -> digest),
            leaf.notAfter(),
            leaf.attestedAt(),
            leaf.attestor().intern(),
            leaf.keyDigest());
    bySerial.put(shared.serial(), shared);
    byIdentity.computeIfAbsent(shared.identity(), identity -> new ArrayList<>(2)).add(shared);
  }

  private boolean read(String line) {
    String[] fields = line.split(" ", -1);
    // Earlier versions did not keep the key.
    if (fields.length != FIELDS && fields.length != FIELDS - 1) {
      return false;
    }
    try {
      IssuedLeaf leaf =
          new IssuedLeaf(
              fields[0],
              fields[1],
              fields[2],
              Instant.ofEpochSecond(Long.parseLong(fields[3])),
              Instant.ofEpochSecond(Long.parseLong(fields[4])),
              fields[5],
              fields.length < FIELDS ? 0 : Long.parseUnsignedLong(fields[6], 16));
      if (!bySerial.containsKey(leaf.serial())) {
        put(leaf);
      }
      return true;
    } catch (RuntimeException e) {
      return false;
    }
  }

  private static String line(IssuedLeaf leaf) {
    return leaf.serial()
        + ' '
        + leaf.identity()
        + ' '
        + leaf.issuerKeySha256()
        + ' '
        + leaf.notAfter().getEpochSecond()
        + ' '
        + leaf.attestedAt().getEpochSecond()
        + ' '
        + leaf.attestor()
        + ' '
        + HexFormat.of().toHexDigits(leaf.keyDigest());
  }
}
