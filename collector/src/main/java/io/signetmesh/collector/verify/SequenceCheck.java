package io.signetmesh.collector.verify;

import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.AuditEntry.Missing;
import io.signetmesh.collector.verify.Counts.StatedMissing;
import io.signetmesh.collector.verify.Finding.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Follows the sequence numbers of each journal of each writer: they have no hole that is not stated
 * as missing, none is there twice, and they go up. Memory grows with the number of journals only.
 * Not thread-safe.
 */
public final class SequenceCheck {
  /** Ranges stated as missing that are listed; all are counted. */
  public static final int MAX_STATED = 1000;

  /** Journals that are followed, so that memory has a bound: about 300 MB. */
  static final int MAX_JOURNALS = 1_000_000;

  /** Holes of a journal that are remembered, to tell a late record from a repeated one. */
  private static final int MAX_HOLES = 16;

  private record Key(String writer, String journal) {}

  private record Range(long from, long to) {}

  /** Where a journal is. */
  private static final class Progress {
    /** The next sequence number. */
    long next;

    /** What was not read up to when this was known. */
    int unread;

    @Nullable List<Range> holes;
  }

  private final Map<Key, Progress> journals = new HashMap<>();
  private final Set<String> writers = new HashSet<>();
  private final List<StatedMissing> stated = new ArrayList<>();
  private final Consumer<Finding> findings;
  private final boolean beginsWithTheLog;
  private boolean isFull;
  private int unread;
  private long entries;
  private long records;
  private long foreign;
  private long lost;
  private long missing;

  /**
   * A check.
   *
   * @param beginsWithTheLog whether its first entry is the first one of the log, where each journal
   *     begins with 1
   * @param findings gets what is wrong
   */
  SequenceCheck(boolean beginsWithTheLog, Consumer<Finding> findings) {
    this.beginsWithTheLog = beginsWithTheLog;
    this.findings = findings;
  }

  /** Entries of the log were passed over: what they held of a journal is not known. */
  void passOver(long count) {
    unread++;
    entries += count;
  }

  /** Follows an entry. */
  void add(AuditEntry entry) {
    entries++;
    if (entry.foreign()) {
      foreign++;
    }
    long last = entry.sequence();
    switch (entry.event()) {
      case Missing(long from, long to, boolean unsure) -> {
        last = to;
        missing += unsure ? 0 : to - from + 1;
        if (stated.size() < MAX_STATED) {
          stated.add(
              new StatedMissing(entry.index(), entry.writer(), entry.journal(), from, to, unsure));
        }
      }
      case Gap gap -> {
        records++;
        lost += gap.lost();
      }
      default -> records++;
    }
    Key key = new Key(entry.writer(), entry.journal());
    Progress progress = journals.get(key);
    if (progress == null) {
      if (journals.size() >= MAX_JOURNALS) {
        if (!isFull) {
          isFull = true;
          report(Kind.MALFORMED, entry, "more than " + MAX_JOURNALS + " journals: not followed");
        }
        return;
      }
      progress = new Progress();
      writers.add(entry.writer());
      journals.put(key, progress);
      progress.unread = unread;
      progress.next = beginsWithTheLog && unread == 0 ? 1 : entry.sequence();
    }
    if (entry.event() instanceof Missing(_, long to, boolean unsure) && unsure) {
      // The collector had forgotten the journal: what follows may be there already.
      progress.unread = unread;
      progress.next = to + 1;
      return;
    }
    follow(entry, last, progress);
  }

  private void follow(AuditEntry entry, long last, Progress progress) {
    long first = entry.sequence();
    boolean isKnown = progress.unread == unread;
    progress.unread = unread;
    if (first < progress.next) {
      boolean isLate = progress.holes != null && isIn(progress.holes, first);
      report(
          isLate ? Kind.DISORDER : Kind.REPEATED,
          entry,
          (isLate
                  ? "record " + first + " is behind record "
                  : "record " + first + " again, behind ")
              + (progress.next - 1));
      progress.next = Math.max(progress.next, last + 1);
      return;
    }
    if (first > progress.next && isKnown) {
      Range hole = new Range(progress.next, first - 1);
      report(
          Kind.HOLE,
          entry,
          (hole.from == hole.to
                  ? "record " + hole.from + " is"
                  : "records " + hole.from + " to " + hole.to + " are")
              + " missing before record "
              + first
              + ", and nothing states it");
      if (progress.holes == null) {
        progress.holes = new ArrayList<>(1);
      }
      if (progress.holes.size() < MAX_HOLES) {
        progress.holes.add(hole);
      }
    }
    progress.next = last + 1;
  }

  private static boolean isIn(List<Range> holes, long sequence) {
    return holes.stream().anyMatch(hole -> hole.from <= sequence && sequence <= hole.to);
  }

  private void report(Kind kind, AuditEntry entry, String what) {
    findings.accept(
        new Finding(
            kind,
            entry.index(),
            entry.index() + 1,
            "journal " + entry.journal() + " of " + entry.writer(),
            what));
  }

  Counts counts() {
    return new Counts(
        entries, records, foreign, writers.size(), journals.size(), lost, stated, missing);
  }
}
