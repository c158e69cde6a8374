package io.signetmesh.proxy.config;

import io.signetmesh.audit.JournalSync;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How a proxy records its decisions.
 *
 * @param blocking whether what would be allowed is refused when it cannot be recorded ({@code
 *     AUDIT_UNAVAILABLE})
 * @param sync when records are forced to the disk ({@code AUDIT_FSYNC})
 * @param allows what is recorded of what is allowed ({@code AUDIT_ALLOWS})
 * @param sample with {@link Allows#SAMPLED}, one of so many is recorded, 2 to 1,000,000 ({@code
 *     AUDIT_SAMPLE})
 * @param window with {@link Allows#FIRST_SEEN}, how long what was seen is only counted, 1 s to 1 h
 *     ({@code AUDIT_WINDOW})
 */
public record AuditSettings(
    boolean blocking, JournalSync sync, Allows allows, int sample, Duration window) {
  private static final Duration MIN_WINDOW = Duration.ofSeconds(1);
  private static final Duration MAX_WINDOW = Duration.ofHours(1);

  /** What is recorded of what is allowed. */
  public enum Allows {
    /** Everything. */
    ALL("all", 2),
    /** Some, picked by chance. */
    SAMPLED("sampled", 0),
    /** The first of its kind in a window, and the number of others. */
    FIRST_SEEN("first-seen", 1);

    private final String word;

    /** The higher, the more the records tell. */
    private final int strength;

    Allows(String word, int strength) {
      this.word = word;
      this.strength = strength;
    }
  }

  /** The start of the names of the variables. */
  public static final String PREFIX = "SIGNET_PROXY_AUDIT_";

  /** Name of the variable of {@link #blocking}. */
  public static final String UNAVAILABLE = PREFIX + "UNAVAILABLE";

  /** Name of the variable of {@link #sync}. */
  public static final String FSYNC = PREFIX + "FSYNC";

  /** Name of the variable of {@link #allows}. */
  public static final String ALLOWS = PREFIX + "ALLOWS";

  /** Name of the variable of {@link #sample}. */
  public static final String SAMPLE = PREFIX + "SAMPLE";

  /** Name of the variable of {@link #window}. */
  public static final String WINDOW = PREFIX + "WINDOW";

  static AuditSettings of(ConfigValues values) {
    List<String> words = List.of(Allows.values()).stream().map(each -> each.word).toList();
    Allows allows = Allows.values()[words.indexOf(values.choice(ALLOWS, words))];
    Duration window = values.duration(WINDOW, Duration.ofMinutes(1));
    if (window.compareTo(MIN_WINDOW) < 0 || window.compareTo(MAX_WINDOW) > 0) {
      values.fault(WINDOW, values.text(WINDOW, ""), "1s to 1h");
    }
    return new AuditSettings(
        values.choice(UNAVAILABLE, List.of("continue", "block")).equals("block"),
        switch (values.choice(FSYNC, List.of("os", "second", "batch"))) {
          case "batch" -> JournalSync.BATCH;
          case "second" -> JournalSync.SECOND;
          default -> JournalSync.OS;
        },
        allows,
        values.number(SAMPLE, 100, 2, 1_000_000),
        window);
  }

  /**
   * The variables of which others record less than these do, or go on where these refuse.
   *
   * @param environment the variables of these settings: those that are not set demand nothing
   * @param others the variables of the others, without faults
   * @return their names, sorted
   */
  public static List<String> weakened(Map<String, String> environment, Map<String, String> others) {
    AuditSettings wanted = of(new ConfigValues(environment));
    AuditSettings got = of(new ConfigValues(others));
    Map<String, Boolean> weaker = new TreeMap<>();
    weaker.put(UNAVAILABLE, wanted.blocking && !got.blocking);
    weaker.put(ALLOWS, got.allows.strength < wanted.allows.strength);
    weaker.put(SAMPLE, got.sample > wanted.sample);
    weaker.put(WINDOW, got.window.compareTo(wanted.window) > 0);
    return weaker.keySet().stream()
        .filter(name -> environment.containsKey(name) && weaker.getOrDefault(name, false))
        .toList();
  }

  /**
   * What is wrong with the settings of an environment; nothing when it is good. Other variables are
   * not looked at.
   */
  public static List<String> faults(Map<String, String> environment) {
    ConfigValues values = new ConfigValues(environment);
    AuditSettings.of(values);
    return List.copyOf(values.faults());
  }
}
