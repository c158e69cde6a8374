package io.signetmesh.cli.command;

import java.nio.file.Path;
import java.time.Duration;
import picocli.CommandLine.ITypeConverter;

/** Paths in a state directory, except those that the module {@code identity} owns. */
public final class StateDirectory {
  private final Path root;

  /** The state directory at this path. */
  public StateDirectory(Path root) {
    this.root = root;
  }

  /** Path of the directory. */
  public Path root() {
    return root;
  }

  /** The audit journal of the control plane. */
  public Path controlJournal() {
    return root.resolve("audit").resolve("control-plane.jsonl");
  }

  /**
   * Parses durations in Linkerd's format: an integer of up to 12 digits and one of ms, s, m, h and
   * d.
   */
  public static final class Durations implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      int digits = 0;
      while (digits < text.length() && Character.isDigit(text.charAt(digits))) {
        digits++;
      }
      if (digits == 0 || digits > 12) {
        throw invalid(text);
      }
      long count = Long.parseLong(text.substring(0, digits));
      return switch (text.substring(digits)) {
        case "ms" -> Duration.ofMillis(count);
        case "s" -> Duration.ofSeconds(count);
        case "m" -> Duration.ofMinutes(count);
        case "h" -> Duration.ofHours(count);
        case "d" -> Duration.ofDays(count);
        default -> throw invalid(text);
      };
    }

    private static picocli.CommandLine.TypeConversionException invalid(String text) {
      return new picocli.CommandLine.TypeConversionException(
          "'" + text + "' is no duration: expected a number and ms, s, m, h or d, e.g. 24h");
    }
  }
}
