package io.signetmesh.cli.audit;

import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.OutputOptions;
import io.signetmesh.cli.record.JournalProof;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.collector.query.LogDirectory;
import io.signetmesh.collector.verify.CheckResult;
import io.signetmesh.collector.verify.EntryCheck;
import io.signetmesh.collector.verify.ExportCheck;
import io.signetmesh.collector.verify.LogCheck;
import io.signetmesh.collector.verify.TrustedKeys;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code signet audit verify}. */
@Command(
    name = "verify",
    description = {
      "Proves that a log, or an export of it in JSON Lines, is complete and unaltered, by the"
          + " checkpoint that its collector has signed; or says what is missing or changed, and"
          + " where.",
      "With --entry, only the proof of one record is made and verified; with --proof, it is"
          + " verified without the log.",
      "With --trust-anchors, the journal of one proxy is verified where the proxy keeps it, by the"
          + " heads that the proxy signs with its certificate."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:good: unaltered, as far as the result says",
      "1:something is missing or has changed, or a signature is wrong; standard output says what",
      ExitCode.USAGE_HELP,
      "64:what was to be verified cannot be read",
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet audit verify --log /var/lib/signet/audit/log --key collector.vkey",
      "  signet audit verify --log /var/lib/signet/audit/log --key collector.vkey \\",
      "      --since-checkpoint last.checkpoint --save-checkpoint last.checkpoint",
      "  signet audit verify november.jsonl --key collector.vkey",
      "  signet audit verify --log /var/lib/signet/audit/log --key collector.vkey \\",
      "      --entry 4711 --save-proof entry-4711.tlog-proof",
      "  signet audit verify --proof entry-4711.tlog-proof --key collector.vkey",
      "  signet audit verify /var/lib/signet/web.jsonl --trust-anchors anchors.pem \\",
      "      --identity web.shop.serviceaccount.identity.linkerd.cluster.local"
    })
final class AuditVerifyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @Parameters(
      arity = "0..1",
      paramLabel = "FILE",
      description = {
        "An export in JSON Lines; - for standard input. With --trust-anchors: the journal of a"
            + " proxy."
      })
  private @Nullable String export;

  @Option(names = "--log", paramLabel = "DIR", description = "Directory of the log.")
  private @Nullable Path directory;

  @Mixin private KeyOptions keys = new KeyOptions();

  @Option(
      names = "--since-checkpoint",
      paramLabel = "FILE",
      description = {
        "A checkpoint of the log that was kept elsewhere: the log has to continue from it. Without,"
            + " an older state that is good in itself is not told from the newest one."
      })
  private @Nullable Path since;

  @Option(
      names = "--save-checkpoint",
      paramLabel = "FILE",
      description = "Keep the checkpoint in a file when the log is good, for the next time.")
  private @Nullable Path save;

  @Option(
      names = "--entry",
      paramLabel = "N",
      description = "Verify one entry by its proof, and show it. The first one is 0.")
  private @Nullable Long entry;

  @Option(
      names = "--save-proof",
      paramLabel = "FILE",
      description = "Keep the proof of the entry, in the format of c2sp.org/tlog-proof.")
  private @Nullable Path saveProof;

  @Option(
      names = "--proof",
      paramLabel = "FILE",
      description = "Verify the proof of an entry, without the log.")
  private @Nullable Path proof;

  @Option(
      names = "--record",
      paramLabel = "FILE",
      description = "With --proof: the entry, if the file of the proof does not have it.")
  private @Nullable Path record;

  @Mixin private JournalOptions journal = new JournalOptions();

  @Mixin private OutputOptions output = new OutputOptions();

  @Override
  public Integer call() throws Exception {
    if (journal.isJournal()) {
      return journal();
    }
    if (journal.isForJournal()) {
      throw usage("--identity and --last-record go with --trust-anchors");
    }
    TrustedKeys trusted = keys.keys();
    int sources = (directory == null ? 0 : 1) + (export == null ? 0 : 1) + (proof == null ? 0 : 1);
    if (sources != 1) {
      throw usage("expected one of --log DIR, --proof FILE and the FILE of an export");
    }
    if (directory == null && (since != null || save != null || entry != null)) {
      throw usage("--since-checkpoint, --save-checkpoint and --entry go with --log");
    }
    if ((saveProof != null && entry == null) || (record != null && proof == null)) {
      throw usage("--save-proof goes with --entry, and --record with --proof");
    }
    if (entry != null && (since != null || save != null)) {
      throw usage("--entry verifies one entry only: expected no checkpoint to compare or keep");
    }
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    try {
      if (entry != null || proof != null) {
        return entry(trusted, out);
      }
      CheckResult result = check(trusted);
      new CheckText(out).print(result, output.isJson());
      out.flush();
      keep(result);
      return result.isGood() ? ExitCode.OK : ExitCode.NEGATIVE;
    } catch (NotDirectoryException e) {
      throw CommandFailure.configuration(directory + " is no directory: expected a log", e);
    } catch (IOException e) {
      throw CommandFailure.configuration("cannot be read: " + e, e);
    }
  }

  private int journal() throws CommandFailure {
    boolean others = directory != null || proof != null || record != null || saveProof != null;
    others |= since != null || save != null || entry != null || keys.isGiven();
    if (export == null || others) {
      throw usage("--trust-anchors goes with the FILE of a journal, --identity and --last-record");
    }
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    try {
      JournalProof found =
          JournalProof.of(Path.of(export), journal.anchors(), journal.identity, journal.last());
      if (output.isJson()) {
        found.printJson(out);
      } else {
        found.print(out);
      }
      out.flush();
      return found.isGood() ? ExitCode.OK : ExitCode.NEGATIVE;
    } catch (IOException e) {
      throw CommandFailure.configuration("cannot be read: " + e, e);
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private CheckResult check(TrustedKeys trusted) throws IOException, CommandFailure {
    PrintWriter err = spec.commandLine().getErr();
    if (export != null) {
      return export(trusted, export, err);
    }
    Path log = Objects.requireNonNull(directory);
    byte[] earlier = since == null ? null : Files.readAllBytes(since);
    if (since != null) {
      try {
        Checkpoint.open(Files.readAllBytes(since), trusted.log());
      } catch (MalformedLogException e) {
        throw CommandFailure.configuration(since + ": " + e.getMessage(), e);
      }
    }
    try (ProgressBar bar = ProgressBar.of(err, "verifying", 2 * size(log))) {
      return LogCheck.run(log, trusted, earlier, bar);
    }
  }

  /** Number of entries by the checkpoint, which is verified later; 0 when there is none. */
  private static long size(Path log) throws NotDirectoryException {
    try {
      return LogDirectory.open(log, null).size();
    } catch (NotDirectoryException e) {
      throw e;
    } catch (IOException e) {
      return 0;
    }
  }

  private static CheckResult export(TrustedKeys trusted, String export, PrintWriter err)
      throws IOException {
    if (export.equals("-")) {
      return ExportCheck.run(System.in, trusted, done -> {});
    }
    Path file = Path.of(export);
    try (InputStream in = Files.newInputStream(file);
        ProgressBar bar = ProgressBar.of(err, "verifying", Files.size(file))) {
      return ExportCheck.run(in, trusted, bar);
    }
  }

  private void keep(CheckResult result) throws IOException {
    if (save != null && result.isGood() && result.note() != null) {
      StateFiles.writePublic(save, result.note().bytes());
    }
  }

  private int entry(TrustedKeys trusted, PrintWriter out) throws IOException, CommandFailure {
    EntryCheck check = new EntryCheck(trusted);
    try {
      EntryCheck.Verified verified =
          proof == null
              ? check.inLog(Objects.requireNonNull(directory), Objects.requireNonNull(entry))
              : check.inFile(proof, record);
      if (saveProof != null) {
        StateFiles.writeSecret(saveProof, verified.proof().bytes());
      }
      new CheckText(out).print(verified, output.isJson());
      out.flush();
      return ExitCode.OK;
    } catch (MalformedLogException e) {
      out.println("does not verify: " + e.getMessage());
      out.flush();
      return ExitCode.NEGATIVE;
    }
  }
}
