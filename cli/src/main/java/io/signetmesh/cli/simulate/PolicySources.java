package io.signetmesh.cli.simulate;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.manifest.InvalidManifestsException;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Manifests;
import io.signetmesh.crds.manifest.Position;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Manifests that are not applied anywhere yet, held to their schemas and to the admission rules.
 *
 * @param paths where they come from
 * @param manifests what was read
 * @param empty those of the paths where there is no object
 * @param assumed objects that are said to exist elsewhere; of those that are not valid nothing is
 *     known but that they exist
 */
public record PolicySources(
    List<Path> paths, Manifests manifests, List<Path> empty, Manifests assumed) {
  /** Copies the paths. */
  public PolicySources {
    paths = List.copyOf(paths);
    empty = List.copyOf(empty);
  }

  /** Reads files, and all manifests under directories. What is wrong is among the findings. */
  public static PolicySources read(List<Path> paths) {
    return read(paths, null);
  }

  /**
   * Reads files, and all manifests under directories. What is wrong is among the findings.
   *
   * @param defaultNamespace namespace of objects that name none and must have one; null when such
   *     objects are errors
   */
  public static PolicySources read(List<Path> paths, @Nullable String defaultNamespace) {
    return read(paths, List.of(), defaultNamespace);
  }

  /**
   * Reads files, and all manifests under directories. What is wrong is among the findings.
   *
   * @param elsewhere files and directories with objects that exist elsewhere
   * @param defaultNamespace namespace of objects that name none and must have one; null when such
   *     objects are errors
   */
  public static PolicySources read(
      List<Path> paths, List<Path> elsewhere, @Nullable String defaultNamespace) {
    ManifestReader reader =
        new ManifestReader(AdmissionRules::check).withDefaultNamespace(defaultNamespace);
    List<Manifests> parts = new ArrayList<>();
    List<Path> empty = new ArrayList<>();
    for (Path path : paths) {
      Manifests part = reader.readPath(path);
      parts.add(part);
      if (part.isValid() && part.objects().isEmpty()) {
        empty.add(path);
      }
    }
    return new PolicySources(
        paths,
        Manifests.merge(parts),
        empty,
        Manifests.merge(elsewhere.stream().map(reader::readPath).toList()));
  }

  /**
   * The objects as a cluster.
   *
   * @throws InvalidManifestsException when there is an error: half of them could say the contrary
   *     of all of them
   */
  public ClusterView view() throws InvalidManifestsException {
    String origin = paths.stream().map(Path::toString).collect(Collectors.joining(", "));
    Manifests valid = manifests.orThrow(origin);
    return view(valid, assumed);
  }

  /** The valid objects, and beside them those that are assumed. */
  static ClusterView view(Manifests manifests, Manifests assumed) {
    Map<ResourceKey, HasMetadata> objects =
        new LinkedHashMap<>(assumed.objectsOver(Map.of(), Map.of()));
    objects.keySet().removeAll(manifests.positions().keySet());
    Map<ResourceKey, Position> positions = new HashMap<>(assumed.positions());
    objects.putAll(manifests.objectsOver(Map.of(), Map.of()));
    positions.putAll(manifests.positions());
    return ClusterView.of(1, objects.values(), positions);
  }
}
