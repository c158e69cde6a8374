package io.signetmesh.cli.host;

import io.signetmesh.proxy.config.AuditSettings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Annotations of a pod that say how its proxy records decisions. */
public final class AuditAnnotations {
  /** The start of their names; the rest is that of a variable, {@code audit-unavailable}. */
  public static final String PREFIX = "config.signetmesh.io/audit-";

  /** What a pod may say for itself, whatever is set for all proxies of the host. */
  private static final List<String> NAMES =
      List.of(PREFIX + "unavailable", PREFIX + "allows", PREFIX + "sample", PREFIX + "window");

  private AuditAnnotations() {}

  /**
   * The variables of the proxy that annotations set.
   *
   * @throws IllegalArgumentException when one is not known, or its value is wrong; the message
   *     names it
   */
  public static Map<String, String> variables(Map<String, String> annotations) {
    Map<String, String> variables = new LinkedHashMap<>();
    annotations.forEach(
        (name, value) -> {
          if (!name.startsWith(PREFIX)) {
            return;
          }
          if (!NAMES.contains(name)) {
            // Whoever misspells it believes that it is in force.
            throw new IllegalArgumentException(
                "annotation " + name + ": expected one of " + String.join(", ", NAMES));
          }
          if (value.isBlank()) {
            throw new IllegalArgumentException("annotation " + name + ": expected a value");
          }
          String variable = variable(name);
          List<String> faults = AuditSettings.faults(Map.of(variable, value));
          if (!faults.isEmpty()) {
            throw new IllegalArgumentException(
                "annotation " + name + faults.getFirst().substring(variable.length()));
          }
          variables.put(variable, value);
        });
    return variables;
  }

  private static String variable(String annotation) {
    String name = annotation.substring(PREFIX.length());
    return AuditSettings.PREFIX + name.replace('-', '_').toUpperCase(Locale.ROOT);
  }
}
