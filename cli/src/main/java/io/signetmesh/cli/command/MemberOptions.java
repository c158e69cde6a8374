package io.signetmesh.cli.command;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ControlPlaneFile;
import io.signetmesh.cli.controlplane.Membership;
import io.signetmesh.cli.controlplane.TokenFiles;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.workload.IdentityClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options of a command that joins a mesh with a running identity server. */
public final class MemberOptions {
  private static final Duration JOIN_LIMIT = Duration.ofSeconds(20);

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--state",
      paramLabel = "DIR",
      description = {
        "State directory of the mesh's control plane, when it is on this host: addresses, trust",
        "anchors and a token are taken from there."
      })
  private @Nullable Path state;

  @Option(
      names = "--identity-addr",
      paramLabel = "IP:PORT",
      converter = AddressOptions.Converter.class,
      description = "Where the identity server is.")
  private @Nullable InetSocketAddress identity;

  @Option(
      names = "--trust-anchors",
      paramLabel = "FILE",
      description = "PEM of the mesh's trust anchors; not needed with --state.")
  private @Nullable Path anchors;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description = "Token that proves who this is; not needed with --state.")
  private @Nullable Path token;

  @Option(
      names = "--control-plane-namespace",
      paramLabel = "NAME",
      description = "Part of every identity (default: as in the state directory, else linkerd).")
  private @Nullable String controlPlaneNamespace;

  @Option(
      names = "--trust-domain",
      paramLabel = "NAME",
      description =
          "Part of every identity (default: as in the state directory, else cluster.local).")
  private @Nullable String trustDomain;

  /**
   * Names in the identities of the mesh: from the options, else from the state directory, else
   * {@link MeshNames#DEFAULT}.
   *
   * @throws CommandFailure when the state directory does not exist or cannot be read
   */
  public MeshNames names() throws CommandFailure {
    MeshNames known = file().map(ControlPlaneFile::names).orElse(MeshNames.DEFAULT);
    return new MeshNames(
        controlPlaneNamespace == null ? known.controlPlaneNamespace() : controlPlaneNamespace,
        trustDomain == null ? known.trustDomain() : trustDomain);
  }

  /**
   * Addresses of the servers: from the state directory, else the default ports on loopback. The
   * option for the identity server takes precedence.
   *
   * @throws CommandFailure when the state directory does not exist or cannot be read
   */
  public ControlPlane servers() throws CommandFailure {
    ControlPlane known =
        file()
            .map(ControlPlaneFile::servers)
            .orElse(ControlPlane.at(InetAddress.getLoopbackAddress()));
    return identity == null ? known : new ControlPlane(identity, known.discovery(), known.policy());
  }

  private Optional<ControlPlaneFile> file() throws CommandFailure {
    if (state != null && !Files.isDirectory(state)) {
      throw CommandFailure.configuration(
          "--state "
              + state
              + ": there is no such directory; expected the one that 'signet up' or 'signet"
              + " identity' was started with");
    }
    try {
      return state == null ? Optional.empty() : ControlPlaneFile.read(state);
    } catch (IOException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
  }

  /** The state directory as an absolute path; empty when the option is not set. */
  public Optional<Path> state() {
    return Optional.ofNullable(state).map(Path::toAbsolutePath);
  }

  /**
   * Obtains a certificate for the member and renews it until {@code parts} is closed.
   *
   * @param who identity of the member
   * @param parts closes the client
   * @throws TimeoutException when there is no certificate in time
   * @throws CommandFailure when the options or the state directory are not usable
   */
  public IdentityClient join(WorkloadIdentity who, Closing parts, ControlLoops loops, Clock clock)
      throws IOException, PkiException, TimeoutException, InterruptedException, CommandFailure {
    return parts.add(membership(who, parts, clock).join(who, loops, clock, JOIN_LIMIT));
  }

  /**
   * Obtains one certificate that nothing renews, for software that reports nothing to the identity
   * server.
   *
   * @param who identity of the software
   * @throws CommandFailure when the options or the state directory are not usable, or the identity
   *     server refuses or does not answer
   */
  public WorkloadCertificate certify(
      WorkloadIdentity who, Closing parts, ControlLoops loops, Clock clock)
      throws IOException, PkiException, CommandFailure {
    Membership membership = membership(who, parts, clock);
    try {
      return membership.certify(who, loops, clock, JOIN_LIMIT);
    } catch (StatusRuntimeException e) {
      Status status = e.getStatus();
      String sentence =
          "no certificate for "
              + who.dnsName()
              + " from the identity server at "
              + membership.identityServer()
              + ": "
              + (status.getDescription() == null ? status.getCode() : status.getDescription());
      throw switch (status.getCode()) {
        case UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED, RESOURCE_EXHAUSTED ->
            CommandFailure.unavailable(sentence, e);
        default -> CommandFailure.configuration(sentence, e);
      };
    }
  }

  /**
   * Obtains what a control-plane server protects its connections with.
   *
   * @param cleartext whether the server uses no TLS, and so needs no certificate
   * @param who identity of the server
   * @param parts closes the client that renews the certificate
   * @throws TimeoutException when there is no certificate in time
   * @throws CommandFailure when the options or the state directory are not usable
   */
  public Security security(
      boolean cleartext, WorkloadIdentity who, Closing parts, ControlLoops loops, Clock clock)
      throws IOException, PkiException, TimeoutException, InterruptedException, CommandFailure {
    if (cleartext) {
      return new Security.Cleartext();
    }
    IdentityClient client = join(who, parts, loops, clock);
    return new Security.MutualTls(client::credentials, clock, Set.of());
  }

  /**
   * Checks, before anything is opened, that the options suffice to join the mesh.
   *
   * @param cleartext whether the server needs no certificate
   * @throws ParameterException when an option is missing; the message says which are expected
   */
  public void requireComplete(boolean cleartext) {
    if (!cleartext && state == null && (identity == null || anchors == null || token == null)) {
      throw new ParameterException(
          spec.commandLine(),
          "expected --state, or --identity-addr, --trust-anchors and --token-file");
    }
  }

  private Membership membership(WorkloadIdentity who, Closing parts, Clock clock)
      throws IOException, PkiException, CommandFailure {
    MeshNames names = names();
    InetSocketAddress server = servers().identity();
    Path directory = state;
    if (directory == null) {
      requireComplete(false);
      if (anchors == null || token == null) {
        throw new IllegalStateException("the options are complete");
      }
      return new Membership(names, Files.readString(anchors), token, server);
    }
    if (!Files.exists(directory.resolve(TrustBundleStore.FILE))) {
      throw CommandFailure.configuration(
          directory
              + " is no state directory of a mesh (there is no trust-bundle.json): expected the"
              + " directory that 'signet up' or 'signet identity' was started with");
    }
    TrustBundleStore bundles = TrustBundleStore.open(directory, names.trustDomain(), List.of());
    TokenFiles tokens =
        parts.add(
            new TokenFiles(
                directory.resolve("tokens"),
                WorkloadTokens.open(
                    directory, names.controlPlaneNamespace(), names.trustDomain(), clock)));
    return new Membership(
        names,
        anchors == null ? Certificates.toPem(bundles.get().anchors()) : Files.readString(anchors),
        token == null
            ? tokens.issue(who.serviceAccount(), who.namespace(), who.serviceAccount())
            : token,
        server);
  }
}
