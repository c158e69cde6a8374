package io.signetmesh.crds.manifest;

import io.signetmesh.crds.ResourceKey;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Collects what is wrong with one document; of very many findings only the first are kept. */
final class DocumentFindings {
  private static final int MAX = 100;

  private final @Nullable ResourceKey resource;
  private final List<Finding> findings = new ArrayList<>();
  private boolean hasErrors;
  private boolean full;

  DocumentFindings(@Nullable ResourceKey resource) {
    this.resource = resource;
  }

  void error(Position position, String field, String message) {
    add(new Finding(Finding.Severity.ERROR, position, resource, field, message));
  }

  void warning(Position position, String field, String message) {
    add(new Finding(Finding.Severity.WARNING, position, resource, field, message));
  }

  void add(Finding finding) {
    hasErrors |= finding.isError();
    if (findings.size() < MAX) {
      findings.add(finding);
    } else if (!full) {
      full = true;
      findings.add(
          new Finding(
              Finding.Severity.ERROR,
              finding.position(),
              resource,
              "",
              "more than " + MAX + " findings: the rest is left out"));
      hasErrors = true;
    }
  }

  /** Whether there was an error, kept or not. */
  boolean hasErrors() {
    return hasErrors;
  }

  List<Finding> all() {
    return List.copyOf(findings);
  }
}
