package io.signetmesh.cli.audit;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.collector.index.LogIndex;
import io.signetmesh.collector.index.LogIndexWriter;
import io.signetmesh.collector.query.EntryScan;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet audit index}. */
@Command(
    name = "index",
    description = {
      "Makes the index of a log, by which 'signet audit query' finds records without reading all,"
          + " or goes on with it. A collector does so itself.",
      "What is not of the log, of another version or damaged is made anew. The index is made of the"
          + " log alone and may be deleted at any time."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      "1:with --check, the index or a part of it cannot be used",
      ExitCode.USAGE_HELP,
      "64:the log cannot be read, or the index cannot be written",
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet audit index --log /var/lib/signet/audit/log",
      "  signet audit index --log /var/lib/signet/audit/log --rebuild",
      "  signet audit index --log copy/log --index /tmp/index --check"
    })
final class AuditIndexCommand implements Callable<Integer> {
  /** Entries after which what is there is kept, so that a run that is cut off is not lost. */
  private static final long STEP = 4_000_000;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private LogOptions log = new LogOptions();

  @Option(
      names = "--index",
      paramLabel = "DIR",
      description = "Directory of the index (default: index, beside the log).")
  private @Nullable Path directory;

  @Option(names = "--rebuild", description = "Delete the index first.")
  private boolean anew;

  @Option(
      names = "--check",
      description = "Write nothing, and compare the checksums of all files of the index.")
  private boolean checks;

  @Override
  public Integer call() throws Exception {
    if (checks && anew) {
      throw new ParameterException(spec.commandLine(), "expected either --check or --rebuild");
    }
    LogDirectory opened = log.open();
    Path path = directory == null ? LogIndex.of(opened.path()) : directory;
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    if (checks) {
      return check(opened, path, out);
    }
    try (LogIndexWriter writer =
            LogIndexWriter.open(path, LogIndexWriter.COMMAND_BUFFER, EntryScan.MAX_THREADS);
        ProgressBar bar = ProgressBar.of(spec.commandLine().getErr(), "indexing", opened.size())) {
      if (anew) {
        writer.clear();
      }
      while (writer.extend(opened, STEP, bar) < opened.size()) {
        // A step each.
      }
    } catch (IOException e) {
      throw CommandFailure.configuration("the index cannot be written: " + e.getMessage(), e);
    }
    try (LogIndex index = LogIndex.open(path, opened, out::println)) {
      out.printf(
          "index of %d of %d entries of log %s%n",
          index.covered(), opened.size() - opened.minimum(), opened.origin());
    }
    out.flush();
    return ExitCode.OK;
  }

  private static int check(LogDirectory log, Path path, PrintWriter out) throws IOException {
    List<String> notes = new ArrayList<>();
    try (LogIndex index = LogIndex.open(path, log, notes::add)) {
      boolean isGood = index.check() && notes.isEmpty();
      notes.forEach(out::println);
      out.printf(
          "%s: index of %d of %d entries of log %s%n",
          isGood ? "good" : "DAMAGED", index.covered(), log.size() - log.minimum(), log.origin());
      out.flush();
      return isGood ? ExitCode.OK : ExitCode.NEGATIVE;
    }
  }
}
