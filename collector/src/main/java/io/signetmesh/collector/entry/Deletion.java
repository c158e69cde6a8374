package io.signetmesh.collector.entry;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.signetmesh.audit.tlog.NoteKey;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;

/**
 * Says in the log itself that its first entries are deleted: who keeps the log cannot do so unseen,
 * nor say later that it was at another time. It is an administrative record of the collector, in a
 * journal that each log has one of.
 *
 * @param from index of the first entry that is deleted, 0 or more
 * @param to index of the first entry that is kept, larger than {@code from}
 * @param reason by which bounds, for people
 */
public record Deletion(long from, long to, String reason) {
  /** The writer of what the collector states itself. No identity has a blank in its name. */
  public static final String WRITER = "audit collector";

  /** The act of the record. */
  public static final String ACT = "audit-entries-deleted";

  /** Name of the attribute with the first entry that is kept. */
  public static final String KEPT_FROM = "kept_from";

  /** Refuses an empty range. */
  public Deletion {
    if (from < 0 || to <= from) {
      throw new IllegalArgumentException(
          "entries " + from + " to " + to + ": expected 0 <= from < to");
    }
  }

  /** Id of the journal of what a log's collector states itself. */
  public static String journal(NoteKey log) {
    try {
      byte[] key = (log + "\n").getBytes(StandardCharsets.UTF_8);
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(key);
      return HexFormat.of().formatHex(hash, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /**
   * The entry that states it.
   *
   * @param sequence its number in the journal, 1 or more
   */
  public LogEntry entry(NoteKey log, long sequence, Instant now) {
    String line =
        "{\"sequence\":"
            + sequence
            + ",\"time\":\""
            + now.truncatedTo(ChronoUnit.MILLIS)
            + "\",\"administrative\":{\"act\":\""
            + ACT
            + "\",\"actor\":\"audit-collector\",\"subject\":\""
            + quoted(log.name())
            + "\",\"attributes\":{\"deleted_from\":\""
            + from
            + "\",\""
            + KEPT_FROM
            + "\":\""
            + to
            + "\",\"reason\":\""
            + quoted(reason)
            + "\"}}}";
    byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
    return new LogEntry(WRITER, journal(log), now, false, new LogEntry.Line(sequence, bytes));
  }

  private static String quoted(String text) {
    return new String(JsonStringEncoder.getInstance().quoteAsString(text));
  }
}
