package io.signetmesh.cli.node;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.proxy.node.socket.NodeClient;
import io.signetmesh.v1.NodeRequest;
import io.signetmesh.v1.WorkloadCondition;
import io.signetmesh.v1.WorkloadQuery;
import io.signetmesh.v1.WorkloadState;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code signet node list}. */
@Command(
    name = "list",
    description = {
      "Lists the workloads of the node's data plane: name, state, and why one is not ready.",
      "States: waiting, ready, draining, failed."
    },
    mixinStandardHelpOptions = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:listed",
      ExitCode.USAGE_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {"", "Example:", "  signet node list"})
public final class NodeListCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = new LoggingOptions();
  @Mixin private NodeSocketOption socket = new NodeSocketOption();

  @Override
  public Integer call() throws CommandFailure {
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    try (NodeClient client = socket.connect()) {
      for (WorkloadState state : states(client)) {
        out.println(text(state));
      }
    } catch (IOException e) {
      throw CommandFailure.unavailable(String.valueOf(e.getMessage()), e);
    }
    out.flush();
    return ExitCode.OK;
  }

  static List<WorkloadState> states(NodeClient client) throws IOException {
    return client
        .call(NodeRequest.newBuilder().setList(WorkloadQuery.getDefaultInstance()), -1)
        .getStates()
        .getStatesList();
  }

  /** One line: name, state, reason. */
  static String text(WorkloadState state) {
    String line = state.getNamespace() + "/" + state.getName() + " " + word(state.getCondition());
    return state.getReason().isEmpty() ? line : line + ": " + state.getReason();
  }

  private static String word(WorkloadCondition condition) {
    String name = condition.name();
    return name.substring(name.lastIndexOf('_') + 1).toLowerCase(Locale.ROOT);
  }
}
