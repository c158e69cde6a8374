package io.signetmesh.cli.trust;

import io.signetmesh.cli.command.StateDirectory;
import java.time.Duration;
import picocli.CommandLine.Option;

/** Options of commands that wait for the end of a rotation unless told otherwise. */
final class WaitOptions {
  @Option(
      names = "--wait",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description =
          "Show the progress until the rotation has ended (default). With --no-wait the command"
              + " ends at once, and the rotation goes on.")
  private boolean wait = true;

  @Option(
      names = "--timeout",
      paramLabel = "DURATION",
      defaultValue = "1h",
      converter = StateDirectory.Durations.class,
      description = "Wait at most so long (default: ${DEFAULT-VALUE}). The rotation goes on.")
  private Duration timeout = Duration.ofHours(1);

  boolean waits() {
    return wait;
  }

  Duration timeout() {
    return timeout;
  }
}
