package io.signetmesh.cli.policy;

import io.signetmesh.cli.command.ClusterOptions;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.simulate.PolicySources;
import io.signetmesh.cli.simulate.SimulatedMesh;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.InvalidManifestsException;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.text.NearestName;
import io.signetmesh.policy.effective.PolicyConfig;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Manifests that are asked about without being applied. */
final class SimulationOptions {
  @Option(
      names = {"-f", "--filename"},
      paramLabel = "PATH",
      description = "File or directory with manifests; may be given several times.")
  private List<Path> paths = List.of();

  @Option(
      names = "--assume",
      paramLabel = "PATH",
      description = {
        "File or directory with objects that exist elsewhere, such as those of another chart; may be"
            + " given several times. References to them are no errors, and nothing is told of them."
            + " Of an object that is given by name alone, without spec, no more is known."
      })
  private List<Path> elsewhere = List.of();

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command = CommandSpec.create();

  @Mixin private ClusterOptions cluster = new ClusterOptions();

  /** Whether manifests are given. */
  boolean given() {
    return !paths.isEmpty();
  }

  /** These options, when manifests are given. */
  SimulationOptions required() {
    if (paths.isEmpty()) {
      throw new ParameterException(
          command.commandLine(), "expected -f PATH with manifests (may be given several times)");
    }
    return this;
  }

  /** The manifests, right or wrong. */
  PolicySources sources() throws CommandFailure {
    for (Path path : Stream.concat(paths.stream(), elsewhere.stream()).toList()) {
      if (!Files.exists(path)) {
        throw CommandFailure.configuration(path + " does not exist");
      }
    }
    PolicySources sources = PolicySources.read(paths, elsewhere, cluster.defaultNamespace());
    if (!sources.assumed().unreadableSources().isEmpty()) {
      throw CommandFailure.configuration(
          "the objects of --assume cannot be read:\n"
              + sources.assumed().errors().stream()
                  .filter(error -> error.resource() == null)
                  .map(ManifestFinding::toString)
                  .collect(Collectors.joining("\n")));
    }
    if (!sources.empty().isEmpty()) {
      Path path = sources.empty().getFirst();
      throw CommandFailure.configuration(
          "there is no object of the mesh in "
              + path
              + (Files.isDirectory(path)
                  ? ": expected manifests in *.yaml, *.yml or *.json files"
                  : ": expected manifests"));
    }
    return sources;
  }

  /**
   * The mesh that the manifests describe. Says on standard error what was passed over to read it.
   */
  SimulatedMesh mesh(MeshNames names) throws CommandFailure {
    try {
      PolicySources sources = sources();
      PrintWriter err = new PlainWriter(command.commandLine().getErr());
      sources.manifests().passedOver().forEach(err::println);
      err.flush();
      return new SimulatedMesh(sources.view(), config(names));
    } catch (InvalidManifestsException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * A namespace that the manifests say something of.
   *
   * @throws CommandFailure when they say nothing of it
   */
  static String namespace(SimulatedMesh mesh, String name) throws CommandFailure {
    Set<String> known = new TreeSet<>();
    for (ResourceKey key : mesh.view().objects().keySet()) {
      known.add(
          key.group().isEmpty() && key.kind().equals("Namespace") ? key.name() : key.namespace());
    }
    known.remove("");
    if (!known.contains(name)) {
      throw CommandFailure.configuration(
          "there is no namespace '"
              + name
              + "' in the manifests"
              + NearestName.of(name, known)
                  .map(nearest -> " (did you mean '" + nearest + "'?)")
                  .orElse(": they are of " + String.join(", ", known)));
    }
    return name;
  }

  /** What policy means in that mesh. */
  PolicyConfig config(MeshNames names) {
    return cluster.settings(names).policy();
  }
}
