package io.signetmesh.cli.server;

import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.identity.ca.IssuancePolicy;
import java.net.URI;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How long certificates of workloads live. */
final class IssuanceOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--leaf-lifetime",
      paramLabel = "DURATION",
      defaultValue = "24h",
      converter = StateDirectory.Durations.class,
      description = "Life of a workload's certificate (default: ${DEFAULT-VALUE}; 1s to 30d).")
  private Duration lifetime = Duration.ofDays(1);

  @Option(
      names = "--clock-skew",
      paramLabel = "DURATION",
      defaultValue = "20s",
      converter = StateDirectory.Durations.class,
      description = {
        "Added to a certificate's life on both sides, for clocks that differ",
        "(default: ${DEFAULT-VALUE}; at most 1h)."
      })
  private Duration clockSkew = Duration.ofSeconds(20);

  @Option(
      names = "--crl-url",
      paramLabel = "URL",
      converter = AdminOptions.Urls.class,
      description = {
        "Where software other than Signet gets the revocation list, put into certificates: an URL",
        "under which /crl of the admin address is reached (default: none)."
      })
  private @Nullable URI crlUrl;

  IssuancePolicy policy() {
    try {
      return new IssuancePolicy(lifetime, clockSkew, crlUrl);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }
}
