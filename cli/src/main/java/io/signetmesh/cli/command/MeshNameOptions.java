package io.signetmesh.cli.command;

import io.signetmesh.cli.host.MeshNames;
import picocli.CommandLine.Option;

/** Options for the names in identities, for a mesh that exists only as manifests. */
public final class MeshNameOptions {
  @Option(
      names = "--control-plane-namespace",
      paramLabel = "NAME",
      defaultValue = "linkerd",
      description = "Part of every identity (default: ${DEFAULT-VALUE}).")
  private String controlPlaneNamespace = "linkerd";

  @Option(
      names = "--trust-domain",
      paramLabel = "NAME",
      defaultValue = "cluster.local",
      description = "Part of every identity (default: ${DEFAULT-VALUE}).")
  private String trustDomain = "cluster.local";

  /** The names that the options give. */
  public MeshNames names() {
    return new MeshNames(controlPlaneNamespace, trustDomain);
  }
}
