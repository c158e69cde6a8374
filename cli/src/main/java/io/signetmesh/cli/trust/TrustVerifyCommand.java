package io.signetmesh.cli.trust;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.crds.text.PlainText;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code signet trust verify}. */
@Command(
    name = "verify",
    description = {
      "Reads every certificate that may be in use, and tells for each trust anchor in force who"
          + " needs it and why: the proof that an anchor can be taken away."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:no anchor that is leaving is needed",
      "1:an anchor that is leaving is still needed",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {"", "Examples:", "  signet trust verify --state /var/lib/signet"})
final class TrustVerifyCommand extends TrustSubcommand {
  TrustVerifyCommand(TrustConsole console) {
    super(console);
  }

  @Override
  int run(TrustServer server) throws Exception {
    TrustAnchors anchors = new TrustAnchors(server.trust());
    LeafNeeds needs = server.needs();
    if (isJson()) {
      print(json(anchors, needs));
    } else {
      for (TrustAnchors.Anchor anchor : anchors.inForce()) {
        text(anchor, needs);
      }
    }
    return anchors.inForce().stream()
            .anyMatch(a -> a.isLeaving() && !needs.workloads(a.sha256()).isEmpty())
        ? ExitCode.NEGATIVE
        : ExitCode.OK;
  }

  private static String verdict(TrustAnchors.Anchor anchor, LeafNeeds needs) {
    int workloads = needs.workloads(anchor.sha256()).size();
    boolean waived = needs.of(anchor.sha256()).stream().anyMatch(LeafNeeds.Need::waived);
    return (workloads == 0
            ? "nobody needs it"
            : "needed by " + workloads + (workloads == 1 ? " workload" : " workloads"))
        + (waived ? ", without those that are waived" : "");
  }

  private void text(TrustAnchors.Anchor anchor, LeafNeeds needs) {
    PrintWriter out = out();
    out.println(
        TrustAnchors.brief(anchor.sha256())
            + " ("
            + PlainText.of(anchor.name())
            + "), "
            + anchor.state()
            + ": "
            + verdict(anchor, needs));
    List<LeafNeeds.Need> all = needs.of(anchor.sha256());
    if (!all.isEmpty()) {
      TextTable table = new TextTable("  WORKLOAD", "PRESENCE", "UNTIL", "WHY");
      for (LeafNeeds.Need need : all.subList(0, Math.min(TrustText.MAX_LINES, all.size()))) {
        table.row(
            List.of(
                "  " + TrustText.who(need.leaf()),
                TrustAnchors.word(need.leaf().getPresence()),
                TrustAnchors.text(TrustAnchors.instant(need.leaf().getNotAfter())),
                need.why() + (need.waived() ? " (waived)" : "")));
      }
      table.print(out);
      new TrustText(out, now()).more(all.size() - TrustText.MAX_LINES);
    }
  }

  private static ObjectNode json(TrustAnchors anchors, LeafNeeds needs) {
    ObjectNode json = TrustJson.object();
    ArrayNode array = json.putArray("anchors");
    for (TrustAnchors.Anchor anchor : anchors.inForce()) {
      ObjectNode entry = array.addObject();
      entry.put("sha256", anchor.sha256());
      entry.put("subject", anchor.name());
      entry.put("state", anchor.state());
      needs.workloads(anchor.sha256()).forEach(entry.putArray("neededBy")::add);
      ArrayNode leaves = entry.putArray("leaves");
      for (LeafNeeds.Need need : needs.of(anchor.sha256())) {
        ObjectNode leaf = TrustJson.leaf(need.leaf());
        leaf.put("waived", need.waived());
        ArrayNode reasons = leaf.putArray("reasons");
        need.reasons().forEach(reason -> reasons.add(TrustAnchors.word(reason)));
        leaves.add(leaf);
      }
    }
    return json;
  }
}
