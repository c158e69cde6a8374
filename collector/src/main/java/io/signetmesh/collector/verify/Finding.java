package io.signetmesh.collector.verify;

import io.signetmesh.audit.tlog.Damage;
import java.util.Locale;

/**
 * Something that is missing or has changed.
 *
 * @param kind what it is
 * @param from first entry that it is about; 0 with an empty range when it is about none
 * @param to the entry after the last one
 * @param where it was found: a part of the log, a line of an export, or a journal
 * @param what in words for people
 */
public record Finding(Kind kind, long from, long to, String where, String what) {
  /** Kinds of findings. */
  public enum Kind {
    /** The checkpoint is missing, malformed, or not signed as expected. */
    CHECKPOINT,
    /** The log is not the one that an earlier checkpoint was of, or it was set back. */
    HISTORY,
    /** A part is not there. */
    MISSING,
    /** Something is not of the format. */
    MALFORMED,
    /** Entries have another content. */
    CHANGED,
    /** Entries are not there, and those around them are. */
    REMOVED,
    /** There are further entries. */
    INSERTED,
    /** Entries are there in another order. */
    REORDERED,
    /** None of the entries is of this place. */
    FOREIGN,
    /** Hashes have changed; the entries below them may be good. */
    HASHES,
    /** Entries were deleted, and no entry of the log states it. */
    PRUNED,
    /** An entry is none of the collector's. */
    UNREADABLE,
    /** Sequence numbers of a journal are missing, and nothing states it. */
    HOLE,
    /** A sequence number of a journal is there again. */
    REPEATED,
    /** A record of a journal is behind one with a higher number. */
    DISORDER
  }

  static Finding of(Damage damage) {
    return new Finding(
        Kind.valueOf(damage.kind().name()),
        damage.from(),
        damage.to(),
        damage.part().toString(),
        damage.what());
  }

  /** Kind in lower case, as in JSON. */
  public String label() {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  /** One line. */
  @Override
  public String toString() {
    String entries =
        switch (Long.compare(to - from, 1)) {
          case 0 -> "entry " + from + ", ";
          case 1 -> "entries " + from + " to " + (to - 1) + ", ";
          default -> "";
        };
    return label() + ": " + entries + where + ": " + what;
  }
}
