package io.signetmesh.cli.text;

import java.time.Duration;
import java.util.Locale;

/** Durations as people read them. */
public final class DurationText {
  private DurationText() {}

  /** A duration in its two largest units, such as {@code 2 days 3 hours}. */
  public static String words(Duration duration) {
    long days = duration.toDays();
    if (days > 0) {
      return unit(days, "day") + (days < 10 ? rest(duration.toHoursPart(), "hour") : "");
    }
    if (duration.toHours() > 0) {
      return unit(duration.toHours(), "hour") + rest(duration.toMinutesPart(), "minute");
    }
    return duration.toMinutes() > 0
        ? unit(duration.toMinutes(), "minute") + rest(duration.toSecondsPart(), "second")
        : unit(duration.toSeconds(), "second");
  }

  /** The same, with tenths of a second below a minute, such as {@code 3.2 seconds}. */
  public static String precise(Duration duration) {
    return duration.compareTo(Duration.ofMinutes(1)) < 0
        ? String.format(Locale.ROOT, "%.1f seconds", Math.max(0, duration.toMillis()) / 1000.0)
        : words(duration);
  }

  private static String rest(long count, String unit) {
    return count == 0 ? "" : " " + unit(count, unit);
  }

  private static String unit(long count, String unit) {
    return count + " " + unit + (count == 1 ? "" : "s");
  }
}
