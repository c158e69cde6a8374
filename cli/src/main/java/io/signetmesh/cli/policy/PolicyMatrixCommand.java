package io.signetmesh.cli.policy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.MeshNameOptions;
import io.signetmesh.cli.matrix.AccessMatrix;
import io.signetmesh.cli.matrix.AccessPicture;
import io.signetmesh.cli.matrix.MatrixText;
import io.signetmesh.cli.simulate.SimulatedMesh;
import io.signetmesh.cli.text.PlainWriter;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code signet policy matrix}. */
@Command(
    name = "matrix",
    description = {
      "Shows who may reach what: every identity of the mesh, any other meshed client and clients"
          + " without identity, against every Server and route, with the policy that grants it.",
      "Nothing is applied and nothing is called: the engine of the proxy answers."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      ExitCode.USAGE_HELP,
      "64:manifests are wrong, or there is no such namespace",
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet policy matrix -f manifests",
      "  signet policy matrix -f manifests -n shop -o wide",
      "  signet policy matrix -f manifests -o svg > access.svg"
    })
public final class PolicyMatrixCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private SimulationOptions manifests = new SimulationOptions();

  @Option(
      names = {"-n", "--namespace"},
      paramLabel = "NAME",
      description = "Only what may be called in this namespace.")
  private String namespace = "";

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      description = {
        "table (default), wide (policies and networks), json, dot (for Graphviz) or svg (a picture)."
      })
  private Format format = Format.TABLE;

  @Mixin private MeshNameOptions names = new MeshNameOptions();

  /** How the matrix is printed. */
  private enum Format {
    TABLE,
    WIDE,
    JSON,
    DOT,
    SVG
  }

  @Override
  public Integer call() throws Exception {
    SimulatedMesh mesh = manifests.required().mesh(names.names());
    AccessMatrix matrix =
        AccessMatrix.of(
            mesh, namespace.isEmpty() ? "" : SimulationOptions.namespace(mesh, namespace));
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    switch (format) {
      case TABLE -> MatrixText.table(matrix, out);
      case WIDE -> MatrixText.wide(matrix, out);
      case JSON ->
          out.println(
              new ObjectMapper()
                  .writerWithDefaultPrettyPrinter()
                  .writeValueAsString(MatrixText.json(matrix)));
      case DOT -> MatrixText.dot(matrix, out);
      case SVG -> AccessPicture.draw(matrix, out);
    }
    out.flush();
    return ExitCode.OK;
  }
}
