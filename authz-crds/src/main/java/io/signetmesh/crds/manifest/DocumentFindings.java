package io.signetmesh.crds.manifest;

import io.signetmesh.crds.ResourceKey;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Collects what is wrong with one document. */
final class DocumentFindings {
  private static final int MAX = 100;

  private final @Nullable ResourceKey resource;
  private final BoundedFindings findings = new BoundedFindings(MAX);

  DocumentFindings(@Nullable ResourceKey resource) {
    this.resource = resource;
  }

  void error(Position position, String field, String message) {
    add(new ManifestFinding(ManifestFinding.Severity.ERROR, position, resource, field, message));
  }

  void warning(Position position, String field, String message) {
    add(new ManifestFinding(ManifestFinding.Severity.WARNING, position, resource, field, message));
  }

  void add(ManifestFinding finding) {
    findings.add(finding);
  }

  /** Whether there was an error. */
  boolean hasErrors() {
    return findings.hasErrors();
  }

  List<ManifestFinding> all() {
    return findings.all();
  }
}
