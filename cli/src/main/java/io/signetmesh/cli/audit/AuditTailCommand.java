package io.signetmesh.cli.audit;

import io.signetmesh.audit.tlog.MalformedLogException;
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
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet audit tail}. */
@Command(
    name = "tail",
    description = {
      "Shows the last records of a log for which all given conditions hold, and then each one that"
          + " is added, until it is interrupted."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done, with --no-follow",
      ExitCode.USAGE_HELP,
      "64:the log cannot be read, or it was set back",
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet audit tail --log /var/lib/signet/audit/log",
      "  signet audit tail --log /var/lib/signet/audit/log --verdict deny -n 100 -o jsonl"
    })
final class AuditTailCommand implements Callable<Integer> {
  private static final Duration PAUSE = Duration.ofMillis(250);
  private static final int MAX_LAST = 100_000;

  /** Waits before it looks again. */
  interface Pause {
    /** Returns whether to go on. */
    boolean pause() throws InterruptedException;
  }

  private final Pause pause;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private LogOptions log = new LogOptions();
  @Mixin private FilterOptions filters = new FilterOptions();
  @Mixin private IndexOptions indexes = new IndexOptions();

  @Option(
      names = {"-n", "--last"},
      paramLabel = "N",
      description = "Records that are shown of those that are there (default: ${DEFAULT-VALUE}).")
  private int last = 10;

  @Option(names = "--no-follow", description = "End after them.")
  private boolean ends;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      description = "table (default) or jsonl.")
  private EntryPrinter.Format format = EntryPrinter.Format.TABLE;

  AuditTailCommand() {
    this(
        () -> {
          Thread.sleep(PAUSE);
          return true;
        });
  }

  AuditTailCommand(Pause pause) {
    this.pause = pause;
  }

  @Override
  public Integer call() throws Exception {
    if (last < 0 || last > MAX_LAST || format == EntryPrinter.Format.JSON) {
      throw new ParameterException(
          spec.commandLine(), "expected 0 to " + MAX_LAST + " records, as table or jsonl");
    }
    EntryFilter filter = filters.filter(Clock.systemUTC());
    LogDirectory now = log.open();
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    EntryPrinter printer = new EntryPrinter(out, format, now.origin());
    Following following = new Following(printer, new PlainWriter(spec.commandLine().getErr()));
    try {
      try (IndexOptions.Used index = indexes.open(now, filter, spec.commandLine().getErr())) {
        LastEntries.find(now, filter, index.lookup(), last, following::unreadable)
            .forEach(following::entry);
        out.flush();
      }
      while (!ends && pause.pause()) {
        LogDirectory next = now.reopened(log.key());
        if (next.size() > now.size()) {
          new EntryScan(next, filter, done -> {}).run(now.size(), next.size(), following);
          out.flush();
          now = next;
        }
      }
      return ExitCode.OK;
    } catch (MalformedLogException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw CommandFailure.configuration("the log cannot be read: " + e, e);
    }
  }

  private static final class Following implements EntryScan.Sink {
    private final EntryPrinter printer;
    private final PrintWriter err;

    Following(EntryPrinter printer, PrintWriter err) {
      this.printer = printer;
      this.err = err;
    }

    @Override
    public boolean entry(AuditEntry entry) {
      printer.print(entry);
      return true;
    }

    @Override
    public boolean unreadable(long from, long to, String why) {
      err.println("signet: entries " + from + " to " + (to - 1) + ": " + why);
      return true;
    }
  }
}
