package io.signetmesh.cli.trust;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.v1.TrustRotation;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code signet trust waive}. */
@Command(
    name = "waive",
    description = {
      "The rotation that is under way does not wait for these workloads any more before it takes the"
          + " old anchor away.",
      "A waived workload that still needs the old anchor is cut off: restart it, and it gets a new"
          + " certificate.",
      "Waived are the certificates of the workload that are known now. A process that comes later is"
          + " waited for again. A workload that never reports what it trusts stays waived when it"
          + " renews."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      "1:not agreed; nothing was changed",
      ExitCode.USAGE_HELP,
      "64:no rotation is under way, or a workload has no certificate that is valid",
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet trust waive shop/batch --state /var/lib/signet --reason 'host is scrapped' --yes"
    })
final class TrustWaiveCommand extends TrustSubcommand {
  @Mixin private ChangeOptions change = new ChangeOptions();

  @Parameters(
      arity = "1..*",
      paramLabel = "WORKLOAD",
      converter = Workloads.Converter.class,
      description = "DNS names, or NAMESPACE/SERVICEACCOUNT.")
  private List<String> workloads = new ArrayList<>();

  TrustWaiveCommand(TrustConsole console) {
    super(console);
  }

  @Override
  void checkUsage() {
    requireConsent(change.yes());
  }

  @Override
  int run(TrustServer server) throws Exception {
    requireRotation(server.trust());
    Set<String> names = Workloads.resolve(workloads, server.leaves());
    if (!isJson()) {
      out().println("To be cut off if they still need the old anchor when it is taken away:");
      names.forEach(name -> out().println("  " + name));
    }
    if (!isAgreed(change.yes())) {
      return ExitCode.NEGATIVE;
    }
    TrustRotation rotation = server.waive(names, change.reason());
    if (isJson()) {
      print(new TrustJson(now()).rotation(rotation));
    } else {
      out().println("rotation " + rotation.getId() + " does not wait for them any more");
    }
    return ExitCode.OK;
  }
}
