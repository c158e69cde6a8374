package io.signetmesh.cli.trust;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.TrustRotation;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code signet trust resume}. */
@Command(
    name = "resume",
    description = {
      "Shows the progress of the rotation that is under way until it has ended.",
      "The identity server goes on with a rotation by itself, also after a crash: this command only"
          + " watches. When the rotation has ended already, it shows how."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:the rotation is done",
      "1:it was aborted and has gone back",
      ExitCode.USAGE_HELP,
      TrustSubcommand.UNDER_WAY_HELP,
      "64:there never was a rotation",
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP,
      TrustSubcommand.INTERRUPTED_HELP
    },
    footer = {"", "Examples:", "  signet trust resume --state /var/lib/signet --timeout 4h"})
final class TrustResumeCommand extends TrustSubcommand {
  @Option(
      names = "--timeout",
      paramLabel = "DURATION",
      defaultValue = "1h",
      converter = StateDirectory.Durations.class,
      description = "Wait at most so long (default: ${DEFAULT-VALUE}). The rotation goes on.")
  private Duration timeout = Duration.ofHours(1);

  TrustResumeCommand(TrustConsole console) {
    super(console);
  }

  @Override
  int run(TrustServer server) throws Exception {
    GetTrustResponse trust = server.trust();
    if (!trust.hasRotation()) {
      throw CommandFailure.configuration(
          "there never was a rotation: begin one with 'signet trust rotate'");
    }
    TrustRotation rotation = await(server, trust.getRotation().getId(), timeout);
    if (isJson()) {
      print(new TrustJson(now()).rotation(rotation));
    } else {
      report(rotation);
    }
    return code(rotation, false);
  }
}
