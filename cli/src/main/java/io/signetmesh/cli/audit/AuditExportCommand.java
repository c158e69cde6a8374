package io.signetmesh.cli.audit;

import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.collector.export.CefFormat;
import io.signetmesh.collector.export.CsvFormat;
import io.signetmesh.collector.export.ExportCursor;
import io.signetmesh.collector.export.ExportParts;
import io.signetmesh.collector.export.ExportTarget;
import io.signetmesh.collector.export.FormattedParts;
import io.signetmesh.collector.export.JsonLinesParts;
import io.signetmesh.collector.export.OcsfFormat;
import io.signetmesh.collector.export.OtlpEndpoint;
import io.signetmesh.collector.export.OtlpFormat;
import io.signetmesh.collector.export.OtlpParts;
import io.signetmesh.collector.export.OtlpTransport;
import io.signetmesh.collector.kafka.KafkaParts;
import io.signetmesh.collector.kafka.KafkaSettings;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.LogDirectory;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet audit export}. */
@Command(
    name = "export",
    description = {
      "Takes the records of a log elsewhere: to standard output, a file, an OpenTelemetry receiver"
          + " or a topic of Apache Kafka.",
      "With a cursor file, each run goes on where the one before ended. Each record is delivered at"
          + " least once, with an id by which a receiver drops what it gets twice; a file has each"
          + " record once. An export of all records in JSON Lines carries the proof that it is"
          + " complete: 'signet audit verify FILE'."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      ExitCode.USAGE_HELP,
      "64:the log, the cursor or the file cannot be used",
      "69:the receiver does not take the records",
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet audit export --log /var/lib/signet/audit/log --to november.jsonl",
      "  signet audit export --log /var/lib/signet/audit/log --format cef --verdict deny \\",
      "      --to denials.cef --cursor denials.cursor",
      "  signet audit export --log /var/lib/signet/audit/log --format otlp \\",
      "      --endpoint grpcs://otel.example:4317 --headers-file otel.headers \\",
      "      --cursor otlp.cursor",
      "  signet audit export --log /var/lib/signet/audit/log \\",
      "      --endpoint kafka://broker.example:9093/audit --kafka-properties tls.properties \\",
      "      --cursor kafka.cursor"
    })
final class AuditExportCommand implements Callable<Integer> {
  /** Formats. */
  private enum ExportFormat {
    JSONL,
    CSV,
    CEF,
    OCSF,
    OTLP
  }

  private final OutputStream standardOutput;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private LogOptions log = new LogOptions();
  @Mixin private FilterOptions filters = new FilterOptions();

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "jsonl (default), csv, cef, ocsf or otlp.")
  private ExportFormat format = ExportFormat.JSONL;

  @Option(
      names = "--to",
      paramLabel = "FILE",
      description = "File to write, with mode 0600 (default: standard output).")
  private @Nullable Path file;

  @Mixin private EndpointOptions endpoint = new EndpointOptions();

  @Option(
      names = "--cursor",
      paramLabel = "FILE",
      description = "Where the export is; made when it is missing.")
  private @Nullable Path cursor;

  @Option(
      names = "--from",
      paramLabel = "N",
      description = "First entry (default: the first one that the log has).")
  private @Nullable Long from;

  @Option(
      names = "--before",
      paramLabel = "N",
      description = "The entry after the last one (default: the end of the log).")
  private @Nullable Long before;

  AuditExportCommand() {
    // Bytes as they are: a writer of text would write them in the encoding of the terminal.
    this(new FileOutputStream(FileDescriptor.out));
  }

  AuditExportCommand(OutputStream standardOutput) {
    this.standardOutput = standardOutput;
  }

  @Override
  public Integer call() throws Exception {
    endpoint.require(format == ExportFormat.OTLP, format == ExportFormat.JSONL, file != null);
    if (cursor != null && (from != null || before != null)) {
      throw usage("expected either --cursor or --from and --before");
    }
    KafkaSettings kafka = endpoint.kafka();
    EntryFilter filter = filters.filter(Clock.systemUTC());
    LogDirectory opened = log.open();
    long first = from == null ? opened.minimum() : from;
    long end = before == null ? opened.size() : before;
    if (first < opened.minimum() || end < first || end > opened.size()) {
      throw usage(
          "entries " + first + " to " + end + ": the log has " + opened.size() + " entries");
    }
    long bytes = 0;
    try {
      ExportCursor begun = cursor == null ? null : ExportCursor.read(cursor);
      if (begun != null) {
        requireSame(begun, name(kafka), filter, opened);
        first = begun.next();
        bytes = begun.bytes();
      }
      export(opened, filter, kafka, begun, first, end, bytes);
    } catch (MalformedLogException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw endpoint.isGiven()
          ? CommandFailure.unavailable(String.valueOf(e.getMessage()), e)
          : CommandFailure.configuration("the export has failed: " + e, e);
    }
    return ExitCode.OK;
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private void requireSame(ExportCursor begun, String name, EntryFilter filter, LogDirectory opened)
      throws IOException {
    begun.requireContinued(opened);
    if (!begun.format().equals(name) || !begun.filter().equals(filter.toString())) {
      throw new MalformedLogException(
          "the cursor is of an export as "
              + begun.format()
              + " with filter '"
              + begun.filter()
              + "': expected "
              + name
              + " with '"
              + filter
              + "'");
    }
  }

  private String name(@Nullable KafkaSettings kafka) {
    return kafka == null
        ? format.name().toLowerCase(Locale.ROOT)
        : KafkaParts.format(kafka.topic());
  }

  /** Exports in parts, and moves the cursor behind each. */
  private void export(
      LogDirectory opened,
      EntryFilter filter,
      @Nullable KafkaSettings kafka,
      @Nullable ExportCursor begun,
      long first,
      long end,
      long bytes)
      throws IOException, CommandFailure {
    PrintWriter err = new PlainWriter(spec.commandLine().getErr());
    long written = 0;
    try (ProgressBar bar = ProgressBar.of(spec.commandLine().getErr(), "exporting", end);
        ExportTarget target =
            file == null
                ? ExportTarget.stream(standardOutput, bytes)
                : ExportTarget.file(file, bytes);
        ExportParts parts = parts(opened, filter, bar, target, kafka)) {
      String place = parts.place();
      if (begun != null) {
        begun.requirePlace(place);
      }
      long at = first;
      do {
        long behind = Math.min(at + JsonLinesParts.ENTRIES, end);
        if (behind == at && bytes > 0) {
          // Nothing is new.
          break;
        }
        written += parts.write(at, behind);
        at = behind;
        if (cursor != null) {
          new ExportCursor(
                  at, target.written(), name(kafka), filter.toString(), opened.note(), place)
              .write(cursor);
        }
      } while (at < end);
      if (parts.unreadable() > 0) {
        err.println(
            "signet: "
                + CheckText.number(parts.unreadable(), "entry is", "entries are")
                + " no record of a collector, and left out; 'signet audit verify' says which");
      }
    }
    if (file != null || endpoint.isGiven()) {
      err.println(CheckText.number(written, "record", "records") + " exported");
    }
  }

  private ExportParts parts(
      LogDirectory opened,
      EntryFilter filter,
      LongConsumer bar,
      ExportTarget target,
      @Nullable KafkaSettings kafka)
      throws IOException, CommandFailure {
    if (kafka != null) {
      return KafkaParts.open(opened, filter, bar, kafka);
    }
    String version = version();
    OtlpFormat otlp = new OtlpFormat(opened.origin(), version);
    OtlpTransport receiver = endpoint.receiver();
    if (receiver != null) {
      return new OtlpParts(
          opened, filter, bar, otlp, new OtlpEndpoint(receiver, otlp, Thread::sleep));
    }
    return switch (format) {
      case JSONL -> new JsonLinesParts(opened, filter, bar, target);
      case CSV -> new FormattedParts(opened, filter, bar, new CsvFormat(), target);
      case CEF -> new FormattedParts(opened, filter, bar, new CefFormat(version), target);
      case OCSF ->
          new FormattedParts(opened, filter, bar, new OcsfFormat(opened.origin(), version), target);
      case OTLP -> new FormattedParts(opened, filter, bar, otlp, target);
    };
  }

  private static String version() {
    String version = AuditExportCommand.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
