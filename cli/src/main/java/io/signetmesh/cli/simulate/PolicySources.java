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
 * Manifests that may not be applied anywhere yet, checked against their schemas and the admission
 * rules.
 *
 * @param paths files and directories that were read
 * @param manifests what was read
 * @param empty those paths that contain no object
 * @param assumed objects that exist elsewhere; of an invalid one, only its existence is known
 */
public record PolicySources(
    List<Path> paths, Manifests manifests, List<Path> empty, Manifests assumed) {
  /** Copies the lists of paths. */
  public PolicySources {
    paths = List.copyOf(paths);
    empty = List.copyOf(empty);
  }

  /** Reads files, and all manifests in directories. Errors are among the findings. */
  public static PolicySources read(List<Path> paths) {
    return read(paths, null);
  }

  /**
   * Reads files, and all manifests in directories. Errors are among the findings.
   *
   * @param defaultNamespace namespace of namespaced objects that name none; null when such objects
   *     are errors
   */
  public static PolicySources read(List<Path> paths, @Nullable String defaultNamespace) {
    return read(paths, List.of(), defaultNamespace);
  }

  /**
   * Reads files, and all manifests in directories. Errors are among the findings.
   *
   * @param elsewhere files and directories with objects that exist elsewhere
   * @param defaultNamespace namespace of namespaced objects that name none; null when such objects
   *     are errors
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
   * The objects as a view of a cluster.
   *
   * @throws InvalidManifestsException when there is an error: half of a policy can mean the
   *     opposite of the whole
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
