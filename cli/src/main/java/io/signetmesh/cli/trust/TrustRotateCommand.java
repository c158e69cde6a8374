package io.signetmesh.cli.trust;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.v1.StartRotationRequest;
import java.time.Duration;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code signet trust rotate}. */
@Command(
    name = "rotate",
    description = {
      "Replaces the trust anchors by a new one while everything runs: shows the plan, asks, begins,"
          + " and shows the progress.",
      "Nothing is restarted, and no request fails. The identity server carries it out: it goes on"
          + " when this command ends."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:the rotation is done, or with --no-wait has begun; with --plan: the plan has no error",
      "1:the plan has an error and nothing was started, or not agreed, or somebody aborted it",
      ExitCode.USAGE_HELP,
      TrustSubcommand.UNDER_WAY_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP,
      TrustSubcommand.INTERRUPTED_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet trust rotate --state /var/lib/signet --plan",
      "  signet trust rotate --state /var/lib/signet --reason 'yearly rotation' --yes",
      "  signet trust rotate --state /var/lib/signet --new-anchor root.pem \\",
      "      --new-anchor-key root.key --renew-window 1h",
      "  signet trust rotate --state /var/lib/signet \\",
      "      --pkcs11-library /usr/lib/softhsm/libsofthsm2.so --pkcs11-token signet \\",
      "      --pkcs11-pin-file /etc/signet/pin --pkcs11-key root-2027",
      "  signet trust rotate --state /var/lib/signet --compromised --reason 'key was copied'"
    })
final class TrustRotateCommand extends PlannedCommand {
  @Mixin private AnchorOptions anchor = new AnchorOptions();

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
          "The anchors in force are not to be trusted: go the fastest way, wait for nobody for long,"
              + " and revoke what their issuers signed. The plan lists whom it cuts off.")
  private boolean compromised;

  @Option(
      names = "--no-cross-certificate",
      description =
          "The old anchor does not vouch for the new issuer, because its key cannot be used, for"
              + " instance that of a token that is lost. Whoever knows only the old anchor is cut off"
              + " when the new issuer begins to sign: that waits until all live workloads trust the"
              + " new anchor and all others are waived. Put the new anchor beside the old one, until"
              + " the rotation is done, into the files that workloads are started with.")
  private boolean withoutCrossCertificate;

  TrustRotateCommand(TrustConsole console) {
    super(console);
  }

  @Override
  void checkUsage() throws CommandFailure {
    super.checkUsage();
    anchor.check();
  }

  @Override
  int run(TrustServer server) throws Exception {
    StartRotationRequest.Builder request =
        StartRotationRequest.newBuilder()
            .setCompromised(compromised)
            .setWithoutCrossCertificate(withoutCrossCertificate)
            .setRenewWindow(
                com.google.protobuf.Duration.newBuilder()
                    .setSeconds(renewWindow.getSeconds())
                    .setNanos(renewWindow.getNano()));
    anchor.put(request);
    return begin(server, server.trust(), request, Set.of());
  }
}
