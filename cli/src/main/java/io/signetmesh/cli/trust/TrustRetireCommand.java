package io.signetmesh.cli.trust;

import com.google.protobuf.ByteString;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotation.Phase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code signet trust retire}. */
@Command(
    name = "retire",
    description = {
      "Takes a trust anchor away without adding one, by the same phases as a rotation.",
      "When the anchor leaves in the rotation under way, that one is watched; with --waive it does"
          + " not wait for those workloads any more.",
      "With --compromised, what the anchor's issuers signed is revoked, also when it has left"
          + " already."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:the anchor is retired, or with --no-wait leaves; with --plan: the plan has no error",
      "1:the plan has an error and nothing was started, or not agreed, or somebody aborted it",
      ExitCode.USAGE_HELP,
      TrustSubcommand.UNDER_WAY_HELP,
      "64:the anchor is not known or not in force, or a workload has no certificate that is valid",
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP,
      TrustSubcommand.INTERRUPTED_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet trust retire --state /var/lib/signet --anchor 3f2a91c0 --plan",
      "  signet trust retire --state /var/lib/signet --anchor 3f2a91c0 --waive shop/batch --yes",
      "  signet trust retire --state /var/lib/signet --anchor 3f2a91c0 --compromised --plan"
    })
final class TrustRetireCommand extends PlannedCommand {
  @Option(
      names = "--anchor",
      required = true,
      paramLabel = "SHA-256",
      description = "The anchor to take away; the first 8 digits or more are enough.")
  private String anchor = "";

  @Option(
      names = "--waive",
      arity = "1..*",
      split = ",",
      paramLabel = "WORKLOAD",
      converter = Workloads.Converter.class,
      description = "Do not wait for these: DNS names, or NAMESPACE/SERVICEACCOUNT.")
  private List<String> waived = new ArrayList<>();

  @Option(
      names = "--renew-window",
      paramLabel = "DURATION",
      defaultValue = "10m",
      converter = StateDirectory.Durations.class,
      description = "Spread the renewals over this time (default: ${DEFAULT-VALUE}; at most 24h).")
  private Duration renewWindow = Duration.ofMinutes(10);

  @Option(
      names = "--compromised",
      description =
          "The anchor is not to be trusted, nor what was signed under the others since: go the"
              + " fastest way, have another issuer made, and revoke what the issuers until now signed."
              + " The anchor may have left up to one life of a certificate ago, by a rotation or by"
              + " an abort, or be about to leave. The plan lists whom it cuts off.")
  private boolean compromised;

  TrustRetireCommand(TrustConsole console) {
    super(console);
  }

  @Override
  int run(TrustServer server) throws Exception {
    GetTrustResponse trust = server.trust();
    TrustAnchors anchors = new TrustAnchors(trust);
    TrustAnchors.@Nullable Anchor leaving = compromised ? null : anchors.find(anchor);
    String sha256 =
        leaving == null ? anchors.findAlsoLeft(anchor, server.history()) : leaving.sha256();
    Set<String> names = waived.isEmpty() ? Set.of() : Workloads.resolve(waived, server.leaves());
    boolean underWay = trust.hasRotation() && trust.getRotation().getPhase() != Phase.DONE;
    if (underWay && leaving != null && leaving.isLeaving()) {
      return join(server, trust.getRotation(), names);
    }
    ByteString fingerprint = ByteString.copyFrom(HexFormat.of().parseHex(sha256));
    return begin(
        server,
        trust,
        StartRotationRequest.newBuilder()
            .addLeavingSha256(fingerprint)
            .setCompromised(compromised)
            .setRenewWindow(
                com.google.protobuf.Duration.newBuilder()
                    .setSeconds(renewWindow.getSeconds())
                    .setNanos(renewWindow.getNano())),
        names);
  }

  /** The anchor leaves already. */
  private int join(TrustServer server, TrustRotation underWay, Set<String> names)
      throws CommandFailure, InterruptedException {
    TrustRotation rotation = underWay;
    if (!isJson()) {
      new TrustText(out(), now()).rotation(rotation);
      names.forEach(name -> out().println("Not waited for: " + name));
    }
    if (isPlan()) {
      if (isJson()) {
        print(new TrustJson(now()).rotation(rotation));
      }
      return ExitCode.UNDER_WAY;
    }
    if (!names.isEmpty()) {
      if (!isAgreed(change().yes())) {
        return ExitCode.NEGATIVE;
      }
      rotation = server.waive(names, change().reason());
    }
    if (waiting().waits()) {
      rotation = await(server, rotation.getId(), waiting().timeout());
    }
    if (isJson()) {
      print(new TrustJson(now()).rotation(rotation));
    } else {
      report(rotation);
    }
    return waiting().waits() ? code(rotation, underWay.getReversed()) : ExitCode.OK;
  }
}
