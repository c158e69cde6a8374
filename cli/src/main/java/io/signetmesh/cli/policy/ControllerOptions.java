package io.signetmesh.cli.policy;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.cli.command.AddressOptions;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.MemberOptions;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.EnforcementClient;
import io.signetmesh.cli.controlplane.PolicyInspector;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.text.NearestName;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.ClientQuery;
import io.signetmesh.v1.PortInspection;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A running policy controller that is asked instead of manifests. */
final class ControllerOptions {
  @Option(
      names = "--server",
      description = "Ask the running policy controller instead of manifests.")
  private boolean server;

  @Option(
      names = "--policy-addr",
      paramLabel = "IP:PORT",
      converter = AddressOptions.Converter.class,
      description = {
        "Where the policy controller is, with --server (default: as in the state directory)."
      })
  private @Nullable InetSocketAddress policy;

  @Mixin private MemberOptions member = new MemberOptions();

  /** Whether a controller is to be asked. */
  boolean given() {
    return server;
  }

  /** Names in the identities of the mesh. */
  MeshNames names() throws CommandFailure {
    return member.names();
  }

  /**
   * The policy of a port.
   *
   * @param client a client to look up beside; null for none
   */
  PortInspection inspect(WorkloadRef workload, int port, @Nullable ClientQuery client)
      throws Exception {
    return ask(
        inspector -> {
          try {
            return inspector.inspect(workload.toWire(), port, client);
          } catch (StatusRuntimeException e) {
            throw e.getStatus().getCode() == Status.Code.NOT_FOUND
                ? e.getStatus()
                    .augmentDescription(nearest(inspector, workload))
                    .asRuntimeException()
                : e;
          }
        });
  }

  /** Which of the workloads that have a proxy may have been meant. */
  private static String nearest(PolicyInspector inspector, WorkloadRef workload) {
    return NearestName.hint(
            workload.namespace() + "/" + workload.name(),
            inspector.ports("").getPortsList().stream()
                .map(status -> status.getNamespace() + "/" + status.getName())
                .distinct()
                .toList())
        .strip();
  }

  /** Joins the mesh as an operator and asks. */
  <T> T ask(Function<PolicyInspector, T> question) throws Exception {
    InetSocketAddress address = policy == null ? member.servers().policy() : policy;
    try (Closing parts = new Closing()) {
      Clock clock = Clock.systemUTC();
      MeshNames names = member.names();
      EnforcementQuestion.requireListening("identity server", member.servers().identity());
      EnforcementQuestion.requireListening("policy controller", address);
      ControlLoops loops = parts.add(ControlLoops.start(1));
      IdentityClient client =
          member.join(
              names.identity(names.controlPlaneNamespace(), EnforcementClient.OPERATOR),
              parts,
              loops,
              clock);
      return question.apply(
          parts.add(
              PolicyInspector.open(address, names.policyServer().dnsName(), client, loops, clock)));
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
        throw CommandFailure.configuration(
            "the policy controller says: "
                + String.valueOf(e.getStatus().getDescription()).replace('\n', ' ').strip(),
            e);
      }
      throw CommandFailure.unavailable(
          "the policy controller at "
              + ListenAddress.text(address)
              + " did not answer: "
              + e.getStatus(),
          e);
    } catch (Exception e) {
      throw CommandFailure.starting("the question to the policy controller", e);
    }
  }
}
