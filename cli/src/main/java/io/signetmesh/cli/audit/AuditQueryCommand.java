package io.signetmesh.cli.audit;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryScan;
import io.signetmesh.collector.query.LastEntries;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Clock;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet audit query}. */
@Command(
    name = "query",
    description = {
      "Shows the records of a log for which all given conditions hold, in the order of the log.",
      "In patterns, * stands for any characters. What is read is not verified: 'signet audit"
          + " verify' does that.",
      "Where the log has an index beside it, only what may be wanted is read."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      "1:a part of the log cannot be read; standard error says which",
      ExitCode.USAGE_HELP,
      "64:the log cannot be read",
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet audit query --log /var/lib/signet/audit/log --verdict deny --since 1h",
      "  signet audit query --log /var/lib/signet/audit/log --client 'web.shop.*' -o jsonl",
      "  signet audit query --log /var/lib/signet/audit/log --verdict allow --would-be deny"
    })
final class AuditQueryCommand implements Callable<Integer> {
  private static final int MAX_LAST = 100_000;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private LogOptions log = new LogOptions();
  @Mixin private FilterOptions filters = new FilterOptions();
  @Mixin private IndexOptions indexes = new IndexOptions();

  @Option(names = "--limit", paramLabel = "N", description = "Only the first N records.")
  private @Nullable Long limit;

  @Option(names = "--last", paramLabel = "N", description = "Only the last N records.")
  private @Nullable Integer last;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      description = "table (default), json or jsonl.")
  private EntryPrinter.Format format = EntryPrinter.Format.TABLE;

  @Override
  public Integer call() throws Exception {
    if ((limit != null && limit < 1) || (last != null && (last < 1 || last > MAX_LAST))) {
      throw new ParameterException(
          spec.commandLine(), "expected a --limit of 1 or more, and a --last of 1 to " + MAX_LAST);
    }
    if (limit != null && last != null) {
      throw new ParameterException(spec.commandLine(), "expected either --limit or --last");
    }
    EntryFilter filter = filters.filter(Clock.systemUTC());
    LogDirectory opened = log.open();
    PrintWriter out = new PrintWriter(new PlainWriter(spec.commandLine().getOut()), false);
    PrintWriter err = new PlainWriter(spec.commandLine().getErr());
    Printing printing = new Printing(new EntryPrinter(out, format, opened.origin()), err);
    try (IndexOptions.Used index = indexes.open(opened, filter, spec.commandLine().getErr());
        ProgressBar bar = ProgressBar.of(spec.commandLine().getErr(), "reading", opened.size())) {
      if (last == null) {
        new EntryScan(opened, filter, index.lookup().candidates(filter), bar)
            .run(opened.minimum(), opened.size(), printing);
      } else {
        LastEntries.find(opened, filter, index.lookup(), last, printing::unreadable)
            .forEach(printing::entry);
      }
    } catch (IOException e) {
      throw CommandFailure.configuration("the log cannot be read: " + e, e);
    }
    printing.end();
    return printing.isDamaged ? ExitCode.NEGATIVE : ExitCode.OK;
  }

  private final class Printing implements EntryScan.Sink {
    private final EntryPrinter printer;
    private final PrintWriter err;
    private boolean isDamaged;

    Printing(EntryPrinter printer, PrintWriter err) {
      this.printer = printer;
      this.err = err;
    }

    @Override
    public boolean entry(AuditEntry entry) {
      printer.print(entry);
      return limit == null || printer.printed() < limit;
    }

    @Override
    public boolean unreadable(long from, long to, String why) {
      isDamaged = true;
      err.println("signet: entries " + from + " to " + (to - 1) + ": " + why);
      return true;
    }

    void end() {
      printer.end();
    }
  }
}
