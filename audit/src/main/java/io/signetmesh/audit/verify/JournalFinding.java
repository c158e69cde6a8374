package io.signetmesh.audit.verify;

import java.util.Locale;

/**
 * Something that is wrong with the files of a journal.
 *
 * @param kind what is wrong
 * @param from number of the first record that it is about; 0 when no number is known
 * @param to number of the last record that it is about
 * @param file name of the file in which it is seen
 * @param line line in that file, from 1
 * @param detail what was expected, and what is there
 */
public record JournalFinding(Kind kind, long from, long to, String file, long line, String detail) {
  /** What can be wrong. */
  public enum Kind {
    /** Records were removed, or the files between were. */
    MISSING,
    /** A record comes after one with a higher or the same number. */
    REORDERED,
    /** A line is no record of a journal. */
    UNREADABLE,
    /** The records between two heads are not those that the second one states. */
    CHANGED,
    /** A head does not follow from the one before. */
    FOREIGN_HEAD,
    /**
     * The process that signs did not find the file as it left it, or does not know who wrote what
     * is before: nothing shows that the records before are unaltered.
     */
    BREAK,
    /** More records than a head may leave are behind the last one, or are much later. */
    UNCOVERED,
    /** The time of a head is before that of a head or a record that it follows. */
    TIME,
    /** The signature of a head is not that of its certificate, or nobody trusts that. */
    SIGNATURE,
    /**
     * The end is missing: a line is not whole, or records that are known to exist are not there.
     */
    CUT
  }

  @Override
  public String toString() {
    String records = from == to ? "record " + from : "records " + from + " to " + to;
    return "%s:%d: %s: %s: %s"
        .formatted(file, line, kind.name().toLowerCase(Locale.ROOT), records, detail);
  }
}
