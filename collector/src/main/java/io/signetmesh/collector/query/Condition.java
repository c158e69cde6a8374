package io.signetmesh.collector.query;

import java.time.Instant;

/** What a filter wants of an entry, in a form that an index understands. */
public sealed interface Condition {
  /** Fields of which a text is wanted. */
  enum Field {
    /** Of a decision. */
    VERDICT,
    /** Verdict of the dry run of a decision. */
    WOULD_BE,
    /** Of a decision. */
    REASON,
    /** Of a decision, as a name. */
    SERVER,
    /** Of a decision, as a name. */
    ROUTE,
    /** Of a decision. */
    PATH,
    /** Authorization of a decision, as a name. */
    POLICY,
    /** Of a decision or a gap, as a name. */
    WORKLOAD,
    /** Of an entry. */
    WRITER,
    /** Of an administrative act. */
    ACT
  }

  /**
   * A field has a text.
   *
   * @param field that is looked at
   * @param pattern of the text
   * @param isName whether the last part of a name may match, see {@link TextPattern#matchesName}
   */
  record Text(Field field, TextPattern pattern, boolean isName) implements Condition {
    /** Whether a value of the field matches. */
    public boolean matches(String value) {
      return isName ? pattern.matchesName(value) : pattern.matches(value);
    }
  }

  /**
   * A decision is about a client.
   *
   * @param pattern of its identity or address
   */
  record Client(ClientPattern pattern) implements Condition {}

  /**
   * An entry is of a kind.
   *
   * @param kind that is wanted
   */
  record OfKind(EntryFilter.Kind kind) implements Condition {}

  /**
   * An entry is foreign, or is not.
   *
   * @param isForeign which is wanted
   */
  record IsForeign(boolean isForeign) implements Condition {}

  /**
   * It happened at a time or later.
   *
   * @param time the first one
   */
  record Since(Instant time) implements Condition {}

  /**
   * It happened before a time.
   *
   * @param time the one after the last
   */
  record Until(Instant time) implements Condition {}
}
