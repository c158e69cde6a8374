package io.signetmesh.collector.index;

import io.signetmesh.collector.query.EntryCandidates;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryLookup;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.util.FixedBitSet;
import org.jspecify.annotations.Nullable;

/**
 * The index of a log as it was when it was opened, to look entries up. Parts that are not of the
 * log or damaged are left out, and told of: their entries are looked at one by one, as are those
 * that no part covers. Not thread-safe.
 */
public final class LogIndex implements EntryLookup, AutoCloseable {
  /** Name of the directory beside the log. */
  public static final String NAME = "index";

  /** Entries of a part; an index is made and pruned by parts. A multiple of a bundle's. */
  static final long PART = 1L << 24;

  /** Without an index for so many entries, somebody should know why a query takes long. */
  private static final long NOTED = 10_000;

  private static final Pattern PART_NAME = Pattern.compile("part-[0-9]{15}");

  private final List<IndexPart> parts;
  private final Consumer<String> notes;

  private LogIndex(List<IndexPart> parts, Consumer<String> notes) {
    this.parts = parts;
    this.notes = notes;
  }

  /** Where the index of a log is, unless it is somewhere else. */
  public static Path of(Path log) {
    return log.toAbsolutePath().normalize().resolveSibling(NAME);
  }

  /** The directory of the part that begins with an entry. */
  static Path part(Path index, long begin) {
    return index.resolve("part-%015d".formatted(begin));
  }

  /** The parts of an index, in their order; none when there is no index. */
  static List<Path> parts(Path index) throws IOException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> directories =
        Files.newDirectoryStream(
            index, one -> PART_NAME.matcher(one.getFileName().toString()).matches())) {
      directories.forEach(found::add);
    } catch (NoSuchFileException e) {
      return List.of();
    }
    found.sort(null);
    return found;
  }

  /** Number of the first entry that a part may have, from its name. */
  static long begin(Path part) {
    return Long.parseLong(part.getFileName().toString().substring("part-".length()));
  }

  /**
   * Opens the index of a log.
   *
   * @param path of the index
   * @param notes told in words of what of it is not used, and why
   */
  public static LogIndex open(Path path, LogDirectory log, Consumer<String> notes) {
    return open(path, log, PART, notes);
  }

  /**
   * Opens an index with parts of another size.
   *
   * @param partSize a multiple of a bundle's
   */
  static LogIndex open(Path path, LogDirectory log, long partSize, Consumer<String> notes) {
    List<IndexPart> parts = new ArrayList<>();
    try {
      for (Path one : parts(path)) {
        if (begin(one) + partSize <= log.minimum()) {
          continue;
        }
        try {
          IndexPart part = IndexPart.open(one, log);
          Coverage covered = part.coverage();
          if (covered.first() < begin(one) || covered.end() > begin(one) + partSize) {
            part.close();
            throw new UnusableIndexException("it covers entries of another part");
          }
          parts.add(part);
        } catch (IOException e) {
          notes.accept(unused(one, e));
        }
      }
      if (parts.isEmpty() && log.size() - log.minimum() >= NOTED) {
        notes.accept(path + " has no index of the log: all entries are read");
      }
    } catch (IOException e) {
      notes.accept(unused(path, e));
    }
    return new LogIndex(parts, notes);
  }

  private static String unused(Path what, IOException why) {
    return "index " + what + " is not used: " + why.getMessage();
  }

  /** Number of entries that are covered. */
  public long covered() {
    return parts.stream().mapToLong(one -> one.coverage().end() - one.coverage().first()).sum();
  }

  /**
   * Reads all of it and compares its checksums.
   *
   * @return whether all are as they were written; what is not was told
   */
  public boolean check() {
    boolean isGood = true;
    for (IndexPart part : parts) {
      try {
        part.check();
      } catch (IOException e) {
        notes.accept("index " + part.path() + " is damaged: " + e.getMessage());
        isGood = false;
      }
    }
    return isGood;
  }

  @Override
  public EntryCandidates candidates(EntryFilter filter) {
    return filter.isEverything() || parts.isEmpty() ? EntryCandidates.ALL : new Found(filter);
  }

  @Override
  public void close() throws IOException {
    for (IndexPart part : parts) {
      part.close();
    }
  }

  /** Asks a part when the first of its entries is needed, and keeps the answer of one part. */
  private final class Found implements EntryCandidates {
    private final EntryFilter filter;
    private final List<IndexPart> usable = new ArrayList<>(parts);
    private @Nullable IndexPart asked;
    private FixedBitSet answer = new FixedBitSet(1);

    Found(EntryFilter filter) {
      this.filter = filter;
    }

    @Override
    public long next(long from) {
      long at = from;
      for (IndexPart part = at(at); part != null; part = at(at)) {
        long first = part.coverage().first();
        int found = answer.nextSetBit((int) (at - first));
        if (found != DocIdSetIterator.NO_MORE_DOCS) {
          return first + found;
        }
        at = part.coverage().end();
      }
      return at;
    }

    @Override
    public long previous(long before) {
      long at = before - 1;
      for (IndexPart part = at(at); part != null; part = at(at)) {
        long first = part.coverage().first();
        int found = answer.prevSetBit((int) (at - first));
        if (found >= 0) {
          return first + found;
        }
        at = first - 1;
      }
      return at;
    }

    /** The part that covers an entry, asked; null when there is none. */
    private @Nullable IndexPart at(long entry) {
      IndexPart known = asked;
      if (known != null && covers(known, entry)) {
        return known;
      }
      for (IndexPart part : List.copyOf(usable)) {
        if (!covers(part, entry)) {
          continue;
        }
        try {
          answer = part.candidates(filter);
          asked = part;
          return part;
        } catch (IOException e) {
          usable.remove(part);
          notes.accept(unused(part.path(), e));
        }
      }
      return null;
    }

    private static boolean covers(IndexPart part, long entry) {
      return entry >= part.coverage().first() && entry < part.coverage().end();
    }
  }
}
