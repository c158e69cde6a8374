package io.signetmesh.collector.verify;

import java.util.List;

/**
 * What a log or an export holds.
 *
 * @param entries that were read
 * @param records of journals among them
 * @param foreign records about workloads that their writer does not speak for
 * @param writers that delivered them
 * @param journals of the writers
 * @param lost records that gaps state as lost, in sum
 * @param missing ranges of records that the collector states as missing; at most {@link
 *     SequenceCheck#MAX_STATED}
 * @param missingRecords of all such ranges in sum, but for those that the log may have
 */
public record Counts(
    long entries,
    long records,
    long foreign,
    int writers,
    int journals,
    long lost,
    List<StatedMissing> missing,
    long missingRecords) {
  /** Copies the list. */
  public Counts {
    missing = List.copyOf(missing);
  }

  /**
   * Records that the collector states as missing.
   *
   * @param entry that says so
   * @param writer of the journal
   * @param journal id
   * @param from sequence number of the first one
   * @param to sequence number of the last one
   * @param unsure whether the log may have them
   */
  public record StatedMissing(
      long entry, String writer, String journal, long from, long to, boolean unsure) {}
}
