package io.signetmesh.cli.cases;

import io.signetmesh.cli.cases.CaseResult.Difference;
import io.signetmesh.cli.command.TimeConverter;
import io.signetmesh.cli.simulate.Answer;
import io.signetmesh.cli.simulate.Caller;
import io.signetmesh.cli.simulate.ClientIdentity;
import io.signetmesh.cli.simulate.KeyFiles;
import io.signetmesh.cli.simulate.SimulatedMesh;
import io.signetmesh.cli.simulate.SimulatedPort;
import io.signetmesh.cli.simulate.WorkloadNames;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.Position;
import io.signetmesh.crds.manifest.RecordReader;
import io.signetmesh.crds.manifest.RecordReader.Located;
import io.signetmesh.crds.manifest.RecordReader.Records;
import io.signetmesh.policy.token.KnownKeys;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.ResourceRef;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Runs the cases of a file against a simulated mesh. */
public final class CaseRun {
  private static final String NONE = "none";
  private static final String IDENTITY = "client.identity";

  private final SimulatedMesh mesh;
  private final WorkloadNames names;

  /** The mesh by the key sets that are given. */
  private final Map<Map<String, KnownKeys>, SimulatedMesh> withKeys = new HashMap<>();

  /** Runs cases against this mesh. */
  public CaseRun(SimulatedMesh mesh) {
    this.mesh = mesh;
    this.names = new WorkloadNames(mesh.view());
  }

  /**
   * Reads a file of cases. Duplicate names are errors among the findings, and so are identities
   * that no certificate can have.
   */
  public static Records<PolicyCase> read(Path file) {
    Records<PolicyCase> read = new RecordReader().readFile(file, PolicyCase.class);
    List<ManifestFinding> findings = new ArrayList<>(read.findings());
    Map<String, Position> seen = new HashMap<>();
    for (Located<PolicyCase> test : read.records()) {
      Position first = seen.putIfAbsent(test.value().name(), test.position());
      if (first != null) {
        findings.add(
            new ManifestFinding(
                ManifestFinding.Severity.ERROR,
                test.position(),
                null,
                "name",
                "\"" + test.value().name() + "\" is given twice, first at " + first));
      }
      identity(test, test.value().client(), IDENTITY, findings);
      request(test, test.value().request(), "request", findings);
      String at = test.value().at();
      if (at != null) {
        try {
          var unused = TimeConverter.parse(at);
        } catch (IllegalArgumentException e) {
          findings.add(error(test, "at", String.valueOf(e.getMessage())));
        }
      }
      List<PolicyCase.CallCase> before = test.value().before();
      for (int i = 0; i < before.size(); i++) {
        identity(test, before.get(i).client(), "before[" + i + "]." + IDENTITY, findings);
        request(test, before.get(i).request(), "before[" + i + "].request", findings);
      }
    }
    if (read.records().isEmpty() && findings.isEmpty()) {
      findings.add(
          new ManifestFinding(
              ManifestFinding.Severity.ERROR,
              new Position(file.toString(), 1, 1),
              null,
              "",
              "there are no cases"));
    }
    return new Records<>(read.records(), findings);
  }

  private static void identity(
      Located<PolicyCase> test,
      PolicyCase.@Nullable ClientCase client,
      String field,
      List<ManifestFinding> findings) {
    String identity = client == null ? null : client.identity();
    if (identity == null) {
      return;
    }
    try {
      ClientIdentity.requireForm(identity);
    } catch (IllegalArgumentException e) {
      findings.add(error(test, field, String.valueOf(e.getMessage())));
    }
  }

  private static void request(
      Located<PolicyCase> test,
      PolicyCase.@Nullable RequestCase request,
      String field,
      List<ManifestFinding> findings) {
    String problem = request == null ? null : request.problem();
    if (problem != null) {
      findings.add(error(test, field, problem));
    }
  }

  private static ManifestFinding error(Located<PolicyCase> test, String field, String message) {
    return new ManifestFinding(
        ManifestFinding.Severity.ERROR, test.position().of(field), null, field, message);
  }

  /** Runs one case. */
  public CaseResult run(Located<PolicyCase> located) {
    PolicyCase test = located.value();
    long started = System.nanoTime();
    List<Answer> answers = List.of();
    String problem = null;
    List<Difference> differences = new ArrayList<>();
    try {
      List<PolicyCase.CallCase> calls = test.calls();
      answers = ask(test, calls, directory(located.position()));
      for (int i = 0; i < calls.size(); i++) {
        PolicyCase.Expectation expected = calls.get(i).expect();
        if (expected != null) {
          String call = i == calls.size() - 1 ? "" : "before[" + i + "].";
          compare(call, expected, answers.get(i), differences);
        }
      }
    } catch (IllegalArgumentException e) {
      problem = String.valueOf(e.getMessage());
    }
    return new CaseResult(
        test,
        located.position(),
        answers.isEmpty() ? answers : answers.subList(0, answers.size() - 1),
        answers.isEmpty() ? null : answers.getLast(),
        problem,
        differences,
        System.nanoTime() - started);
  }

  /** Files of a case are relative to this. */
  private static Path directory(Position position) {
    Path parent = Path.of(position.source()).getParent();
    return parent == null ? Path.of("") : parent;
  }

  private List<Answer> ask(PolicyCase test, List<PolicyCase.CallCase> calls, Path directory) {
    SimulatedMesh asked = mesh(test, directory);
    WorkloadRef workload = names.find(test.workload()).ref();
    SimulatedPort port =
        asked
            .port(workload, test.port())
            .orElseThrow(() -> new IllegalArgumentException(workload + " has no policy"));
    Instant time = test.at() == null ? null : TimeConverter.parse(test.at());
    return port.ask(
        calls.stream()
            .map(
                one ->
                    new SimulatedPort.Calls(
                        caller(one.caller()), one.call(directory).at(time), one.times()))
            .toList());
  }

  private SimulatedMesh mesh(PolicyCase test, Path directory) {
    Map<String, Path> files = new TreeMap<>();
    test.keys().forEach((name, file) -> files.put(name, directory.resolve(file)));
    Map<String, KnownKeys> keys = KeyFiles.read(files);
    return keys.isEmpty() ? mesh : withKeys.computeIfAbsent(keys, mesh::with);
  }

  private Caller caller(PolicyCase.ClientCase client) {
    return mesh.caller(client.identity(), client.ip(), client.tls());
  }

  private static void compare(
      String call, PolicyCase.Expectation expected, Answer answer, List<Difference> differences) {
    Decision decision = answer.decision();
    Decision dryRun = answer.dryRun();
    compare(
        call + "verdict",
        expected.verdict() == null ? null : expected.verdict().wireName(),
        answer.verdict(),
        differences);
    compare(call + "status", text(expected.status(), -1), text(answer.status(), 0), differences);
    compare(
        call + "grpcStatus",
        text(expected.grpcStatus(), -1),
        text(answer.grpcStatus(), -1),
        differences);
    named(call + "authorization", expected.authorization(), decision.authorization(), differences);
    compare(call + "reason", expected.reason(), decision.reason().code(), differences);
    named(call + "route", expected.route(), answer.route(), differences);
    compare(call + "location", expected.location(), answer.location(), differences);
    compare(call + "mode", expected.mode(), decision.mode().code(), differences);
    compare(
        call + "trial",
        expected.trial() == null ? null : expected.trial().wireName(),
        dryRun == null ? NONE : Answer.verdict(dryRun),
        differences);
  }

  private static @Nullable String text(@Nullable Integer number, int none) {
    return number == null ? null : number == none ? NONE : number.toString();
  }

  private static void compare(
      String field,
      @Nullable String expected,
      @Nullable String found,
      List<Difference> differences) {
    String seen = found == null ? NONE : found;
    if (expected != null && !expected.equals(seen)) {
      differences.add(new Difference(field, expected, seen));
    }
  }

  private static void named(
      String field,
      @Nullable String expected,
      @Nullable ResourceRef found,
      List<Difference> differences) {
    String label = found == null ? NONE : found.label();
    if (expected != null && !label.equals(expected) && !label.endsWith("/" + expected)) {
      differences.add(new Difference(field, expected, label));
    }
  }
}
