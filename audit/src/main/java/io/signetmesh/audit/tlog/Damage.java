package io.signetmesh.audit.tlog;

/**
 * Something in a log that is not as its checkpoint says.
 *
 * @param kind what it is
 * @param from first entry that it is about
 * @param to the entry after the last one
 * @param part path of the part in which it was found
 * @param what in words for people
 */
public record Damage(Kind kind, long from, long to, TilePath part, String what) {
  /** Kinds of damage. */
  public enum Kind {
    /** The part is not there. */
    MISSING,
    /** The part is not of the format, from an entry on. */
    MALFORMED,
    /** Entries have another content. */
    CHANGED,
    /** Entries are not there, and those around them are. */
    REMOVED,
    /** There are further entries between those of the log. */
    INSERTED,
    /** The entries are there in another order. */
    REORDERED,
    /** None of the entries is of this place of the log. */
    FOREIGN,
    /** Hashes have changed. The entries below them may be good. */
    HASHES
  }

  @Override
  public String toString() {
    String entries = to - from == 1 ? "entry " + from : "entries " + from + " to " + (to - 1);
    return kind.name().toLowerCase(java.util.Locale.ROOT)
        + ": "
        + entries
        + ", "
        + part
        + ": "
        + what;
  }
}
