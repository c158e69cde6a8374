package io.signetmesh.crds.admission;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.Finding;
import io.signetmesh.crds.manifest.PlainText;
import java.util.ArrayList;
import java.util.List;

/** Collects what is wrong with one object. */
final class ObjectFindings {
  private static final int MAX_SHOWN = 120;

  private final ResourceKey key;
  private final List<Finding> findings = new ArrayList<>();

  ObjectFindings(HasMetadata object) {
    this.key = ResourceKey.of(object);
  }

  /** Namespace of the object. */
  String namespace() {
    return key.namespace();
  }

  void error(String field, String message) {
    findings.add(Finding.error(key, field, message));
  }

  void warning(String field, String message) {
    findings.add(Finding.warning(key, field, message));
  }

  List<Finding> all() {
    return List.copyOf(findings);
  }

  /** A value as messages show it: in quotes, on one line and of bounded length. */
  static String quoted(String value) {
    String shown = value.length() > MAX_SHOWN ? value.substring(0, MAX_SHOWN) + "..." : value;
    return "\"" + PlainText.of(shown) + "\"";
  }
}
