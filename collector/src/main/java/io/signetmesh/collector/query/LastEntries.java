package io.signetmesh.collector.query;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** Looks for the last entries that pass a filter, from the end of the log on. */
public final class LastEntries {
  /** Candidates that are looked at together, at most. */
  private static final long MAX_WINDOW = 1 << 16;

  /** Gets what cannot be read. */
  @FunctionalInterface
  public interface Unreadable {
    /**
     * Gets entries that cannot be read.
     *
     * @param from the first one
     * @param to the one after the last
     * @param why in words
     */
    void unreadable(long from, long to, String why);
  }

  private LastEntries() {}

  /**
   * Finds them. What comes before the first one is not read.
   *
   * @param most how many, 0 or more
   * @param unreadable told of what cannot be read
   * @return in the order of the log
   * @throws IOException when the log cannot be read
   */
  public static List<AuditEntry> find(
      LogDirectory log, EntryFilter filter, EntryLookup lookup, int most, Unreadable unreadable)
      throws IOException {
    EntryCandidates candidates = lookup.candidates(filter);
    Deque<AuditEntry> found = new ArrayDeque<>();
    long end = log.size();
    long window = most;
    while (end > log.minimum() && found.size() < most) {
      long from = end;
      for (long i = 0; i < window && from > log.minimum(); i++) {
        from = Math.max(log.minimum(), candidates.previous(from));
      }
      Window read = new Window(most - found.size(), unreadable);
      new EntryScan(log, filter, candidates, done -> {}).run(from, end, read);
      while (!read.entries.isEmpty()) {
        found.addFirst(read.entries.removeLast());
      }
      end = from;
      window = Math.clamp(window * 2, 1, Math.max(most, MAX_WINDOW));
    }
    return new ArrayList<>(found);
  }

  /** The last ones of a part of the log. */
  private static final class Window implements EntryScan.Sink {
    private final Deque<AuditEntry> entries = new ArrayDeque<>();
    private final int most;
    private final Unreadable unreadable;

    Window(int most, Unreadable unreadable) {
      this.most = most;
      this.unreadable = unreadable;
    }

    @Override
    public boolean entry(AuditEntry entry) {
      if (entries.size() == most) {
        entries.remove();
      }
      entries.add(entry);
      return true;
    }

    @Override
    public boolean unreadable(long from, long to, String why) {
      unreadable.unreadable(from, to, why);
      return true;
    }
  }
}
