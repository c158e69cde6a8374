package io.signetmesh.collector.ingest;

import io.grpc.Status;
import io.grpc.StatusException;
import io.signetmesh.audit.tlog.EntryBundle;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.entry.MalformedEntryException;
import io.signetmesh.collector.log.Addition;
import io.signetmesh.collector.log.JournalKey;
import io.signetmesh.identity.channel.Caller;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * What one message delivers, as entries of the log.
 *
 * @param addition the records
 * @param bytes of its entries
 * @param foreign records that are about a workload that the writer does not speak for
 */
record Batch(Addition addition, int bytes, int foreign) {
  /** Largest sequence number: readers of JSON keep integers up to here (RFC 8259, section 6). */
  static final long MAX_SEQUENCE = (1L << 53) - 1;

  /**
   * Reads lines. One that cannot be read spoils all.
   *
   * @throws StatusException INVALID_ARGUMENT; the message names the record
   */
  static Batch of(
      JournalKey journal, Caller caller, WriterRights rights, List<byte[]> lines, Instant received)
      throws StatusException {
    long[] sequences = new long[lines.size()];
    List<byte[]> entries = new ArrayList<>(lines.size());
    int bytes = 0;
    int foreign = 0;
    long before = 0;
    for (int i = 0; i < sequences.length; i++) {
      String where =
          "journal "
              + journal.journal()
              + ", line "
              + (i + 1)
              + " of "
              + sequences.length
              + (before == 0 ? "" : ", after record " + before);
      LogEntry.Line line;
      boolean isForeign;
      try {
        if (lines.get(i).length > EntryBundle.MAX_ENTRY) {
          throw new IOException(
              lines.get(i).length + " bytes: expected at most " + EntryBundle.MAX_ENTRY);
        }
        line = LogEntry.Line.of(lines.get(i));
        isForeign = isForeign(RecordClaims.of(lines.get(i)), caller, rights);
      } catch (IOException | RuntimeException e) {
        throw invalid(where + ": " + e.getMessage());
      }
      if (line.sequence() <= before || line.sequence() > MAX_SEQUENCE) {
        throw invalid(
            where
                + ": sequence "
                + line.sequence()
                + ": expected more than that before, and at most "
                + MAX_SEQUENCE);
      }
      LogEntry made = new LogEntry(journal.writer(), journal.journal(), received, isForeign, line);
      byte[] entry = made.bytes();
      if (entry.length > EntryBundle.MAX_ENTRY) {
        throw invalid(
            where
                + ": record "
                + line.sequence()
                + " makes an entry of "
                + entry.length
                + " bytes: expected at most "
                + EntryBundle.MAX_ENTRY);
      }
      if (!isReadAs(made, entry)) {
        throw invalid(
            where
                + ": record "
                + line.sequence()
                + " makes an entry that is not read as it was: expected one object of JSON and"
                + " nothing around it");
      }
      before = line.sequence();
      sequences[i] = before;
      entries.add(entry);
      bytes += entry.length;
      foreign += isForeign ? 1 : 0;
    }
    return new Batch(new Addition(journal, sequences, entries), bytes, foreign);
  }

  /** What cannot be read later must not be in the log: it cannot be taken out of it again. */
  private static boolean isReadAs(LogEntry made, byte[] entry) {
    try {
      return LogEntry.parse(entry).equals(made);
    } catch (MalformedEntryException e) {
      return false;
    }
  }

  private static boolean isForeign(RecordClaims claims, Caller caller, WriterRights rights) {
    return (claims.administrative() && !rights.isControlPlane(caller))
        || claims.workloads().stream().anyMatch(workload -> !rights.speaksFor(caller, workload));
  }

  private static StatusException invalid(String message) {
    return Status.INVALID_ARGUMENT.withDescription(message).asException();
  }
}
