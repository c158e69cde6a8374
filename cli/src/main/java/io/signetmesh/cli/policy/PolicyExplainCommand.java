package io.signetmesh.cli.policy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.OutputOptions;
import io.signetmesh.cli.controlplane.PolicyInspector;
import io.signetmesh.cli.simulate.Caller;
import io.signetmesh.cli.simulate.CallerDescription;
import io.signetmesh.cli.simulate.ExplanationReport;
import io.signetmesh.cli.simulate.KeyFiles;
import io.signetmesh.cli.simulate.PortFinding;
import io.signetmesh.cli.simulate.SimulatedMesh;
import io.signetmesh.cli.simulate.SimulatedPort;
import io.signetmesh.cli.simulate.WorkloadNames;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.v1.PortInspection;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet policy explain}. */
@Command(
    name = "explain",
    description = {
      "Says what the proxy of a workload would do with a call, and why: the verdict and its cause"
          + " first, then every rule and route considered.",
      "Asks manifests that are not applied anywhere (-f), or a running controller (--server). The"
          + " engine is that of the proxy either way; nothing is called."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:there is an answer, and it is the verdict of --expect where that is given",
      "1:the verdict is not that of --expect",
      ExitCode.USAGE_HELP,
      "64:manifests or configuration are wrong, or there is no such workload",
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet policy explain -f manifests --workload shop/web --port 8080 \\",
      "      --client-identity shop/frontend --path /catalog",
      "  signet policy explain -f manifests --workload shop/deploy/web --port 8080 \\",
      "      --client-ip 10.0.0.7 --method POST --path /orders --expect deny",
      "  signet policy explain -f manifests --workload shop/web --port 8080 --path /admin \\",
      "      --claims '{\"iss\": \"https://login.example\", \"aud\": \"web\", \"exp\": \"+5m\"}'",
      "  signet policy explain --server --state /tmp/signet --workload shop/web --port 8080 -o json"
    })
public final class PolicyExplainCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private SimulationOptions manifests = new SimulationOptions();

  @Option(
      names = "--workload",
      paramLabel = "NAMESPACE/NAME",
      required = true,
      description = {
        "Workload that is called: a pod or an ExternalWorkload; NAMESPACE/deploy/NAME (also sts, ds,",
        "rs, job, sa) for the first pod of that, and NAMESPACE/ew/NAME for an ExternalWorkload."
      })
  private String workload = "";

  @Option(
      names = "--port",
      paramLabel = "PORT",
      required = true,
      description = "Port that is called, 1 to 65535.")
  private int port;

  @Mixin private CallOptions call = new CallOptions();

  @Option(
      names = "--keys",
      paramLabel = "NAMESPACE/NAME=FILE",
      description = {
        "JWK set of a JWTAuthentication whose keys a controller would fetch; may be given several",
        "times. Nothing is fetched here: without it, tokens for that JWTAuthentication do not pass."
      })
  private Map<String, Path> keys = Map.of();

  @Option(
      names = "--expect",
      paramLabel = "VERDICT",
      description = "Fail (exit code 1) unless the verdict is this: allow or deny.")
  private @Nullable Expected expected;

  @Mixin private OutputOptions output = new OutputOptions();

  @Mixin private ControllerOptions controller = new ControllerOptions();

  /** Verdicts. */
  private enum Expected {
    ALLOW,
    DENY
  }

  @Override
  public Integer call() throws Exception {
    if (port < 1 || port > 65_535) {
      throw new ParameterException(spec.commandLine(), "--port " + port + ": expected 1 to 65535");
    }
    if (manifests.given() == controller.given()) {
      throw new ParameterException(
          spec.commandLine(), "expected either -f PATH with manifests or --server");
    }
    if (controller.given() && !keys.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "--keys with --server: the controller has the keys itself");
    }
    ExplanationReport report;
    try {
      report = manifests.given() ? offline() : online();
    } catch (IllegalArgumentException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    if (output.isJson()) {
      out.println(
          new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(report.json()));
    } else {
      report.print(out);
    }
    out.flush();
    Expected wanted = expected;
    return wanted == null || (wanted == Expected.ALLOW) == report.answer().allowed()
        ? ExitCode.OK
        : ExitCode.NEGATIVE;
  }

  private ExplanationReport offline() throws CommandFailure {
    SimulatedMesh mesh = manifests.mesh(controller.names()).with(KeyFiles.read(keys));
    WorkloadRef ref = new WorkloadNames(mesh.view()).find(workload).ref();
    SimulatedPort target =
        mesh.port(ref, port)
            .orElseThrow(() -> new IllegalArgumentException(ref + " has no policy"));
    Caller caller = call.with(mesh.caller(call.identity(), call.ip(), call.tls()));
    return ExplanationReport.of(
        ref.toString(), port, target, caller, call.call(), mesh.findings(ref, port));
  }

  private ExplanationReport online() throws Exception {
    WorkloadRef ref = WorkloadNames.exact(workload);
    CallerDescription said =
        CallerDescription.of(
            call.identity(), call.ip(), call.tls(), manifests.config(controller.names()));
    PortInspection inspection = controller.inspect(ref, port, said.query().orElse(null));
    SimulatedPort target = new SimulatedPort(inspection.getServer(), ref.name(), port);
    Caller caller =
        inspection.hasClient()
            ? said.caller(PolicyInspector.client(inspection.getClient()).orElse(null))
            : said.unknown();
    List<PortFinding> findings =
        inspection.getFindingsList().stream().map(PortFinding::of).toList();
    return ExplanationReport.of(
        ref.toString(), port, target, call.with(caller), call.call(), findings);
  }
}
