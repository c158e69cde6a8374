package io.signetmesh.crds.manifest;

import io.signetmesh.crds.text.PlainText;
import org.jspecify.annotations.Nullable;

/**
 * Objects of one kind that are among the manifests and that the mesh does not use. Only their
 * positions are read, and for routes without a parent in the mesh, their parents.
 *
 * @param group API group; empty for the core group
 * @param kind kind
 * @param count number of objects
 * @param first position of the first one
 */
public record PassedOver(String group, String kind, int count, Position first) {
  private static final String KUSTOMIZE = "kustomize.config.k8s.io";
  private static final String HELM = "helm.sh";

  /** A file of kustomize or Helm that names no kind; null when the source is none by its name. */
  static @Nullable PassedOver ofTool(String source, Position position) {
    String name = source.substring(source.lastIndexOf('/') + 1);
    return switch (name) {
      case "kustomization.yaml", "kustomization.yml" ->
          new PassedOver(KUSTOMIZE, "Kustomization", 1, position);
      case "Chart.yaml" -> new PassedOver(HELM, "Chart", 1, position);
      case "values.yaml" -> new PassedOver(HELM, "Values", 1, position);
      default -> null;
    };
  }

  /** Both together. */
  PassedOver and(PassedOver later) {
    return new PassedOver(group, kind, count + later.count, first);
  }

  /** Kind and group: {@code ConfigMap}, {@code Certificate.cert-manager.io}. */
  public String name() {
    return group.isEmpty() ? kind : kind + "." + group;
  }

  /** Why these objects are not used, for people: {@code 2 objects are passed over: ...}. */
  public String message() {
    String passed = count == 1 ? "1 object is passed over" : count + " objects are passed over";
    return switch (group) {
      case KUSTOMIZE -> passed + ": nothing is built here; give what 'kustomize build' prints";
      case HELM -> passed + ": no chart is rendered here; give what 'helm template' prints";
      default ->
          ResourceKind.find(group, kind).isPresent()
              ? passed + ": no parent is of the mesh (a Server, Service or EgressNetwork)"
              : passed + ": not a kind that the mesh reads";
    };
  }

  /** {@code file:line:column: note: ConfigMap: 2 objects are passed over: ...}. */
  @Override
  public String toString() {
    return PlainText.of(first + ": note: " + name() + ": " + message());
  }
}
