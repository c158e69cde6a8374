package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.OutputOptions;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.identity.ca.CaHealth;
import io.signetmesh.identity.ca.CaHealth.Finding;
import io.signetmesh.identity.ca.CaHealth.Level;
import io.signetmesh.identity.ca.CaHealth.Thresholds;
import java.io.PrintWriter;
import java.time.Clock;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code signet identity ca check}. */
@Command(
    name = "check",
    description = {
      "Fails when issuer or trust anchors do not live long enough. Made for cron: it prints nothing as text"
          + " when all do.",
      "A leaf is checked by 'signet identity verify --valid-for'."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:all live long enough",
      "1:a certificate ends soon, has expired or is not valid yet",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet identity ca check --state /var/lib/signet",
      "  signet identity ca check --issuer-directory /etc/signet/issuer --issuer-left 5d -o json"
    })
public final class IdentityCaCheckCommand extends CaCommand {
  @Option(
      names = "--issuer-left",
      paramLabel = "DURATION",
      converter = StateDirectory.Durations.class,
      description =
          "Fail when the issuer, or a CA between it and the anchor, has less life left (default: a"
              + " fifth of its life; of 10 days or more, 48h if that is longer).")
  private @Nullable Duration issuerLeft;

  @Option(
      names = "--anchor-left",
      paramLabel = "DURATION",
      defaultValue = "90d",
      converter = StateDirectory.Durations.class,
      description = "Fail when a trust anchor has less life left (default: ${DEFAULT-VALUE}).")
  private Duration anchorLeft = Thresholds.DEFAULT.anchor();

  @Mixin private OutputOptions output = new OutputOptions();

  @Override
  public Integer call() throws Exception {
    Ca ca = read();
    CaHealth health =
        CaHealth.of(
            ca.chain(),
            ca.anchors(),
            Clock.systemUTC().instant(),
            new Thresholds(issuerLeft, anchorLeft, Thresholds.DEFAULT.issuing()));
    PrintWriter out = out();
    if (output.isJson()) {
      print(json(health), out);
    } else {
      for (Finding finding : health.findings()) {
        out.println(word(finding.level()) + ": " + finding.message());
      }
    }
    out.flush();
    return health.level() == Level.OK ? ExitCode.OK : ExitCode.NEGATIVE;
  }
}
