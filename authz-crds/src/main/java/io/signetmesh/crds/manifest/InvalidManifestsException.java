package io.signetmesh.crds.manifest;

import java.util.List;
import java.util.stream.Collectors;

/** The manifests have errors. The message lists all findings, one per line. */
public final class InvalidManifestsException extends Exception {
  private static final long serialVersionUID = 1;
  private static final int MAX_SHOWN = 50;

  private final transient List<ManifestFinding> findings;

  /**
   * Makes the message of the origin and the findings.
   *
   * @param origin file or directory that was read
   */
  public InvalidManifestsException(String origin, List<ManifestFinding> findings) {
    super(message(origin, findings));
    this.findings = List.copyOf(findings);
  }

  /** All findings, warnings included. */
  public List<ManifestFinding> findings() {
    return findings;
  }

  private static String message(String origin, List<ManifestFinding> findings) {
    long errors = findings.stream().filter(ManifestFinding::isError).count();
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
