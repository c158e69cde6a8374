package io.signetmesh.collector.kafka;

import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.entry.MalformedEntryException;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.EntryParser;
import io.signetmesh.collector.query.UnreadableEntryException;
import org.jspecify.annotations.Nullable;

/**
 * An entry as a message of a topic.
 *
 * @param index in the log
 * @param key the workload that the entry is about; its writer when it is about none, does not speak
 *     for that workload, or wrote what cannot be read; {@code #} and the index when there is no
 *     writer. Messages of a key are in the order of the log
 * @param received when the collector took it, milliseconds since 1970; null when that cannot be
 *     read
 * @param value the bytes of the entry as the log holds it
 */
@SuppressWarnings("ArrayRecordComponent") // messages are not compared
record KafkaMessage(long index, String key, @Nullable Long received, byte[] value) {
  /** Bytes that a message takes besides its value and key, more or less. */
  private static final int OVERHEAD = 128;

  static KafkaMessage of(AuditEntry entry) {
    // Of a workload that its writer does not speak for: the key is no claim of a writer's.
    if (entry.foreign()) {
      return of(entry, null);
    }
    String about =
        switch (entry.event()) {
          case Decision decision -> decision.workload();
          case Gap gap -> gap.workload();
          default -> null;
        };
    return of(entry, about);
  }

  private static KafkaMessage of(AuditEntry entry, @Nullable String about) {
    return new KafkaMessage(
        entry.index(),
        about == null || about.isEmpty() ? entry.writer() : about,
        // The time of the record is the writer's to choose.
        Math.max(0, entry.received().toEpochMilli()),
        entry.bytes());
  }

  /** The message of an entry, readable or not. */
  static KafkaMessage of(long index, byte[] entry) {
    try {
      return of(EntryParser.parse(index, entry));
    } catch (UnreadableEntryException e) {
      return unreadable(index, entry);
    }
  }

  /** What its writer chose cannot be read; who it is, and the time, the collector has written. */
  private static KafkaMessage unreadable(long index, byte[] entry) {
    try {
      LogEntry read = LogEntry.parse(entry);
      return new KafkaMessage(
          index, read.writer(), Math.max(0, read.received().toEpochMilli()), entry);
    } catch (MalformedEntryException e) {
      return new KafkaMessage(index, "#" + index, null, entry);
    }
  }

  int bytes() {
    return value.length + key.length() + OVERHEAD;
  }
}
