package io.signetmesh.cli.host;

import io.signetmesh.proxy.config.AuditSettings;
import java.util.HashMap;
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

  /**
   * The variables of the proxy that annotations set on a host with variables of its own. What the
   * host sets can be made stricter and not weaker: whoever may edit a pod must not be able to keep
   * its requests off the record.
   *
   * @param host the variables of all proxies of the host
   * @throws IllegalArgumentException as above, and when one is weaker than what the host sets
   */
  public static Map<String, String> variables(
      Map<String, String> annotations, Map<String, String> host) {
    Map<String, String> variables = variables(annotations);
    Map<String, String> all = new HashMap<>(host);
    all.putAll(variables);
    for (String name : AuditSettings.weakened(host, all)) {
      throw new IllegalArgumentException(
          "annotation "
              + PREFIX
              + name.substring(AuditSettings.PREFIX.length()).toLowerCase(Locale.ROOT)
              + "='"
              + variables.get(name)
              + "': expected nothing weaker than "
              + name
              + "="
              + host.get(name)
              + " of the host");
    }
    return variables;
  }

  private static String variable(String annotation) {
    String name = annotation.substring(PREFIX.length());
    return AuditSettings.PREFIX + name.replace('-', '_').toUpperCase(Locale.ROOT);
  }
}
