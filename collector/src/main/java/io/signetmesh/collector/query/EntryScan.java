package io.signetmesh.collector.query;

import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.TilePath;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongConsumer;
import java.util.function.Predicate;

/**
 * Reads entries of a log in their order, with several threads that read and parse bundles ahead. It
 * holds as many bundles as twice the threads, whatever the log's size: 180 kB each with usual
 * records, and 17 MB at most.
 */
public final class EntryScan {
  /** More threads do not read faster from one disk. */
  public static final int MAX_THREADS = 8;

  private final LogDirectory log;
  private final Predicate<AuditEntry> filter;
  private final EntryCandidates candidates;
  private final LongConsumer progress;
  private int threads;

  /** Gets what is found, in the order of the log, on the thread that runs the scan. */
  public interface Sink {
    /**
     * Gets an entry that passes the filter.
     *
     * @return whether to go on
     */
    boolean entry(AuditEntry entry) throws IOException;

    /**
     * Gets entries that cannot be read.
     *
     * @param from the first one
     * @param to the one after the last
     * @param why in words
     * @return whether to go on
     */
    boolean unreadable(long from, long to, String why) throws IOException;
  }

  private record Unreadable(long from, long to, String why) {}

  /** What a bundle has, in its order: entries and what cannot be read. */
  private record Batch(long end, List<Object> found) {}

  /**
   * A scan of all entries.
   *
   * @param filter called by several threads
   * @param progress told of the index up to which the log was read
   */
  public EntryScan(LogDirectory log, Predicate<AuditEntry> filter, LongConsumer progress) {
    this(log, filter, EntryCandidates.ALL, progress);
  }

  /**
   * A scan.
   *
   * @param filter called by several threads
   * @param candidates the only entries that are looked at; bundles without one are not read
   * @param progress told of the index up to which the log was read
   */
  public EntryScan(
      LogDirectory log,
      Predicate<AuditEntry> filter,
      EntryCandidates candidates,
      LongConsumer progress) {
    this.log = log;
    this.filter = filter;
    this.candidates = candidates;
    this.progress = progress;
    this.threads = Math.clamp(Runtime.getRuntime().availableProcessors(), 1, MAX_THREADS);
  }

  /**
   * Has fewer or more threads read than there are processors.
   *
   * @param most 1 to {@link #MAX_THREADS}
   */
  public EntryScan threads(int most) {
    threads = Math.clamp(most, 1, MAX_THREADS);
    return this;
  }

  /**
   * Runs it.
   *
   * @param from first entry, 0 or more
   * @param to entry after the last one, at most the size of the log
   * @return the entry after the last one that the sink got, or {@code to}
   * @throws IOException when the log cannot be read, or the sink fails
   */
  public long run(long from, long to, Sink sink) throws IOException {
    if (from < 0 || to > log.size()) {
      throw new IllegalArgumentException(
          "entries " + from + " to " + to + " of " + log.size() + ": expected some of the log");
    }
    ExecutorService readers =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("audit-scan-", 0).factory());
    try {
      Deque<Future<Batch>> ahead = new ArrayDeque<>();
      long next = candidates.next(from);
      while (next < to || !ahead.isEmpty()) {
        while (ahead.size() < 2 * threads && next < to) {
          long bundle = next / TilePath.WIDTH;
          long end = Math.min(to, (bundle + 1) * TilePath.WIDTH);
          BitSet wanted = new BitSet(TilePath.WIDTH);
          while (next < end) {
            wanted.set((int) (next % TilePath.WIDTH));
            next = candidates.next(next + 1);
          }
          ahead.add(readers.submit(reading(bundle, wanted, end)));
        }
        Batch batch = get(ahead.remove());
        for (Object found : batch.found) {
          boolean goesOn =
              switch (found) {
                case Unreadable(long first, long end, String why) ->
                    sink.unreadable(first, end, why);
                case AuditEntry entry -> sink.entry(entry);
                default -> throw new IllegalStateException("neither of both: " + found.getClass());
              };
          if (!goesOn) {
            return found instanceof AuditEntry entry ? entry.index() + 1 : ((Unreadable) found).to;
          }
        }
        progress.accept(batch.end);
      }
      return to;
    } finally {
      readers.shutdownNow();
    }
  }

  private static Batch get(Future<Batch> read) throws IOException {
    try {
      return read.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while reading the log");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException failed) {
        throw failed;
      }
      throw new IllegalStateException("a bundle cannot be read", e.getCause());
    }
  }

  private Callable<Batch> reading(long bundle, BitSet wanted, long end) {
    long first = bundle * TilePath.WIDTH;
    return () -> {
      List<Object> found = new ArrayList<>();
      List<byte[]> entries;
      try {
        entries = log.reader().bundle(bundle);
      } catch (MalformedLogException e) {
        long begin = first + wanted.nextSetBit(0);
        found.add(new Unreadable(begin, end, String.valueOf(e.getMessage())));
        return new Batch(end, found);
      }
      for (int i = wanted.nextSetBit(0); i >= 0; i = wanted.nextSetBit(i + 1)) {
        long index = first + i;
        try {
          AuditEntry entry = EntryParser.parse(index, entries.get(i));
          if (filter.test(entry)) {
            found.add(entry);
          }
        } catch (UnreadableEntryException e) {
          found.add(new Unreadable(index, index + 1, String.valueOf(e.getMessage())));
        }
      }
      return new Batch(end, found);
    };
  }
}
