package io.signetmesh.cli.policy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.MeshNameOptions;
import io.signetmesh.cli.command.OutputOptions;
import io.signetmesh.cli.simulate.FindingJson;
import io.signetmesh.cli.simulate.PolicySources;
import io.signetmesh.cli.simulate.PortFinding;
import io.signetmesh.cli.simulate.Validation;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.crds.manifest.PassedOver;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code signet policy validate}. */
@Command(
    name = "validate",
    description = {
      "Finds everything that is wrong with manifests: fields, values, rules of admission, and what"
          + " does not fit together, such as references to objects that are not there.",
      "Nothing is applied."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:there is no error",
      "1:there are errors, or warnings with --warnings-as-errors",
      ExitCode.USAGE_HELP,
      "64:a file or directory is not there, or has no object of the mesh",
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet policy validate -f manifests",
      "  signet policy validate -f base -f overlays/prod.yaml --warnings-as-errors -o json",
      "  signet policy validate -f manifests --assume other-chart.yaml"
    })
public final class PolicyValidateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private SimulationOptions manifests = new SimulationOptions();

  @Mixin private OutputOptions output = new OutputOptions();

  @Option(names = "--warnings-as-errors", description = "Let warnings fail as errors do.")
  private boolean strict;

  @Mixin private MeshNameOptions names = new MeshNameOptions();

  @Override
  public Integer call() throws Exception {
    PolicySources sources = manifests.required().sources();
    Validation validation =
        Validation.of(sources.manifests(), sources.assumed(), manifests.config(names.names()));
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    if (output.isJson()) {
      ObjectMapper mapper = new ObjectMapper();
      ObjectNode root = mapper.createObjectNode();
      root.put("objects", validation.objects());
      root.put("errors", validation.errors()).put("warnings", validation.warnings());
      ArrayNode list = root.putArray("findings");
      validation.findings().forEach(finding -> FindingJson.add(list, finding));
      ArrayNode passedOver = root.putArray("passedOver");
      for (PassedOver kind : validation.passedOver()) {
        ObjectNode node = passedOver.addObject();
        node.put("group", kind.group()).put("kind", kind.kind()).put("objects", kind.count());
        node.put("file", kind.first().source()).put("line", kind.first().line());
      }
      out.println(mapper.writerWithDefaultPrettyPrinter().writeValueAsString(root));
    } else {
      validation.findings().stream().map(PortFinding::text).forEach(out::println);
      validation.passedOver().forEach(out::println);
      out.println(
          count(validation.objects(), "object")
              + ", "
              + count(validation.errors(), "error")
              + ", "
              + count(validation.warnings(), "warning"));
    }
    out.flush();
    return validation.errors() > 0 || (strict && validation.warnings() > 0)
        ? ExitCode.NEGATIVE
        : ExitCode.OK;
  }

  private static String count(long number, String what) {
    return number + " " + what + (number == 1 ? "" : "s");
  }
}
