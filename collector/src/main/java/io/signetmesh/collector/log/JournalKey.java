package io.signetmesh.collector.log;

import io.signetmesh.collector.entry.LogEntry;

/**
 * A journal of a writer. The id alone names nothing: whoever learns the id of another writer's
 * journal gets one of its own by it.
 *
 * @param writer identity of the writer, as the collector verified it; 1 to {@link
 *     LogEntry#MAX_WRITER} characters
 * @param journal 32 lower-case hex digits
 */
public record JournalKey(String writer, String journal) {
  /** Checks the id. */
  public JournalKey {
    if (writer.isEmpty() || writer.length() > LogEntry.MAX_WRITER) {
      throw new IllegalArgumentException(
          "writer of " + writer.length() + " characters: expected 1 to " + LogEntry.MAX_WRITER);
    }
    if (!LogEntry.isJournal(journal)) {
      throw new IllegalArgumentException("journal: expected 32 lower-case hex digits");
    }
  }
}
