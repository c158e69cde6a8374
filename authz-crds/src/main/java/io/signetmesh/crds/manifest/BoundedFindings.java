package io.signetmesh.crds.manifest;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Findings, of each severity only the first so many; the next one says that there are more. */
final class BoundedFindings {
  private final int max;
  private final List<ManifestFinding> findings = new ArrayList<>();
  private final Map<ManifestFinding.Severity, Integer> counts =
      new EnumMap<>(ManifestFinding.Severity.class);

  BoundedFindings(int max) {
    this.max = max;
  }

  void add(ManifestFinding finding) {
    int count = counts.merge(finding.severity(), 1, Integer::sum);
    if (count <= max) {
      findings.add(finding);
    } else if (count == max + 1) {
      findings.add(
          new ManifestFinding(
              finding.severity(),
              finding.position(),
              finding.resource(),
              "",
              "there are more than " + max + " findings like these: the rest is left out"));
    } else {
      counts.put(finding.severity(), count - 1);
    }
  }

  boolean hasErrors() {
    return counts.containsKey(ManifestFinding.Severity.ERROR);
  }

  List<ManifestFinding> all() {
    return List.copyOf(findings);
  }
}
