package io.signetmesh.cli.simulate;

import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.manifest.InvalidManifestsException;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.manifest.Manifests;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Manifests that are not applied anywhere yet, held to their schemas and to the admission rules.
 *
 * @param paths where they come from
 * @param manifests what was read
 * @param empty those of the paths where there is no object
 */
public record PolicySources(List<Path> paths, Manifests manifests, List<Path> empty) {
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
    return new PolicySources(paths, Manifests.merge(parts), empty);
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
    return ClusterView.of(1, valid.objects().values(), valid.positions());
  }
}
