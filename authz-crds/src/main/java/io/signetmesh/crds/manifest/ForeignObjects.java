package io.signetmesh.crds.manifest;

import io.signetmesh.crds.text.NearestName;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Tells objects of other tools, and files that are no objects, from objects of the mesh. */
final class ForeignObjects {
  /** Fields that tell an object from the file of a tool. */
  private static final Set<String> OBJECT = Set.of("apiVersion", "kind", "metadata", "spec");

  /** Fields under which objects of other tools hold whole objects. */
  private static final Set<String> HOLDING = Set.of("items", "objects");

  private ForeignObjects() {}

  /**
   * What is, or nearly is, an object of the mesh among the objects that another one holds, however
   * deep; null when there is none. Aliases are followed once.
   */
  static @Nullable YamlNode ofMeshIn(YamlNode.Mapping holder) {
    return ofMeshIn(holder, Collections.newSetFromMap(new IdentityHashMap<>()));
  }

  private static @Nullable YamlNode ofMeshIn(YamlNode.Mapping holder, Set<YamlNode> seen) {
    for (YamlNode.Entry entry : holder.entries()) {
      if (!(entry.value() instanceof YamlNode.Sequence held)
          || !seen.add(held)
          || !HOLDING.contains(entry.key()) && NearestName.of(entry.key(), HOLDING).isEmpty()) {
        continue;
      }
      for (YamlNode item : held.items()) {
        if (!(item instanceof YamlNode.Mapping object) || !seen.add(object)) {
          continue;
        }
        if (ForeignKinds.mayBeOfMesh(
            group(object.text("apiVersion").orElse("")), object.text("kind").orElse(""))) {
          return object;
        }
        YamlNode deeper = ofMeshIn(object, seen);
        if (deeper != null) {
          return deeper;
        }
      }
    }
    return null;
  }

  /** Group of an apiVersion, of one that was cut before its version too. */
  private static String group(String apiVersion) {
    int slash = apiVersion.indexOf('/');
    return slash < 0 ? apiVersion : apiVersion.substring(0, slash);
  }

  /**
   * Whether there is nothing of what every object has, not even misspelt, but a version that is not
   * one of the mesh. A version alone is what is there of a file that is being written.
   */
  static boolean isNoObject(YamlNode.Mapping root) {
    Optional<YamlNode> version = root.value("apiVersion");
    if (version.isPresent()) {
      Optional<String> text = root.text("apiVersion");
      if (root.entries().size() == 1
          || text.isEmpty()
          || ForeignKinds.mayBeOfMesh(group(text.get()), "")) {
        return false;
      }
    }
    return root.entries().stream()
        .map(YamlNode.Entry::key)
        .allMatch(
            key ->
                key.equals("apiVersion")
                    || !OBJECT.contains(key) && NearestName.of(key, OBJECT).isEmpty());
  }
}
