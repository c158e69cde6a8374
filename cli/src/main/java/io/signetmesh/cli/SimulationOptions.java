package io.signetmesh.cli;

import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.simulate.PolicySources;
import io.signetmesh.cli.simulate.SimulatedMesh;
import io.signetmesh.crds.manifest.InvalidManifestsException;
import io.signetmesh.policy.index.PolicyConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Manifests that are asked about without being applied. */
final class SimulationOptions {
  @Option(
      names = {"-f", "--filename"},
      paramLabel = "PATH",
      description = "File or directory with manifests; may be given several times.")
  private List<Path> paths = List.of();

  @Mixin private ClusterOptions cluster = new ClusterOptions();

  /** Whether manifests are given. */
  boolean given() {
    return !paths.isEmpty();
  }

  /** These options, when manifests are given. */
  SimulationOptions required(CommandSpec command) {
    if (paths.isEmpty()) {
      throw new ParameterException(
          command.commandLine(), "expected -f PATH with manifests (may be given several times)");
    }
    return this;
  }

  /** The manifests, right or wrong. */
  PolicySources sources() throws CommandFailure {
    for (Path path : paths) {
      if (!Files.exists(path)) {
        throw CommandFailure.configuration(path + " does not exist");
      }
    }
    return PolicySources.read(paths, cluster.defaultNamespace());
  }

  /** The mesh that the manifests describe. */
  SimulatedMesh mesh(MeshNames names) throws CommandFailure {
    try {
      return new SimulatedMesh(sources().view(), config(names));
    } catch (InvalidManifestsException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
  }

  /** What policy means in that mesh. */
  PolicyConfig config(MeshNames names) {
    return cluster.settings(names).policy();
  }
}
