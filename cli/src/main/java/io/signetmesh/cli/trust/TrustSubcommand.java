package io.signetmesh.cli.trust;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.OutputFormat;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotation.Phase;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What the commands about trust share. */
abstract class TrustSubcommand implements Callable<Integer> {
  /** Help text of {@link ExitCode#UNDER_WAY} for commands that wait. */
  static final String UNDER_WAY_HELP = "3:time is up, and the rotation is still under way";

  /** Help text for the signal. */
  static final String INTERRUPTED_HELP = "130:ended by Ctrl-C; a rotation goes on";

  private final TrustConsole console;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @Option(
      names = "--state",
      required = true,
      paramLabel = "DIR",
      description = "State directory of the identity server, which must run on this host.")
  private Path state = Path.of("");

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      description = "text (default) or json.")
  private OutputFormat output = OutputFormat.TEXT;

  TrustSubcommand(TrustConsole console) {
    this.console = console;
  }

  /** What a command does once it is connected. */
  abstract int run(TrustServer server) throws Exception;

  @Override
  public final Integer call() throws Exception {
    checkUsage();
    try (TrustServer server = TrustServer.open(state)) {
      return run(server);
    }
  }

  /**
   * Refuses wrong options before anything is asked.
   *
   * @throws ParameterException when options do not go together
   * @throws CommandFailure when a file cannot be used
   */
  void checkUsage() throws CommandFailure {}

  final TrustConsole console() {
    return console;
  }

  final Instant now() {
    return console.clock().instant();
  }

  final boolean isJson() {
    return output == OutputFormat.JSON;
  }

  /** Where text for people goes: away from the document if there is one. */
  final PrintWriter out() {
    return new PlainWriter(raw());
  }

  final PrintWriter err() {
    return new PlainWriter(spec.commandLine().getErr());
  }

  private PrintWriter raw() {
    return isJson() ? spec.commandLine().getErr() : spec.commandLine().getOut();
  }

  /** Prints the one document of the command. */
  final void print(ObjectNode json) {
    PrintWriter document = new PlainWriter(spec.commandLine().getOut());
    document.println(TrustJson.text(json));
    document.flush();
  }

  final ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /** Refuses to change anything unasked: without a terminal the flag must say it. */
  final void requireConsent(boolean yes) {
    if (!yes && (isJson() || !console.isTerminal())) {
      throw usage(
          "this changes trust, and there is no terminal to ask at: say --yes, or look at it first"
              + " with 'signet trust rotate --plan' or 'signet trust status'");
    }
  }

  /** Asks at the terminal. */
  final boolean isAgreed(boolean yes) {
    if (yes) {
      return true;
    }
    String answer = console.ask("Type yes to go on: ");
    if (answer != null && answer.strip().equalsIgnoreCase("yes")) {
      return true;
    }
    out().println("nothing was changed");
    return false;
  }

  /** The rotation that is under way. */
  static TrustRotation requireRotation(GetTrustResponse trust) throws CommandFailure {
    if (!trust.hasRotation() || trust.getRotation().getPhase() == Phase.DONE) {
      throw CommandFailure.configuration("no rotation is under way");
    }
    return trust.getRotation();
  }

  /** Waits for the end of a rotation with progress, and prints how it went. */
  final TrustRotation await(TrustServer server, String id, Duration timeout)
      throws CommandFailure, InterruptedException {
    boolean rewrites = console.isTerminal() && !isJson();
    RotationWatch watch = new RotationWatch(server, console, raw(), rewrites);
    PrintWriter err = err();
    try (TrustConsole.Registration hook =
        console.onSignal(
            () -> {
              err.println();
              err.println(goesOn(id));
            })) {
      TrustRotation rotation = watch.await(id, timeout);
      if (rotation.getPhase() != Phase.DONE) {
        err.println("not done within " + timeout.toSeconds() + " s");
        err.println(goesOn(id));
      }
      return rotation;
    }
  }

  private String goesOn(String id) {
    return "rotation "
        + id
        + " goes on by itself; 'signet trust resume --state "
        + state
        + "' shows its progress again";
  }

  /** Prints how a rotation went or where it is. */
  final void report(TrustRotation rotation) {
    out().println();
    TrustText text = new TrustText(out(), now());
    if (rotation.getPhase() == Phase.DONE) {
      text.report(rotation);
    } else {
      text.rotation(rotation);
    }
  }

  /**
   * Exit code of a command that waited.
   *
   * @param back whether the rotation was to go back
   */
  static int code(TrustRotation rotation, boolean back) {
    if (rotation.getPhase() != Phase.DONE) {
      return ExitCode.UNDER_WAY;
    }
    return rotation.getReversed() == back ? ExitCode.OK : ExitCode.NEGATIVE;
  }
}
