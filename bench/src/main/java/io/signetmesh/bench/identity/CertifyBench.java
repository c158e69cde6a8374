package io.signetmesh.bench.identity;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.signetmesh.bench.Child;
import io.signetmesh.bench.RunDirectory;
import io.signetmesh.bench.Tool;
import io.signetmesh.bench.fleet.CaProcess;
import io.signetmesh.bench.fleet.Cores;
import io.signetmesh.bench.identity.CertifyLoad.Result;
import io.signetmesh.bench.identity.CertifyLoad.Way;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.identity.crypto.Signatures;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command {@code bench/run certify}. */
@Command(
    name = "certify",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures certificates per second of one identity server ('signet identity') on one core, end to"
          + " end over mutual TLS and gRPC, and what one costs, beside a CA that does what Linkerd's"
          + " identity service does, in Go with grpc-go and crypto/x509 (bench/peer).",
      "Sixteen workloads ask from another core, each request with a key of its own that was made"
          + " before."
    },
    footer = {
      "",
      "Exit codes: 0 measured, all answered; 1 requests failed; 2 usage; 69 a program is missing; 70"
          + " something broke.",
      "",
      "Example:",
      "  bench/run certify --seconds 10 --json certify.json"
    })
public final class CertifyBench implements Callable<Integer> {
  private static final int MISSING = 69;
  private static final Duration COLD = Duration.ofSeconds(10);
  private static final Duration BUILD = Duration.ofMinutes(5);
  private static final Tool GO = new Tool("go", "golang-go, 1.26 or newer");

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "Length of a measured run, 1 to 600. Default: ${DEFAULT-VALUE}.")
  private int seconds = 5;

  @Option(
      names = "--warm",
      paramLabel = "N",
      description =
          "Load of a new server beyond the first ten seconds before it is measured, 0 to 600 s."
              + " Default: ${DEFAULT-VALUE}.")
  private int warm = 20;

  @Option(
      names = "--system",
      paramLabel = "NAME",
      description = "Only signet, or only grpc-go. Both by default.")
  private @Nullable String system;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the result to FILE as well.")
  private @Nullable Path json;

  @Option(
      names = "--keep",
      paramLabel = "DIR",
      description = "Keep logs of the run in DIR, which must not exist.")
  private @Nullable Path keep;

  private final PrintStream out = System.out;
  private final PrintStream progress = System.err;

  /** Rows by work, and by system in each. */
  private final Map<String, Map<String, Result>> rows = new LinkedHashMap<>();

  private final Map<String, double[]> memory = new LinkedHashMap<>();

  @Override
  public Integer call() throws Exception {
    boolean signet = system == null || system.equals("signet");
    boolean peer = system == null || system.equals("grpc-go");
    if (seconds < 1 || seconds > 600 || warm < 0 || warm > 600 || (!signet && !peer)) {
      progress.println("bench: an option is out of range, see --help");
      return 2;
    }
    if (peer && !GO.installed()) {
      progress.println("bench: go is not installed (" + GO.debianPackage() + ")");
      return MISSING;
    }
    Signatures.useNative();
    try (RunDirectory run = RunDirectory.open("certify", keep)) {
      Path directory = run.path();
      Path program = peer ? build(directory) : directory;
      Cores.moveAway(directory.resolve("taskset.log"));
      List<CaProcess> servers = new ArrayList<>();
      List<CertifyLoad> loads = new ArrayList<>();
      try {
        if (signet) {
          begin(
              CaProcess.signet(Files.createDirectory(directory.resolve("signet")), List.of()),
              servers,
              loads);
        }
        if (peer) {
          begin(
              CaProcess.peer(program, Files.createDirectory(directory.resolve("grpc-go"))),
              servers,
              loads);
        }
        measure(servers, loads);
      } finally {
        loads.forEach(CertifyLoad::close);
        servers.forEach(CaProcess::close);
      }
    }
    report();
    return rows.values().stream()
            .flatMap(row -> row.values().stream())
            .anyMatch(result -> result.failures() > 0)
        ? 1
        : 0;
  }

  private Path build(Path directory) throws IOException, InterruptedException {
    Path source = SignetProcess.launcher().resolveSibling("bench").resolve("peer");
    Path program = directory.resolve("peer");
    progress.println("bench: building " + source);
    Child.output(
        "go",
        List.of("go", "-C", source.toString(), "build", "-o", program.toString(), "."),
        BUILD,
        directory.resolve("go.log"));
    return program;
  }

  /** The first ten seconds of a server, and more load until it is warm. */
  private void begin(CaProcess server, List<CaProcess> servers, List<CertifyLoad> loads)
      throws Exception {
    servers.add(server);
    CertifyLoad load = CertifyLoad.open(server, server.files().directory());
    loads.add(load);
    load.join();
    add("first 10 s", server, load.closed(Way.TOKEN, COLD));
    if (warm > 0) {
      for (Way way : Way.values()) {
        load.closed(way, Duration.ofSeconds(Math.max(1, warm / Way.values().length)));
      }
    }
  }

  private void measure(List<CaProcess> servers, List<CertifyLoad> loads) throws Exception {
    Duration length = Duration.ofSeconds(seconds);
    for (Way way : Way.values()) {
      for (int i = 0; i < servers.size(); i++) {
        add(way.label(), servers.get(i), loads.get(i).closed(way, length));
      }
    }
    for (Way way : List.of(Way.TOKEN, Way.TOKEN_CONNECT)) {
      for (int i = 0; i < servers.size(); i++) {
        Result most = rows.getOrDefault(way.label(), Map.of()).get(servers.get(i).name());
        if (most != null && most.certificates() > 0) {
          add(
              way.label() + ", half the load",
              servers.get(i),
              loads.get(i).open(way, most.perSecond() / 2, length));
        }
      }
    }
    for (CaProcess server : servers) {
      server.expectAlive();
      memory.put(server.name(), new double[] {server.rssMegabytes(), server.peakRssMegabytes()});
    }
  }

  private void add(String work, CaProcess server, Result result) throws IOException {
    server.expectAlive();
    rows.computeIfAbsent(work, _ -> new LinkedHashMap<>()).put(server.name(), result);
    progress.printf(
        "bench:   %s, %s: %,.0f/s, %.0f µs CPU%n",
        work, server.name(), result.perSecond(), result.cpuMicros());
  }

  private void report() throws IOException {
    out.printf("%n%s%n%n", Cores.description());
    out.printf(
        "%-36s %-8s %14s %9s %9s %9s %7s%n",
        "work", "system", "certificates/s", "CPU µs", "p50 µs", "p99 µs", "failed");
    rows.forEach(
        (work, bySystem) -> {
          bySystem.forEach(
              (name, row) ->
                  out.printf(
                      "%-36s %-8s %,14.0f %,9.0f %,9.0f %,9.0f %7d%n",
                      work,
                      name,
                      row.perSecond(),
                      row.cpuMicros(),
                      row.p50Micros(),
                      row.p99Micros(),
                      row.failures()));
          Result own = bySystem.get("Signet");
          Result other = bySystem.get("grpc-go");
          if (own != null && other != null) {
            out.printf(
                "%-36s %-8s %14.2f %9.2f %9.2f %9.2f%n",
                work,
                "ratio",
                own.perSecond() / other.perSecond(),
                other.cpuMicros() / own.cpuMicros(),
                other.p50Micros() / own.p50Micros(),
                other.p99Micros() / own.p99Micros());
          }
        });
    out.println();
    memory.forEach(
        (name, megabytes) ->
            out.printf(
                "%s: %.0f MB resident, %.0f MB at most%n", name, megabytes[0], megabytes[1]));
    out.println("Ratios above 1 are in favour of Signet.");
    if (json != null) {
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .writeValue(json.toFile(), Map.of("rows", rows, "memory_mb_now_and_peak", memory));
    }
  }
}
