package io.signetmesh.cli.policy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.cases.CaseResult;
import io.signetmesh.cli.cases.CaseRun;
import io.signetmesh.cli.cases.CaseText;
import io.signetmesh.cli.cases.JUnitReport;
import io.signetmesh.cli.cases.PolicyCase;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.MeshNameOptions;
import io.signetmesh.cli.command.OutputOptions;
import io.signetmesh.cli.simulate.Answer;
import io.signetmesh.cli.simulate.AnswerJson;
import io.signetmesh.cli.simulate.KeyFiles;
import io.signetmesh.cli.simulate.SimulatedMesh;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.RecordReader.Records;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code signet policy test}. */
@Command(
    name = "test",
    description = {
      "Tests manifests against a table of calls and what has to come of them. Nothing is applied and"
          + " nothing is called: the engine of the proxy answers.",
      "The format of case files is in docs/policy-testing.md."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:every case came out as expected",
      "1:at least one did not",
      ExitCode.USAGE_HELP,
      "64:manifests or case files are wrong",
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet policy test -f manifests -t policy-cases.yaml",
      "  signet policy test -f manifests -t cases/web.yaml -t cases/ledger.yaml \\",
      "      --junit target/policy.xml"
    })
public final class PolicyTestCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @Mixin private SimulationOptions manifests = new SimulationOptions();

  @Option(
      names = {"-t", "--test"},
      paramLabel = "FILE",
      required = true,
      description = "File of cases; may be given several times.")
  private List<Path> files = List.of();

  @Option(
      names = "--keys",
      paramLabel = "NAMESPACE/NAME=FILE",
      description = {
        "JWK set of a JWTAuthentication whose keys a controller would fetch, for all cases; may be",
        "given several times. A case may name its own."
      })
  private Map<String, Path> keys = Map.of();

  @Mixin private OutputOptions output = new OutputOptions();

  @Option(
      names = "--junit",
      paramLabel = "FILE",
      description = "Also write the results as JUnit XML, for build servers.")
  private @Nullable Path junit;

  @Option(names = "--all", description = "List the cases that came out as expected as well.")
  private boolean all;

  @Mixin private MeshNameOptions names = new MeshNameOptions();

  @Override
  public Integer call() throws Exception {
    SimulatedMesh mesh = manifests.required().mesh(names.names());
    CaseRun run;
    try {
      run = new CaseRun(mesh.with(KeyFiles.read(keys)));
    } catch (IllegalArgumentException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
    Map<Path, Records<PolicyCase>> suites = new LinkedHashMap<>();
    List<ManifestFinding> errors = new ArrayList<>();
    for (Path file : files) {
      Records<PolicyCase> read = CaseRun.read(file);
      suites.put(file, read);
      read.findings().stream().filter(ManifestFinding::isError).forEach(errors::add);
    }
    if (!errors.isEmpty()) {
      throw CommandFailure.configuration(
          "the cases are not valid:\n"
              + errors.stream().map(ManifestFinding::toString).collect(Collectors.joining("\n")));
    }
    Map<Path, List<CaseResult>> results = new LinkedHashMap<>();
    suites.forEach(
        (file, read) -> results.put(file, read.records().stream().map(run::run).toList()));
    Path report = junit;
    if (report != null) {
      try {
        JUnitReport.write(report, results);
      } catch (IOException e) {
        throw CommandFailure.configuration("cannot write " + report + ": " + e.getMessage(), e);
      }
    }
    List<CaseResult> flat = results.values().stream().flatMap(List::stream).toList();
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    if (output.isJson()) {
      out.println(
          new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(json(flat)));
    } else {
      print(flat, out);
    }
    out.flush();
    return flat.stream().allMatch(CaseResult::passed) ? ExitCode.OK : ExitCode.NEGATIVE;
  }

  private void print(List<CaseResult> results, PrintWriter out) {
    for (CaseResult result : results) {
      if (result.passed()) {
        if (all) {
          out.println("ok    " + result.test().name());
        }
      } else {
        out.println("FAIL  " + result.test().name());
        CaseText.details(result).forEach(line -> out.println("      " + line));
        out.println();
      }
    }
    long failed = results.stream().filter(result -> !result.passed()).count();
    out.println(
        results.size()
            + (results.size() == 1 ? " case, " : " cases, ")
            + (failed == 0 ? "all as expected" : failed + " not as expected"));
  }

  private static ObjectNode json(List<CaseResult> results) {
    ObjectNode root = new ObjectMapper().createObjectNode();
    long failed = results.stream().filter(result -> !result.passed()).count();
    root.put("cases", results.size()).put("failed", failed);
    ArrayNode list = root.putArray("results");
    for (CaseResult result : results) {
      ObjectNode node = list.addObject();
      node.put("name", result.test().name());
      node.put("at", result.position().toString());
      node.put("passed", result.passed());
      if (result.problem() != null) {
        node.put("problem", result.problem());
      }
      ArrayNode differences = node.putArray("differences");
      result
          .differences()
          .forEach(
              difference ->
                  differences
                      .addObject()
                      .put("field", difference.field())
                      .put("expected", difference.expected())
                      .put("found", difference.found()));
      if (!result.before().isEmpty()) {
        ArrayNode before = node.putArray("before");
        result.before().forEach(answer -> before.add(AnswerJson.of(answer)));
      }
      Answer answer = result.answer();
      if (answer != null) {
        node.set("answer", AnswerJson.of(answer));
      }
    }
    return root;
  }
}
