package io.signetmesh.cli.command;

import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import picocli.CommandLine.Option;

/** Which mesh a command is about. */
public final class MeshOptions {
  /** Names in identities when nothing else is said, as Linkerd has them. */
  public static final String DEFAULT_NAMESPACE = "linkerd";

  public static final String DEFAULT_TRUST_DOMAIN = "cluster.local";

  @Option(
      names = "--state",
      required = true,
      paramLabel = "DIR",
      description = "Directory with the keys and records of the mesh; made when it is missing.")
  private Path state = Path.of("");

  @Option(
      names = "--control-plane-namespace",
      paramLabel = "NAME",
      defaultValue = DEFAULT_NAMESPACE,
      description = "Part of every identity (default: ${DEFAULT-VALUE}).")
  private String controlPlaneNamespace = DEFAULT_NAMESPACE;

  @Option(
      names = "--trust-domain",
      paramLabel = "NAME",
      defaultValue = DEFAULT_TRUST_DOMAIN,
      description = "Part of every identity (default: ${DEFAULT-VALUE}).")
  private String trustDomain = DEFAULT_TRUST_DOMAIN;

  public MeshOptions() {}

  public MeshOptions(Path state, String controlPlaneNamespace, String trustDomain) {
    this.state = state;
    this.controlPlaneNamespace = controlPlaneNamespace;
    this.trustDomain = trustDomain;
  }

  public StateDirectory state() {
    return new StateDirectory(state.toAbsolutePath());
  }

  public String controlPlaneNamespace() {
    return controlPlaneNamespace;
  }

  public String trustDomain() {
    return trustDomain;
  }

  public MeshNames names() {
    return new MeshNames(controlPlaneNamespace, trustDomain);
  }

  public WorkloadTokens tokens(InstantSource clock) throws CommandFailure {
    try {
      return WorkloadTokens.open(state().root(), controlPlaneNamespace, trustDomain, clock);
    } catch (IOException | PkiException e) {
      throw CommandFailure.configuration(
          "the token key in " + state().root() + " cannot be used: " + e.getMessage(), e);
    }
  }
}
