package io.signetmesh.collector.log;

import java.util.List;

/**
 * Records of a journal that are to be appended.
 *
 * @param journal whose they are
 * @param sequences their numbers, each larger than the one before, 1 or more
 * @param entries their entries, as many; at most {@link
 *     io.signetmesh.audit.tlog.EntryBundle#MAX_ENTRY} bytes each
 */
@SuppressWarnings("ArrayRecordComponent")
public record Addition(JournalKey journal, long[] sequences, List<byte[]> entries) {
  /** Refuses lists of different lengths. */
  public Addition {
    if (sequences.length != entries.size()) {
      throw new IllegalArgumentException(
          sequences.length + " numbers of " + entries.size() + " records: expected as many");
    }
  }

  /** What became of it. */
  public sealed interface Outcome {
    /**
     * All of it is durable.
     *
     * @param sequence highest durable sequence number of the journal; 0 when it has no record
     * @param appended records of the addition that were appended
     * @param duplicates those that the log had already
     * @param missing records that are noted as missing
     */
    record Durable(long sequence, int appended, int duplicates, long missing) implements Outcome {}

    /** The writer has as many journals as it may; nothing was appended. */
    record NoRoom() implements Outcome {}
  }
}
