package io.signetmesh.crds.manifest;

import java.util.List;
import java.util.stream.Collectors;

/** Manifests cannot be used; the message lists what is wrong with them, one finding a line. */
public final class InvalidManifestsException extends Exception {
  private static final long serialVersionUID = 1;
  private static final int MAX_SHOWN = 50;

  private final transient List<Finding> findings;

  /**
   * Names the manifests and lists the findings.
   *
   * @param origin file or directory that was read
   */
  public InvalidManifestsException(String origin, List<Finding> findings) {
    super(message(origin, findings));
    this.findings = List.copyOf(findings);
  }

  /** What was found, warnings too. */
  public List<Finding> findings() {
    return findings;
  }

  private static String message(String origin, List<Finding> findings) {
    long errors = findings.stream().filter(Finding::isError).count();
    String shown =
        findings.stream()
            .limit(MAX_SHOWN)
            .map(finding -> "\n  " + finding)
            .collect(Collectors.joining());
    int rest = findings.size() - MAX_SHOWN;
    return "%s: %d error%s in the manifests".formatted(origin, errors, errors == 1 ? "" : "s")
        + shown
        + (rest > 0 ? "\n  and " + rest + " more" : "");
  }
}
