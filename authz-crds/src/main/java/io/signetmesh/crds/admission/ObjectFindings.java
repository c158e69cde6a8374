package io.signetmesh.crds.admission;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.UnreadFields;
import io.signetmesh.crds.text.PlainText;
import java.util.ArrayList;
import java.util.List;

/**
 * Collects what is wrong with one object. Of fields that could not be read nothing is taken: what
 * is wrong with those is known, and what follows from what stands in their place is noise.
 */
final class ObjectFindings {
  private static final int MAX_SHOWN = 120;

  private final ResourceKey key;
  private final UnreadFields unread;
  private final List<ManifestFinding> findings = new ArrayList<>();

  ObjectFindings(HasMetadata object, UnreadFields unread) {
    this.key = ResourceKey.of(object);
    this.unread = unread;
  }

  /** Namespace of the object. */
  String namespace() {
    return key.namespace();
  }

  /** An error that follows from the field, all of it, and from nothing else. */
  void error(String field, String message) {
    error(field, List.of(field), message);
  }

  /** An error that is shown at a field and follows from these fields. */
  void error(String field, List<String> from, String message) {
    if (unread.areRead(from)) {
      findings.add(ManifestFinding.error(key, field, message));
    }
  }

  /** A warning that follows from the field, all of it, and from nothing else. */
  void warning(String field, String message) {
    warning(field, List.of(field), message);
  }

  /** A warning that is shown at a field and follows from these fields. */
  void warning(String field, List<String> from, String message) {
    if (unread.areRead(from)) {
      findings.add(ManifestFinding.warning(key, field, message));
    }
  }

  List<ManifestFinding> all() {
    return List.copyOf(findings);
  }

  /** A value as messages show it: in quotes, on one line and of bounded length. */
  static String quoted(String value) {
    String shown = value.length() > MAX_SHOWN ? value.substring(0, MAX_SHOWN) + "..." : value;
    return "\"" + PlainText.of(shown) + "\"";
  }
}
