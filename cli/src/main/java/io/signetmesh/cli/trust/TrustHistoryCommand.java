package io.signetmesh.cli.trust;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.v1.TrustRotation;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code signet trust history}. */
@Command(
    name = "history",
    description =
        "Shows all rotations, oldest first: who, when, why, and how long each phase took.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {"", "Examples:", "  signet trust history --state /var/lib/signet -o json"})
final class TrustHistoryCommand extends TrustSubcommand {
  TrustHistoryCommand(TrustConsole console) {
    super(console);
  }

  @Override
  int run(TrustServer server) throws Exception {
    List<TrustRotation> rotations = server.history();
    if (isJson()) {
      ObjectNode json = TrustJson.object();
      ArrayNode array = json.putArray("rotations");
      TrustJson form = new TrustJson(now());
      rotations.forEach(rotation -> array.add(form.rotation(rotation)));
      print(json);
      return ExitCode.OK;
    }
    TrustText text = new TrustText(out(), now());
    for (int i = 0; i < rotations.size(); i++) {
      if (i > 0) {
        out().println();
      }
      text.history(rotations.get(i));
    }
    if (rotations.isEmpty()) {
      out().println("there was no rotation yet");
    }
    return ExitCode.OK;
  }
}
