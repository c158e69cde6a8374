package io.signetmesh.crds.manifest;

import io.signetmesh.crds.schema.TextFormat;
import io.signetmesh.crds.text.NearestName;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Tells a route of the Gateway API that is another controller's from one that may be the mesh's. A
 * route is another controller's when it has parents and none of them is, or nearly is, a Server, a
 * Service or an EgressNetwork, or of a group of the mesh. What cannot be told, a parent with a
 * field that is not known among it, is the mesh's, and held to its schema.
 */
final class RoutesElsewhere {
  private static final String GATEWAY_GROUP = "gateway.networking.k8s.io";
  private static final String OWN_ANNOTATIONS = "policy.signetmesh.io/";
  private static final Set<String> ROUTES =
      Set.of("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute");

  /** Routes that a policy may name, so that it is told what such a one is. */
  private static final Set<String> TARGETS = Set.of("HTTPRoute", "GRPCRoute");

  private static final Set<String> PARENTS = Set.of("Server", "Service", "EgressNetwork");
  private static final Set<String> PARENT_FIELDS =
      Set.of("group", "kind", "namespace", "name", "sectionName", "port");

  private RoutesElsewhere() {}

  /** Whether the object is a route without a parent of the mesh. */
  static boolean contains(String group, String kind, YamlNode.Mapping root) {
    return group.equals(GATEWAY_GROUP)
        && ROUTES.contains(kind)
        && !hasOwnAnnotation(root)
        && parents(root).filter(RoutesElsewhere::areElsewhere).isPresent();
  }

  /** Whether a policy may name routes of this kind. */
  static boolean isTarget(String kind) {
    return TARGETS.contains(kind);
  }

  /** The route without anything but its name and its parents. */
  static YamlNode.Mapping withoutRules(YamlNode.Mapping root) {
    List<YamlNode.Entry> entries = new ArrayList<>();
    for (YamlNode.Entry entry : root.entries()) {
      switch (entry.key()) {
        case "apiVersion", "kind", "metadata" -> entries.add(entry);
        case "spec" -> {
          YamlNode.Mapping spec = (YamlNode.Mapping) entry.value();
          entries.add(
              new YamlNode.Entry(
                  entry.position(),
                  entry.key(),
                  new YamlNode.Mapping(
                      spec.position(),
                      spec.entries().stream()
                          .filter(field -> field.key().equals("parentRefs"))
                          .toList())));
        }
        default -> {}
      }
    }
    return new YamlNode.Mapping(root.position(), List.copyOf(entries));
  }

  private static boolean hasOwnAnnotation(YamlNode.Mapping root) {
    return mapping(root, "metadata")
        .flatMap(metadata -> mapping(metadata, "annotations"))
        .filter(
            annotations ->
                annotations.entries().stream()
                    .anyMatch(entry -> entry.key().startsWith(OWN_ANNOTATIONS)))
        .isPresent();
  }

  private static Optional<YamlNode.Sequence> parents(YamlNode.Mapping root) {
    return mapping(root, "spec")
        .flatMap(spec -> value(spec, "parentRefs"))
        .filter(YamlNode.Sequence.class::isInstance)
        .map(YamlNode.Sequence.class::cast);
  }

  private static boolean areElsewhere(YamlNode.Sequence parents) {
    return !parents.items().isEmpty()
        && parents.items().stream().allMatch(RoutesElsewhere::isElsewhere);
  }

  private static boolean isElsewhere(YamlNode parent) {
    if (!(parent instanceof YamlNode.Mapping mapping)) {
      return false;
    }
    String group = GATEWAY_GROUP;
    String kind = "Gateway";
    for (YamlNode.Entry entry : mapping.entries()) {
      if (!PARENT_FIELDS.contains(entry.key())) {
        return false;
      }
      boolean groupOrKind = entry.key().equals("group") || entry.key().equals("kind");
      if (!groupOrKind || Binder.isAbsent(entry.value())) {
        continue;
      }
      if (!(entry.value() instanceof YamlNode.Scalar scalar && scalar.isText())) {
        return false;
      }
      if (entry.key().equals("group")) {
        group = scalar.text();
      } else {
        kind = scalar.text();
      }
    }
    // The group "" is that of Services.
    return !group.isEmpty()
        && !group.equalsIgnoreCase("core")
        && TextFormat.GROUP.matches(group)
        && TextFormat.KIND.matches(kind)
        && !ForeignKinds.mayBeOfMesh(group, kind)
        && !PARENTS.contains(kind)
        && NearestName.of(kind, PARENTS).isEmpty();
  }

  private static Optional<YamlNode.Mapping> mapping(YamlNode.Mapping root, String field) {
    return value(root, field)
        .filter(YamlNode.Mapping.class::isInstance)
        .map(YamlNode.Mapping.class::cast);
  }

  private static Optional<YamlNode> value(YamlNode.Mapping root, String field) {
    return root.entries().stream()
        .filter(entry -> entry.key().equals(field))
        .map(YamlNode.Entry::value)
        .findFirst();
  }
}
