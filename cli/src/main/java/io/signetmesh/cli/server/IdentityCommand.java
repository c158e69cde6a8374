package io.signetmesh.cli.server;

import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.IssuerOptions;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.MeshOptions;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ControlPlaneServers;
import io.signetmesh.cli.controlplane.Membership;
import io.signetmesh.cli.controlplane.TokenFiles;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.identity.IdentityBundleCommand;
import io.signetmesh.cli.identity.IdentityCaCommand;
import io.signetmesh.cli.identity.IdentityFederationCommand;
import io.signetmesh.cli.identity.IdentityIssueCommand;
import io.signetmesh.cli.identity.IdentityJoinTokenCommand;
import io.signetmesh.cli.identity.IdentityShowCommand;
import io.signetmesh.cli.identity.IdentityVerifyCommand;
import io.signetmesh.cli.revocation.IdentityRevocationsCommand;
import io.signetmesh.cli.revocation.IdentityRevokeCommand;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.ca.source.AuthoritySource;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.IdentityServer;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.rotation.server.TrustRotationExtension;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code signet identity}. */
@Command(
    name = "identity",
    description = {
      "Runs the identity server: the CA that certifies workloads and tells all what to trust.",
      "Without an issuer of your own it makes a CA and keeps it in the state directory."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    subcommands = {
      IdentityAgentCommand.class,
      IdentityCaCommand.class,
      IdentityJoinTokenCommand.class,
      IdentityIssueCommand.class,
      IdentityShowCommand.class,
      IdentityVerifyCommand.class,
      IdentityRevokeCommand.class,
      IdentityRevocationsCommand.class,
      IdentityBundleCommand.class,
      IdentityFederationCommand.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:ended on request (SIGINT, SIGTERM)",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet identity --state /var/lib/signet",
      "  signet identity --state /var/lib/signet --listen 10.0.0.5:8080 --leaf-lifetime 1h",
      "  signet identity --state /var/lib/signet --issuer-directory /etc/signet/issuer \\",
      "      --trust-anchors /etc/signet/anchors.pem"
    })
public final class IdentityCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(IdentityCommand.class);

  private static final Duration JOIN_LIMIT = Duration.ofSeconds(20);

  @Mixin private LoggingOptions logging = new LoggingOptions();
  @Mixin private MeshOptions mesh = new MeshOptions();
  @Mixin private IssuanceOptions issuance = new IssuanceOptions();
  @Mixin private FederationOptions federation = new FederationOptions();
  @Mixin private AttestationOptions attestation = new AttestationOptions();
  @Mixin private DeliveryOptions delivery = new DeliveryOptions();
  @Mixin private AdminOptions admin = new AdminOptions();

  @Mixin private ListenOptions listen = new ListenOptions();

  @Mixin private IssuerOptions issuer = new IssuerOptions();

  @Override
  public Integer call() throws Exception {
    Clock clock = Clock.systemUTC();
    Path state = mesh.state().root();
    AuthoritySource source = issuer.source().orElse(null);
    Closing parts = new Closing();
    try {
      InetSocketAddress address = listen.address(ControlPlane.IDENTITY_PORT);
      delivery.requireIdentity(listen.cleartext());
      Journal journal =
          parts.add(Journal.open(JournalConfig.of(mesh.state().controlJournal()), clock));
      ControlLoops loops = parts.add(ControlLoops.start(1, journal, clock));
      ServerMeters meters = admin.meters("signet-identity", parts, loops);
      IdentityServer server =
          parts.add(
              IdentityServer.start(
                  new IdentityServer.Config(
                      state,
                      mesh.names().identityServer(),
                      address,
                      listen.cleartext(),
                      issuance.policy(),
                      source,
                      federation.config(),
                      meters,
                      TrustRotationExtension::open),
                  attestation.open(mesh.tokens(clock), mesh.names(), clock, parts),
                  loops,
                  journal,
                  clock));
      log.info(
          "identity server listens on {}{}",
          ListenAddress.text(server.address()),
          listen.cleartext() ? ", in the clear" : "");
      if (delivery.isWanted()) {
        deliver(server, journal, loops, meters, parts, clock);
      }
      admin.serve(
          meters,
          admin.listen(address, AdminOptions.IDENTITY_PORT),
          server::isReady,
          server.documents(),
          parts);
    } catch (IOException | PkiException | RuntimeException | CommandFailure e) {
      parts.close();
      throw CommandFailure.starting("the identity server", e);
    }
    return Foreground.serve(parts);
  }

  /** The server is a member of its own mesh for that, with a certificate that it issues. */
  private void deliver(
      IdentityServer server,
      Journal journal,
      ControlLoops loops,
      ServerMeters meters,
      Closing parts,
      Clock clock)
      throws Exception {
    WorkloadIdentity who = mesh.names().identityServer();
    TokenFiles tokens =
        parts.add(new TokenFiles(mesh.state().root().resolve("tokens"), mesh.tokens(clock)));
    IdentityClient member =
        parts.add(
            new Membership(
                    mesh.names(),
                    Certificates.toPem(server.bundles().get().anchors()),
                    tokens.issue(who.serviceAccount(), who.namespace(), who.serviceAccount()),
                    ControlPlaneServers.reachable(server.address()))
                .join(who, loops, clock, JOIN_LIMIT));
    delivery.start(journal, mesh.names(), member::credentials, loops, meters, parts, clock);
  }
}
