package io.signetmesh.collector.index;

import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.util.Map;

/**
 * What a part of an index is of. It is written with the part, at once.
 *
 * @param origin name of the log
 * @param first entry that is indexed, 0 or more
 * @param end entry after the last that is indexed
 * @param root root hash of the log when it had {@code end} entries
 */
record Coverage(String origin, long first, long end, String root) {
  /** Changes with what is indexed, or how. */
  private static final String VERSION = "1";

  /** As an index keeps it. */
  Map<String, String> data() {
    return Map.of(
        "version",
        VERSION,
        "origin",
        origin,
        "first",
        Long.toString(first),
        "end",
        Long.toString(end),
        "root",
        root);
  }

  /**
   * Reads it.
   *
   * @throws UnusableIndexException when it is of another version or form
   */
  static Coverage of(Map<String, String> data) throws UnusableIndexException {
    String version = data.getOrDefault("version", "none");
    if (!version.equals(VERSION)) {
      throw new UnusableIndexException("it has version " + version + ": expected " + VERSION);
    }
    Coverage read =
        new Coverage(
            data.getOrDefault("origin", ""),
            number(data, "first"),
            number(data, "end"),
            data.getOrDefault("root", ""));
    if (read.end < read.first) {
      throw new UnusableIndexException("it ends at " + read.end + " before " + read.first);
    }
    return read;
  }

  private static long number(Map<String, String> data, String name) throws UnusableIndexException {
    String text = data.getOrDefault(name, "");
    if (!text.matches("[0-9]{1,18}")) {
      throw new UnusableIndexException(name + " is '" + text + "': expected a number");
    }
    return Long.parseLong(text);
  }

  /** The root hash of a log at a size. */
  static String root(LogDirectory log, long size) throws IOException {
    return new LogReader(new EarlierTiles(log.store(), log.size()), size).root().toString();
  }

  /**
   * Finds out whether it is of a log.
   *
   * @throws UnusableIndexException when it is not
   * @throws IOException when the log cannot be read
   */
  void requireOf(LogDirectory log) throws IOException {
    if (!origin.equals(log.origin())) {
      throw new UnusableIndexException("it is of log " + origin + ": expected " + log.origin());
    }
    String found;
    try {
      // A collector may have gone on since the log was opened.
      found = root(end > log.size() ? log.reopened(null) : log, end);
    } catch (MalformedLogException e) {
      throw new UnusableIndexException(
          "it is of " + end + " entries, which the log does not have: " + e.getMessage(), e);
    }
    if (!found.equals(root)) {
      throw new UnusableIndexException(
          "at " + end + " entries the log has root " + found + ", the index was made of " + root);
    }
  }
}
