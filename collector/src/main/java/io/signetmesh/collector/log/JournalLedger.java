package io.signetmesh.collector.log;

import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * The highest durable sequence number of each journal. Bounded for each writer and in all: when
 * there is no room, a journal that had no record for an hour is put aside, and if there is none, a
 * new journal is refused. Of those that were put aside, the id and the number are kept, so that
 * they can go on; they are bounded too. Beyond that it is not known any more whether a journal is a
 * new one, and {@link #isUnsure} says so. A writer that makes many journals loses its own first.
 * Thread-safe.
 */
final class JournalLedger {
  /** Journals of a writer. */
  static final int MAX_OF_WRITER = 1_024;

  /** Journals of all writers, some 200 bytes each. */
  static final int MAX = 262_144;

  /** Journals of all writers that were put aside, 24 bytes each. */
  static final int MAX_ASIDE = 1_048_576;

  /** How long a journal is known at least after its last record. */
  static final Duration KEPT = Duration.ofHours(1);

  private final int most;

  /** Journals of each writer; the one that was written last comes last. */
  private final Map<String, LinkedHashMap<String, Position>> writers = new HashMap<>();

  private int size;

  /** Journals that were put aside, of each writer that has some. */
  private final Map<String, ForgottenJournals> aside = new HashMap<>();

  private int asideSize;

  /** Whether any writer may have had journals of which nothing is known. */
  private boolean incomplete;

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
    if (position != null) {
      return position.durable;
    }
    ForgottenJournals left = aside.get(key.writer());
    return left == null ? 0 : left.durable(key.journal());
  }

  /** Whether a journal is known and was not put aside. */
  synchronized boolean isHeld(JournalKey key) {
    Map<String, Position> journals = writers.get(key.writer());
    return journals != null && journals.containsKey(key.journal());
  }

  /** Whether a journal of which nothing is known may have been known once. */
  synchronized boolean isUnsure(JournalKey key) {
    ForgottenJournals left = aside.get(key.writer());
    return (incomplete || (left != null && left.isIncomplete())) && durable(key) == 0;
  }

  /** There were journals of which nothing is known. */
  synchronized void setIncomplete() {
    incomplete = true;
  }

  /** Whether there were journals of which nothing is known, of any writer. */
  synchronized boolean isIncomplete() {
    return incomplete;
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
    ForgottenJournals left = aside.get(key.writer());
    if (left != null && left.remove(key.journal())) {
      asideSize--;
    }
    if (journals.size() > MAX_OF_WRITER) {
      putFirstAside(key.writer(), journals);
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
      putFirstAside(oldest, journals);
      if (journals.isEmpty()) {
        writers.remove(oldest);
      }
    }
  }

  private void putFirstAside(String writer, LinkedHashMap<String, Position> journals) {
    Map.Entry<String, Position> first = journals.pollFirstEntry();
    size--;
    putAside(writer, first.getKey(), first.getValue().durable);
  }

  /**
   * Takes a journal that was put aside.
   *
   * @param durable its highest durable sequence number, 1 or more
   */
  synchronized void putAside(String writer, String journal, long durable) {
    asideSize += aside.computeIfAbsent(writer, _ -> new ForgottenJournals()).add(journal, durable);
    if (asideSize > MAX_ASIDE) {
      aside.entrySet().stream()
          .max(Comparator.comparingInt(of -> of.getValue().size()))
          .ifPresent(of -> dropFirst(of.getKey(), of.getValue()));
    }
  }

  private void dropFirst(String writer, ForgottenJournals of) {
    of.removeFirst();
    asideSize--;
    if (of.size() == 0) {
      // One flag for all of them, because writers without a journal are not kept.
      aside.remove(writer);
      incomplete = true;
    }
  }

  /** Of a writer, there were journals of which nothing is known. */
  synchronized void setIncomplete(String writer) {
    aside.computeIfAbsent(writer, _ -> new ForgottenJournals()).setIncomplete();
  }

  /** Gives the journals that were put aside, by writer. */
  synchronized void forEachAside(BiConsumer<String, ForgottenJournals> action) {
    aside.forEach(action);
  }

  /** Gives all journals, those of a writer one after the other and the oldest first. */
  synchronized void forEach(BiConsumer<JournalKey, Position> action) {
    writers.forEach(
        (writer, journals) ->
            journals.forEach(
                (journal, position) -> action.accept(new JournalKey(writer, journal), position)));
  }
}
