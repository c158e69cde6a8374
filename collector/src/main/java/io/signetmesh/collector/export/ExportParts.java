package io.signetmesh.collector.export;

import java.io.IOException;

/** Exports a log part by part. */
public interface ExportParts extends AutoCloseable {
  /**
   * Exports a part: it is with the receiver when this returns.
   *
   * @param to at most {@link JsonLinesParts#ENTRIES} behind {@code from}
   * @return number of records
   */
  long write(long from, long to) throws IOException;

  /** Entries so far that are no records of a collector, and could not be exported. */
  long unreadable();

  /**
   * What the receiver says of itself, so that a cursor is gone on with there only; empty when it
   * says nothing.
   *
   * @throws IOException when it does not answer
   */
  default String place() throws IOException {
    return "";
  }

  /** Ends what the export has begun. */
  @Override
  default void close() {}
}
