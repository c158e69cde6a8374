package io.signetmesh.identity.server;

import com.google.protobuf.ByteString;
import com.google.protobuf.DiscardUnknownFieldsParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Parser;
import com.google.protobuf.Timestamp;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.identity.live.AnchorUse;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.v1.PeerAnchor;
import io.signetmesh.v1.ServedLeaf;
import io.signetmesh.v1.TrustReport;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The trust bundle and the leaf that each workload reports to have in force. A workload that
 * disconnects stays in the ledger until its leaf expires, because it may still use the leaf. It
 * does so only if the leaf is on record as issued to it, and gives way to workloads that are
 * connected. Streams are kept in memory: workloads report again after the server restarts. What was
 * reported of each leaf is kept in {@link LeafReports}.
 */
public final class AdoptionLedger {
  /** Bounds the memory against clients that come and go; far above one server's workloads. */
  private static final int MAX_ENTRIES = 50_000;

  /** What one identity may take of them, so that no workload keeps the others out. */
  static final int MAX_ENTRIES_OF_ONE = 5_000;

  private static final int DIGEST = 32;
  private static final int MAX_REFUSAL = 1024;
  private static final int MAX_REPORT_BYTES = 4 * 1024;
  private static final int MAX_ANCHORS = 16;
  private static final int MAX_SUPERSEDED = 16;
  private static final int MAX_ABANDONED = 16;

  /** As on record. */
  private static final Pattern SERIAL = Pattern.compile("[0-9a-f]{1,40}");

  /** A report is kept: what a workload adds to it must not be. */
  private static final Parser<TrustReport> KNOWN_FIELDS =
      DiscardUnknownFieldsParser.wrap(TrustReport.parser());

  /** A workload whose call failed asks again, and reports, within that. */
  private static final Duration RECENT = Duration.ofMinutes(10);

  /** Between two looks at all entries. */
  private static final Duration SWEEP = Duration.ofSeconds(10);

  private final Map<Long, Adoption> entries = new ConcurrentHashMap<>();

  /** Streams with an entry. Guarded by itself. */
  private final Map<String, Set<Long>> byIdentity = new HashMap<>();

  /** Streams with an entry that have ended, the first to end first. Guarded by byIdentity. */
  private final Set<Long> gone = new LinkedHashSet<>();

  private Instant sweptAt = Instant.MIN;
  private final AtomicLong nextStream = new AtomicLong();
  private final LeafReports reports;
  private final Duration longestLife;
  private final int maxEntries;
  private final InstantSource clock;

  /**
   * Makes an empty ledger.
   *
   * @param longestLife of leaves that are issued
   */
  AdoptionLedger(LeafReports reports, Duration longestLife, InstantSource clock) {
    this(reports, longestLife, clock, MAX_ENTRIES);
  }

  AdoptionLedger(LeafReports reports, Duration longestLife, InstantSource clock, int maxEntries) {
    this.reports = reports;
    this.longestLife = longestLife;
    this.maxEntries = maxEntries;
    this.clock = clock;
  }

  /**
   * The state that one workload reported.
   *
   * @param identity name of the workload, or the label of an unnamed local caller
   * @param address address that the report came from
   * @param report its last report; the end of its leaf is that on record, or for a leaf that is not
   *     on record at most the longest life of leaves after the report
   * @param reportedAt when the report arrived
   * @param connected whether its stream is open
   * @param onRecord whether the leaf was issued to the identity
   */
  public record Adoption(
      String identity,
      String address,
      TrustReport report,
      Instant reportedAt,
      boolean connected,
      boolean onRecord) {
    /** Without what says something about a live process only. */
    Adoption disconnected() {
      TrustReport rest =
          report.toBuilder()
              .clearPeerAnchors()
              .clearSupersededSerials()
              .clearAbandonedKeys()
              .build();
      return new Adoption(identity, address, rest, reportedAt, false, onRecord);
    }
  }

  /** The current reports, in no order. */
  public Collection<Adoption> adoptions() {
    return List.copyOf(entries.values());
  }

  /** The last report about each leaf. */
  public LeafReports reports() {
    return reports;
  }

  long open() {
    return nextStream.incrementAndGet();
  }

  /**
   * What is wrong with a report, by the limits of {@code trust.proto}: the field, its value and
   * what was expected. Empty when it may be kept.
   */
  static String problem(TrustReport report) {
    if (report.getSerializedSize() > MAX_REPORT_BYTES) {
      return tooMany("TrustReport", report.getSerializedSize() + " bytes", MAX_REPORT_BYTES);
    }
    int trusted = report.getTrustedDigest().size();
    if (trusted != DIGEST) {
      return "trusted_digest has " + trusted + " bytes: expected " + DIGEST;
    }
    int refusal = report.getRefusal().length();
    if (refusal > MAX_REFUSAL) {
      return tooMany("refusal", refusal + " characters", MAX_REFUSAL);
    }
    String leaf = problem(report.getLeaf());
    if (!leaf.isEmpty()) {
      return leaf;
    }
    int superseded = report.getSupersededSerialsCount();
    if (superseded > MAX_SUPERSEDED) {
      return tooMany("superseded_serials", superseded + " entries", MAX_SUPERSEDED);
    }
    for (String serial : report.getSupersededSerialsList()) {
      if (!SERIAL.matcher(serial).matches()) {
        return noSerial("superseded_serials", serial);
      }
    }
    int abandoned = report.getAbandonedKeysCount();
    if (abandoned > MAX_ABANDONED) {
      return tooMany("abandoned_keys", abandoned + " entries", MAX_ABANDONED);
    }
    for (ByteString key : report.getAbandonedKeysList()) {
      if (key.size() != DIGEST) {
        return "abandoned_keys has one of " + key.size() + " bytes: expected " + DIGEST;
      }
    }
    int anchors = report.getPeerAnchorsCount();
    if (anchors > MAX_ANCHORS) {
      return tooMany("peer_anchors", anchors + " entries", MAX_ANCHORS);
    }
    for (PeerAnchor anchor : report.getPeerAnchorsList()) {
      int size = anchor.getAnchorSha256().size();
      if (size != DIGEST) {
        return "peer_anchors.anchor_sha256 has " + size + " bytes: expected " + DIGEST;
      }
      if (anchor.getPeersCount() > AnchorUse.MAX_PEERS) {
        return tooMany(
            "peer_anchors.peers", anchor.getPeersCount() + " entries", AnchorUse.MAX_PEERS);
      }
    }
    return "";
  }

  /** A workload without a leaf of its own, which is trusted locally, leaves the fields out. */
  private static String problem(ServedLeaf leaf) {
    int sha256 = leaf.getSha256().size();
    if (sha256 != 0 && sha256 != DIGEST) {
      return "leaf.sha256 has " + sha256 + " bytes: expected " + DIGEST;
    }
    int key = leaf.getIssuerKeySha256().size();
    if (key != 0 && key != DIGEST) {
      return "leaf.issuer_key_sha256 has " + key + " bytes: expected " + DIGEST;
    }
    String serial = leaf.getSerial();
    return serial.isEmpty() || SERIAL.matcher(serial).matches()
        ? ""
        : noSerial("leaf.serial", serial);
  }

  private static String tooMany(String field, String value, int most) {
    return field + " has " + value + ": expected at most " + most;
  }

  private static String noSerial(String field, String value) {
    return field
        + " has "
        + WorkloadIdentity.printable(value)
        + ": expected 1 to 40 lower-case hexadecimal digits";
  }

  /**
   * A report of a workload without a {@link #problem}; the first of a stream may be left out when
   * there are too many.
   */
  void report(long stream, String identity, String address, TrustReport report) {
    Instant now = clock.instant();
    @Nullable IssuedLeaf issued = reports.issued(report.getLeaf().getSerial(), identity);
    Adoption adoption =
        new Adoption(identity, address, kept(report, issued, now), now, true, issued != null);
    @Nullable Adoption before;
    synchronized (byIdentity) {
      if (!entries.containsKey(stream)) {
        forget(adoption);
        if (!hasShare(identity)) {
          dropFirst(streams(identity).stream().filter(gone::contains).iterator());
        }
        if (entries.size() >= maxEntries) {
          dropFirst(gone.iterator());
        }
        if (entries.size() >= maxEntries || !hasShare(identity)) {
          return;
        }
        byIdentity.computeIfAbsent(identity, _ -> new LinkedHashSet<>(2)).add(stream);
      }
      before = entries.put(stream, adoption);
      keep(stream, adoption, before);
    }
    keepAbandoned(adoption, before);
  }

  private Set<Long> streams(String identity) {
    return byIdentity.getOrDefault(identity, Set.of());
  }

  private boolean hasShare(String identity) {
    return streams(identity).size() < MAX_ENTRIES_OF_ONE;
  }

  /** A report as it is kept: with known fields, and with an end of its leaf that can be true. */
  private TrustReport kept(TrustReport report, @Nullable IssuedLeaf issued, Instant now) {
    TrustReport.Builder kept;
    try {
      kept = KNOWN_FIELDS.parseFrom(report.toByteString()).toBuilder();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("a TrustReport that was parsed cannot be parsed again", e);
    }
    if (!report.getLeaf().hasNotAfter() && issued == null) {
      return kept.build();
    }
    long end =
        issued != null
            ? issued.notAfter().getEpochSecond()
            : Math.clamp(
                report.getLeaf().getNotAfter().getSeconds(),
                0,
                now.plus(longestLife).getEpochSecond());
    kept.getLeafBuilder().setNotAfter(Timestamp.newBuilder().setSeconds(end));
    return kept.build();
  }

  /**
   * What has to outlive the stream and the process. Each process of an identity can say that a leaf
   * of it is superseded: it is believed only if its own leaf is on record, and of no leaf that
   * another process serves.
   */
  private void keep(long stream, Adoption adoption, @Nullable Adoption before) {
    serves(adoption);
    Set<String> superseded = new LinkedHashSet<>();
    if (adoption.onRecord) {
      superseded.addAll(adoption.report.getSupersededSerialsList());
    }
    if (before != null && isAnother(adoption, before)) {
      superseded.add(leaf(before).getSerial());
    }
    superseded.removeIf(
        serial -> reports.of(serial).filter(LeafReports.LeafReport::superseded).isPresent());
    if (superseded.isEmpty()) {
      return;
    }
    for (long other : streams(adoption.identity)) {
      Adoption served = entries.get(other);
      if (other != stream && served != null && served.connected) {
        superseded.remove(leaf(served).getSerial());
      }
    }
    superseded.forEach(serial -> reports.superseded(serial, adoption.identity));
  }

  private void serves(Adoption adoption) {
    reports.serves(
        leaf(adoption).getSerial(),
        adoption.identity,
        adoption.address,
        HexFormat.of().formatHex(adoption.report.getTrustedDigest().toByteArray()));
  }

  private void keepAbandoned(Adoption adoption, @Nullable Adoption before) {
    List<ByteString> abandoned = adoption.report.getAbandonedKeysList();
    if (adoption.onRecord
        && !abandoned.isEmpty()
        && (before == null
            || isAnother(adoption, before)
            || !before.report.getAbandonedKeysList().equals(abandoned))) {
      Set<Long> keys = new HashSet<>();
      abandoned.forEach(key -> keys.add(IssuedLeaf.keyDigest(key.toByteArray())));
      // No leaf lives longer, so one that ends later than that was issued since.
      Instant earliestEnd = clock.instant().plus(longestLife).minus(RECENT);
      reports.abandoned(adoption.identity, keys, earliestEnd);
    }
  }

  private static boolean isAnother(Adoption adoption, Adoption before) {
    return !leaf(before).getSerial().equals(leaf(adoption).getSerial());
  }

  /** The stream of a workload has ended. */
  void close(long stream) {
    synchronized (byIdentity) {
      Adoption adoption = entries.get(stream);
      if (adoption == null) {
        return;
      }
      if (adoption.onRecord) {
        if (!adoption.report.getSupersededSerialsList().contains(leaf(adoption).getSerial())) {
          // Whatever others said of it: until a moment ago somebody served it.
          serves(adoption);
        }
        entries.put(stream, adoption.disconnected());
        gone.add(stream);
      } else {
        drop(stream);
      }
    }
  }

  /**
   * Drops what the newcomer replaces, and now and then those gone whose leaf has expired. Ten
   * thousand workloads that come at once do not each look at all others.
   */
  private void forget(Adoption newcomer) {
    Instant now = clock.instant();
    String serial = leaf(newcomer).getSerial();
    for (long stream : List.copyOf(streams(newcomer.identity))) {
      Adoption old = entries.get(stream);
      if (old != null && !old.connected && leaf(old).getSerial().equals(serial)) {
        drop(stream);
      }
    }
    if (sweptAt.isAfter(now.minus(SWEEP))) {
      return;
    }
    sweptAt = now;
    for (long stream : List.copyOf(gone)) {
      Adoption old = entries.get(stream);
      if (old != null && leaf(old).getNotAfter().getSeconds() < now.getEpochSecond()) {
        drop(stream);
      }
    }
  }

  private void dropFirst(Iterator<Long> streams) {
    if (streams.hasNext()) {
      drop(streams.next());
    }
  }

  private void drop(long stream) {
    gone.remove(stream);
    Adoption dropped = entries.remove(stream);
    if (dropped != null) {
      byIdentity.computeIfPresent(
          dropped.identity,
          (identity, own) -> {
            own.remove(stream);
            return own.isEmpty() ? null : own;
          });
    }
  }

  private static ServedLeaf leaf(Adoption adoption) {
    return adoption.report.getLeaf();
  }
}
