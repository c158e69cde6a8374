package io.signetmesh.cli.policy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.cli.authz.AuthorizationTable;
import io.signetmesh.cli.authz.ProxyCounts;
import io.signetmesh.cli.command.AddressOptions;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.OutputOptions;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.controlplane.PolicyInspector;
import io.signetmesh.cli.simulate.SimulatedMesh;
import io.signetmesh.cli.simulate.WorkloadNames;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.v1.PortStatus;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code signet authz}. */
@Command(
    name = "authz",
    description = {
      "Shows which authorizations apply to each Server and route of a namespace or a workload, and"
          + " with --proxy what proxies have counted for them meanwhile.",
      "Asks manifests (-f) or a running controller (--server) what applies; '-' stands where nothing"
          + " is known."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      ExitCode.USAGE_HELP,
      "64:manifests or configuration are wrong, or there is no such namespace or workload",
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet authz -n shop -f manifests",
      "  signet authz -n shop web --server --state /tmp/signet",
      "  signet authz -n shop -f manifests --proxy 10.0.0.7:4191 --window 30s"
    })
public final class AuthzCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "WORKLOAD",
      description = {
        "Workload: a pod, deploy/NAME (also sts, ds, rs, job, sa) or ew/NAME; with --server a pod",
        "or ew/NAME."
      })
  private @Nullable String workload;

  @Option(
      names = {"-n", "--namespace"},
      paramLabel = "NAME",
      required = true,
      description = "Namespace of the workloads.")
  private String namespace = "";

  @Mixin private SimulationOptions manifests = new SimulationOptions();
  @Mixin private ControllerOptions controller = new ControllerOptions();

  @Option(
      names = "--proxy",
      paramLabel = "IP:PORT",
      converter = AddressOptions.Converter.class,
      description = "Admin address of a proxy to ask for counters; may be given several times.")
  private List<InetSocketAddress> proxies = List.of();

  @Option(
      names = "--window",
      paramLabel = "DURATION",
      defaultValue = "10s",
      converter = StateDirectory.Durations.class,
      description = "How long to count, with --proxy (default: ${DEFAULT-VALUE}).")
  private Duration window = Duration.ofSeconds(10);

  @Mixin private OutputOptions output = new OutputOptions();

  @Override
  public Integer call() throws Exception {
    if (manifests.given() && controller.given()) {
      throw new ParameterException(
          spec.commandLine(), "expected either -f PATH with manifests or --server, not both");
    }
    if (!manifests.given() && !controller.given() && proxies.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "expected -f PATH with manifests, --server, or --proxy");
    }
    if (window.toMillis() < 1) {
      throw new ParameterException(spec.commandLine(), "--window: expected more than nothing");
    }
    AuthorizationTable table = new AuthorizationTable();
    try {
      if (manifests.given()) {
        offline(table);
      } else if (controller.given()) {
        online(table);
      }
    } catch (IllegalArgumentException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
    if (!proxies.isEmpty()) {
      try {
        table.add(ProxyCounts.over(proxies, window), window);
      } catch (IOException e) {
        throw CommandFailure.unavailable(String.valueOf(e.getMessage()), e);
      }
    }
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    if (output.isJson()) {
      out.println(
          new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(table.json()));
    } else if (table.isEmpty()) {
      out.println(nothing());
    } else {
      table.print(out);
    }
    out.flush();
    return ExitCode.OK;
  }

  /** Why there is no row. */
  private String nothing() {
    String ports =
        "No port of "
            + (workload == null
                ? "a workload with a proxy in namespace " + namespace
                : namespace + "/" + workload);
    if (controller.given()) {
      return ports + " is asked about by a connected proxy.";
    }
    return manifests.given() ? ports + " is declared." : "The proxies have counted nothing.";
  }

  private void offline(AuthorizationTable table) throws CommandFailure {
    SimulatedMesh mesh = manifests.mesh(controller.names());
    String only = workload;
    List<Workload> workloads =
        only == null
            ? mesh.view().workloads(SimulationOptions.namespace(mesh, namespace))
            : List.of(new WorkloadNames(mesh.view()).find(namespace + "/" + only));
    for (Workload one : workloads) {
      for (int port : mesh.portsOf(one)) {
        mesh.port(one.ref(), port).ifPresent(known -> table.add(known.message()));
      }
    }
  }

  private void online(AuthorizationTable table) throws Exception {
    WorkloadRef only = workload == null ? null : WorkloadNames.exact(namespace + "/" + workload);
    Set<WorkloadRef> found = new HashSet<>();
    controller.ask(
        inspector -> {
          for (PortStatus port : inspector.ports(namespace).getPortsList()) {
            WorkloadRef ref =
                port.getKind().equals("external_workload")
                    ? WorkloadRef.externalWorkload(port.getNamespace(), port.getName())
                    : WorkloadRef.pod(port.getNamespace(), port.getName());
            if (only == null || only.equals(ref)) {
              found.add(ref);
              inspect(inspector, ref, port.getPort(), table);
            }
          }
          return table;
        });
    if (only != null && found.isEmpty()) {
      // Tells a workload without ports from one that is not there, which is refused.
      controller.inspect(only, 1, null);
    }
  }

  private static void inspect(
      PolicyInspector inspector, WorkloadRef workload, int port, AuthorizationTable table) {
    table.add(inspector.inspect(workload.toWire(), port, null).getServer());
  }
}
