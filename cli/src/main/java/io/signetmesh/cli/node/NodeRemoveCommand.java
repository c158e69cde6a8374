package io.signetmesh.cli.node;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.proxy.node.socket.NodeClient;
import io.signetmesh.proxy.node.socket.NodeRefusedException;
import io.signetmesh.v1.NodeRequest;
import io.signetmesh.v1.WorkloadRemoval;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code signet node remove}. */
@Command(
    name = "remove",
    description =
        "Removes a workload from the node's data plane. It takes no more connections; those that"
            + " are open end within the grace period.",
    mixinStandardHelpOptions = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:it drains",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {"", "Example:", "  signet node remove shop/web"})
public final class NodeRemoveCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = new LoggingOptions();
  @Mixin private NodeSocketOption socket = new NodeSocketOption();

  @Parameters(paramLabel = "NAMESPACE/NAME", description = "The workload.")
  private String workload = "";

  @Override
  public Integer call() throws CommandFailure {
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    String[] name = NodeAddCommand.name(spec, workload);
    try (NodeClient client = socket.connect()) {
      out.println(
          NodeListCommand.text(
              client
                  .call(
                      NodeRequest.newBuilder()
                          .setRemove(
                              WorkloadRemoval.newBuilder().setNamespace(name[0]).setName(name[1])),
                      -1)
                  .getState()));
    } catch (NodeRefusedException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw CommandFailure.unavailable(String.valueOf(e.getMessage()), e);
    }
    out.flush();
    return ExitCode.OK;
  }
}
