package io.signetmesh.cli.audit;

import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.collector.index.LogIndex;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryLookup;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Whether an index says which entries are read. */
final class IndexOptions {
  @Option(
      names = "--index",
      paramLabel = "DIR",
      description = "Directory of the log's index (default: index, beside the log).")
  private @Nullable Path directory;

  @Option(
      names = "--no-index",
      description =
          "Read all entries. An index that somebody has changed can leave some out, the log itself"
              + " cannot without being seen by 'signet audit verify'.")
  private boolean none;

  /** What is used in place of all entries. */
  record Used(EntryLookup lookup, AutoCloseable open) implements AutoCloseable {
    @Override
    public void close() throws IOException {
      try {
        open.close();
      } catch (IOException | RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IOException(e);
      }
    }
  }

  /**
   * Opens the index of a log to look for what passes a filter. No index is needed for everything.
   */
  Used open(LogDirectory log, EntryFilter filter, PrintWriter err) {
    return filter.isEverything() ? unused() : open(log, err);
  }

  /**
   * Opens the index of a log. What of it cannot be used is told, and all entries are read instead.
   */
  Used open(LogDirectory log, PrintWriter err) {
    if (none) {
      return unused();
    }
    PrintWriter plain = new PlainWriter(err);
    LogIndex index =
        LogIndex.open(
            directory == null ? LogIndex.of(log.path()) : directory,
            log,
            note -> {
              plain.println("signet: note: " + note);
              plain.flush();
            });
    return new Used(index, index);
  }

  private static Used unused() {
    return new Used(EntryLookup.ALL, () -> {});
  }
}
