package io.signetmesh.crds.schema;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Durations in the format of Go's {@code time.ParseDuration}: {@code 1h30m}, {@code 1.5s}, {@code
 * 0}. Every duration of the Gateway API (GEP-2257) is also in this format.
 */
public final class GoDuration {
  private static final Pattern PART =
      Pattern.compile("([0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)");
  private static final BigDecimal MAX = BigDecimal.valueOf(Long.MAX_VALUE);
  private static final int MAX_LENGTH = 64;

  private GoDuration() {}

  /**
   * Parses a duration, which may be negative. Fractions of a nanosecond are cut off.
   *
   * @throws IllegalArgumentException when the text is not a duration, has more than 64 characters,
   *     or is a duration of more than 292 years
   */
  public static Duration parse(String text) {
    boolean negative = text.startsWith("-");
    String magnitude = negative || text.startsWith("+") ? text.substring(1) : text;
    if (magnitude.equals("0")) {
      return Duration.ZERO;
    }
    BigDecimal total = BigDecimal.ZERO;
    Matcher part = PART.matcher(magnitude);
    int at = 0;
    while (text.length() <= MAX_LENGTH && at < magnitude.length()) {
      if (!part.region(at, magnitude.length()).lookingAt()) {
        break;
      }
      total = total.add(new BigDecimal(part.group(1)).multiply(nanos(part.group(2))));
      at = part.end();
    }
    if (at == 0 || at < magnitude.length() || total.compareTo(MAX) > 0) {
      throw new IllegalArgumentException(
          "\""
              + (text.length() > MAX_LENGTH ? text.substring(0, MAX_LENGTH) + "..." : text)
              + "\" is not a duration such as 500ms, 10s or 1h30m");
    }
    Duration duration = Duration.ofNanos(total.longValue());
    return negative ? duration.negated() : duration;
  }

  private static BigDecimal nanos(String unit) {
    return BigDecimal.valueOf(
        switch (unit) {
          case "ns" -> 1L;
          case "ms" -> 1_000_000L;
          case "s" -> 1_000_000_000L;
          case "m" -> 60_000_000_000L;
          case "h" -> 3_600_000_000_000L;
          default -> 1_000L;
        });
  }
}
