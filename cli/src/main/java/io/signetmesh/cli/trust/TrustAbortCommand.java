package io.signetmesh.cli.trust;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.v1.TrustRotation;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code signet trust abort}. */
@Command(
    name = "abort",
    description = {
      "Sends the rotation that is under way back to the anchors before it, with the same checks.",
      "It works until Retire begins, and not after a compromise. After that, rotate again."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:the rotation has gone back, or with --no-wait goes back",
      "1:not agreed; nothing was changed",
      ExitCode.USAGE_HELP,
      TrustSubcommand.UNDER_WAY_HELP,
      "64:no rotation is under way, or it cannot go back any more",
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP,
      TrustSubcommand.INTERRUPTED_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet trust abort --state /var/lib/signet --reason 'wrong anchor' --yes"
    })
final class TrustAbortCommand extends TrustSubcommand {
  @Mixin private ChangeOptions change = new ChangeOptions();
  @Mixin private WaitOptions waiting = new WaitOptions();

  TrustAbortCommand(TrustConsole console) {
    super(console);
  }

  @Override
  void checkUsage() {
    requireConsent(change.yes());
  }

  @Override
  int run(TrustServer server) throws Exception {
    TrustRotation rotation = requireRotation(server.trust());
    if (!isJson()) {
      new TrustText(out(), now()).rotation(rotation);
      out().println("Abort sends it back to the anchors before.");
    }
    if (!isAgreed(change.yes())) {
      return ExitCode.NEGATIVE;
    }
    TrustRotation back = server.abort(change.reason());
    if (waiting.waits()) {
      back = await(server, back.getId(), waiting.timeout());
    }
    if (isJson()) {
      print(new TrustJson(now()).rotation(back));
    } else {
      report(back);
    }
    return waiting.waits() ? code(back, true) : ExitCode.OK;
  }
}
