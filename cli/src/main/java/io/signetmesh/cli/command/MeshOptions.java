package io.signetmesh.cli.command;

import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options that select a mesh: its state directory and the names in its identities. */
public final class MeshOptions {
  /** Default namespace of the control plane, as in Linkerd. */
  public static final String DEFAULT_NAMESPACE = "linkerd";

  /** Default trust domain, as in Linkerd. */
  public static final String DEFAULT_TRUST_DOMAIN = "cluster.local";

  @Option(
      names = "--state",
      paramLabel = "DIR",
      description =
          "Directory with the keys and records of the mesh; made when it is missing. Needed.")
  private @Nullable Path state;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

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

  /** For picocli. */
  public MeshOptions() {}

  /** Options with these values, for use without a command line. */
  public MeshOptions(Path state, String controlPlaneNamespace, String trustDomain) {
    this.state = state;
    this.controlPlaneNamespace = controlPlaneNamespace;
    this.trustDomain = trustDomain;
  }

  /**
   * The state directory, as an absolute path.
   *
   * @throws ParameterException when the option is missing. The option is not marked as required:
   *     picocli would require it of subcommands, too
   */
  public StateDirectory state() {
    Path directory = state;
    if (directory == null) {
      throw new ParameterException(spec.commandLine(), "Missing required option: '--state=DIR'");
    }
    return new StateDirectory(directory.toAbsolutePath());
  }

  /** Namespace of the control plane, a part of every identity. */
  public String controlPlaneNamespace() {
    return controlPlaneNamespace;
  }

  /** Trust domain, a part of every identity. */
  public String trustDomain() {
    return trustDomain;
  }

  /** Both names. */
  public MeshNames names() {
    return new MeshNames(controlPlaneNamespace, trustDomain);
  }

  /**
   * Opens the key that signs workload tokens, in the state directory.
   *
   * @throws CommandFailure when the key cannot be read
   */
  public WorkloadTokens tokens(InstantSource clock) throws CommandFailure {
    try {
      return WorkloadTokens.open(state().root(), controlPlaneNamespace, trustDomain, clock);
    } catch (IOException | PkiException e) {
      throw CommandFailure.configuration(
          "the token key in " + state().root() + " cannot be used: " + e.getMessage(), e);
    }
  }
}
