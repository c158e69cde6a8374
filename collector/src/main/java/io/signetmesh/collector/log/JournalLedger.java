package io.signetmesh.collector.log;

import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * The highest durable sequence number of each journal. Bounded for each writer and in all: when
 * there is no room, a journal that had no record for an hour is forgotten, and if there is none, a
 * new journal is refused. If a forgotten one goes on, what its writer still has of it is appended
 * again. A writer that makes many journals forgets its own first. Thread-safe.
 */
final class JournalLedger {
  /** Journals of a writer. */
  static final int MAX_OF_WRITER = 1_024;

  /** Journals of all writers, some 200 bytes each. */
  static final int MAX = 262_144;

  /** How long a journal is known at least after its last record. */
  static final Duration KEPT = Duration.ofHours(1);

  private final int most;

  /** Journals of each writer; the one that was written last comes last. */
  private final Map<String, LinkedHashMap<String, Position>> writers = new HashMap<>();

  private int size;

  /**
   * Where a journal is.
   *
   * @param durable highest durable sequence number, 1 or more
   * @param millis when it was received, milliseconds of the epoch
   */
  record Position(long durable, long millis) {}

  JournalLedger() {
    this(MAX);
  }

  JournalLedger(int most) {
    this.most = most;
  }

  /** The highest durable sequence number; 0 when there is none. */
  synchronized long durable(JournalKey key) {
    Map<String, Position> journals = writers.get(key.writer());
    Position position = journals == null ? null : journals.get(key.journal());
    return position == null ? 0 : position.durable;
  }

  /** Number of journals. */
  synchronized int size() {
    return size;
  }

  /**
   * Whether a journal is known or may become so.
   *
   * @param more journals of the same writer that were let in and are not put yet
   */
  synchronized boolean hasRoom(JournalKey key, long nowMillis, int more) {
    LinkedHashMap<String, Position> journals = writers.get(key.writer());
    if (journals == null) {
      return more < MAX_OF_WRITER && (size + more < most || isAnyIdle(nowMillis));
    }
    return journals.containsKey(key.journal())
        || (journals.size() + more < MAX_OF_WRITER && (size + more < most || isAnyIdle(nowMillis)))
        || isIdle(journals, nowMillis);
  }

  private boolean isAnyIdle(long nowMillis) {
    return writers.values().stream().anyMatch(journals -> isIdle(journals, nowMillis));
  }

  private static boolean isIdle(LinkedHashMap<String, Position> journals, long nowMillis) {
    return !journals.isEmpty()
        && nowMillis - journals.firstEntry().getValue().millis >= KEPT.toMillis();
  }

  /**
   * Takes a position, and forgets what has to be forgotten for it.
   *
   * @param position not before the one that is known
   */
  synchronized void put(JournalKey key, Position position) {
    LinkedHashMap<String, Position> journals =
        writers.computeIfAbsent(key.writer(), _ -> new LinkedHashMap<>());
    if (journals.remove(key.journal()) == null) {
      size++;
    }
    journals.putLast(key.journal(), position);
    if (journals.size() > MAX_OF_WRITER) {
      journals.pollFirstEntry();
      size--;
    }
    if (size > most) {
      forgetOldest(key.writer());
    }
  }

  private void forgetOldest(String putting) {
    String oldest = putting;
    long least = Long.MAX_VALUE;
    for (Map.Entry<String, LinkedHashMap<String, Position>> writer : writers.entrySet()) {
      long millis = writer.getValue().firstEntry().getValue().millis;
      if (millis < least) {
        least = millis;
        oldest = writer.getKey();
      }
    }
    LinkedHashMap<String, Position> journals = writers.get(oldest);
    if (journals != null) {
      journals.pollFirstEntry();
      size--;
      if (journals.isEmpty()) {
        writers.remove(oldest);
      }
    }
  }

  /** Gives all journals, those of a writer one after the other and the oldest first. */
  synchronized void forEach(BiConsumer<JournalKey, Position> action) {
    writers.forEach(
        (writer, journals) ->
            journals.forEach(
                (journal, position) -> action.accept(new JournalKey(writer, journal), position)));
  }
}
