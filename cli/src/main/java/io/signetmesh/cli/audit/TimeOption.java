package io.signetmesh.cli.audit;

import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.command.TimeConverter;
import java.time.Instant;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.TypeConversionException;

/** Reads a time, or how long ago it was. */
final class TimeOption {
  private TimeOption() {}

  /**
   * Reads it.
   *
   * @param text a time of RFC 3339, a duration such as {@code 24h}, or null
   * @throws IllegalArgumentException when it is neither
   */
  static @Nullable Instant parse(@Nullable String text, InstantSource clock) {
    if (text == null) {
      return null;
    }
    if (text.matches("[0-9]{1,12}[a-z]+")) {
      try {
        return clock.instant().minus(new StateDirectory.Durations().convert(text));
      } catch (TypeConversionException e) {
        throw new IllegalArgumentException(e.getMessage(), e);
      }
    }
    return TimeConverter.parse(text);
  }
}
