package io.signetmesh.proxy.config;

import java.util.List;
import java.util.Map;

/**
 * How a proxy records its decisions.
 *
 * @param blocking whether what would be allowed is refused when it cannot be recorded ({@code
 *     AUDIT_UNAVAILABLE})
 */
public record AuditSettings(boolean blocking) {
  /** The start of the names of the variables. */
  public static final String PREFIX = "SIGNET_PROXY_AUDIT_";

  /** Name of the variable of {@link #blocking}. */
  public static final String UNAVAILABLE = PREFIX + "UNAVAILABLE";

  static AuditSettings of(ConfigValues values) {
    return new AuditSettings(
        values.choice(UNAVAILABLE, List.of("continue", "block")).equals("block"));
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
