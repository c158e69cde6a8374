package io.signetmesh.cli.trust;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.TrustRotation.Phase;
import java.time.Duration;
import java.time.Instant;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code signet trust status}. */
@Command(
    name = "status",
    description = {
      "Shows the trust anchors, the issuer, how many workloads trust the bundle in force, who is"
          + " behind, and how far a rotation is. Fit for cron."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:no rotation is under way, and all live workloads trust the bundle in force",
      "1:an anchor that is to stay has expired or has less than 30 days left, or the issuer leads to"
          + " no anchor in force",
      ExitCode.USAGE_HELP,
      "3:a rotation is under way, or a live workload is behind",
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet trust status --state /var/lib/signet",
      "  signet trust status --state /var/lib/signet --wait --timeout 5m",
      "  signet trust status --state /var/lib/signet -o json | jq .rotation.obstacles"
    })
final class TrustStatusCommand extends TrustSubcommand {
  private static final Duration INTERVAL = Duration.ofSeconds(1);

  @Option(
      names = "--wait",
      description = "Wait until no rotation is under way and nobody is behind.")
  private boolean wait;

  @Option(
      names = "--timeout",
      paramLabel = "DURATION",
      defaultValue = "10m",
      converter = StateDirectory.Durations.class,
      description = "With --wait: at most so long (default: ${DEFAULT-VALUE}).")
  private Duration timeout = Duration.ofMinutes(10);

  TrustStatusCommand(TrustConsole console) {
    super(console);
  }

  @Override
  int run(TrustServer server) throws Exception {
    Instant end = now().plus(wait ? timeout : Duration.ZERO);
    GetTrustResponse trust;
    while (true) {
      boolean late = !now().isBefore(end);
      try {
        trust = server.trust();
        if (late || isSettled(trust)) {
          break;
        }
      } catch (CommandFailure e) {
        if (late || e.exitCode() != ExitCode.UNAVAILABLE) {
          throw e;
        }
      }
      console().pause(INTERVAL);
    }
    Instant now = now();
    if (isJson()) {
      print(new TrustJson(now).trust(trust));
    } else {
      new TrustText(out(), now).status(trust);
    }
    TrustAnchors anchors = new TrustAnchors(trust);
    if (anchors.needSomebody(now)
        || anchors.get(TrustAnchors.hex(trust.getIssuerAnchorSha256())) == null) {
      return ExitCode.NEGATIVE;
    }
    return isSettled(trust) ? ExitCode.OK : ExitCode.UNDER_WAY;
  }

  private static boolean isSettled(GetTrustResponse trust) {
    boolean underWay = trust.hasRotation() && trust.getRotation().getPhase() != Phase.DONE;
    return !underWay && trust.getAdopted() == trust.getLive();
  }
}
