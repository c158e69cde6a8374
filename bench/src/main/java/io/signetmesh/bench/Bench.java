package io.signetmesh.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.signetmesh.bench.abuse.AbuseBench;
import io.signetmesh.bench.audit.AuditQueryBench;
import io.signetmesh.bench.controller.ControllerScale;
import io.signetmesh.bench.decision.DecisionBench;
import io.signetmesh.bench.identity.CertifyBench;
import io.signetmesh.bench.identity.StampedeBench;
import io.signetmesh.bench.metrics.MetricsBench;
import io.signetmesh.bench.node.NodeBench;
import io.signetmesh.bench.rate.BodiesBench;
import io.signetmesh.bench.rate.FixedBench;
import io.signetmesh.bench.rego.RegoBench;
import io.signetmesh.bench.restart.RestartBench;
import io.signetmesh.bench.revocation.RevocationBench;
import io.signetmesh.bench.rotation.RotationBench;
import io.signetmesh.bench.rotation.ScaleBench;
import io.signetmesh.bench.token.TokenBench;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command {@code bench/run}. */
@Command(
    name = "bench/run",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    subcommands = {
      DecisionBench.class,
      TokenBench.class,
      RegoBench.class,
      MetricsBench.class,
      ControllerScale.class,
      AbuseBench.class,
      RestartBench.class,
      RevocationBench.class,
      CertifyBench.class,
      StampedeBench.class,
      RotationBench.class,
      ScaleBench.class,
      FixedBench.class,
      BodiesBench.class,
      NodeBench.class,
      AuditQueryBench.class
    },
    description = {
      "Measures pairs of proxies (client proxy, mTLS, server proxy) on loopback, with nginx behind"
          + " them: Signet, with policy by identity, metrics and audit on, beside HAProxy.",
      "",
      "All systems of one work run side by side and are loaded in turn, several rounds; the table shows"
          + " medians. CPU is the time of both proxies together for one request."
    },
    footer = {
      "",
      "Works: tcp, http1, http2, jwt, handshakes, memory, startup, cold.",
      "",
      "Exit codes: 0 measured; 1 measured, but requests failed; 2 usage; 69 a program is missing; 70"
          + " something broke.",
      "",
      "Examples:",
      "  bench/run --json result.json",
      "  bench/run --only http1 --seconds 5 --rounds 5",
      "  bench/run --only tcp --system haproxy",
      "  bench/run decisions --help",
      "  bench/run tokens --help",
      "  bench/run rego --help",
      "  bench/run metrics --help",
      "  bench/run controller --help",
      "  bench/run abuse --help",
      "  bench/run restart --help",
      "  bench/run revocation --help",
      "  bench/run certify --help",
      "  bench/run stampede --help",
      "  bench/run rotation --help",
      "  bench/run rotation-scale --help",
      "  bench/run fixed --help",
      "  bench/run bodies --help",
      "  bench/run node --help",
      "  bench/run audit-query --help",
      "  bench/run fuzz --help"
    })
public final class Bench implements Callable<Integer> {
  private static final int MISSING = 69;
  private static final int BROKEN = 70;
  private static final int CONNECTIONS = 32;
  private static final int MANY_CONNECTIONS = 2000;
  private static final int H2_CLIENTS = 8;
  private static final int H2_STREAMS = 16;
  private static final int WARM_SLICE = 5;

  /** Slices of warming without a gain of 3 % after which a pair counts as warm. */
  private static final int SETTLED_SLICES = 3;

  private static final double SETTLED_RATIO = 0.97;
  private static final Duration COLD = Duration.ofSeconds(10);
  private static final Duration SETTLE = Duration.ofSeconds(3);

  @Option(
      names = "--only",
      paramLabel = "WORK",
      split = ",",
      description = "Run this work only; may be repeated. All by default.")
  private @Nullable List<Work> only;

  @Option(
      names = "--system",
      paramLabel = "NAME",
      split = ",",
      description = "signet, haproxy; may be repeated. Both by default.")
  private @Nullable List<String> systems;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "Length of a measured run, 1 to 600. Default: ${DEFAULT-VALUE}.")
  private int seconds = 6;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Measured runs of each system, 1 to 100. Default: ${DEFAULT-VALUE}.")
  private int rounds = 3;

  @Option(
      names = "--warm",
      paramLabel = "N",
      description =
          "A new pair is loaded before it is measured until its CPU time per request has settled,"
              + " for at most N seconds, 0 to 600. Default: ${DEFAULT-VALUE}.")
  private int warm = 60;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the result to FILE as well, one object a row.")
  private @Nullable Path json;

  @Option(
      names = "--keep",
      paramLabel = "DIR",
      description = "Keep configurations and logs of the run in DIR, which must not exist.")
  private @Nullable Path keep;

  private final ProcessUsage usage = new ProcessUsage(Path.of("/proc"));
  private final PrintStream progress = System.err;
  private final List<Row> rows = new ArrayList<>();

  private Bench() {}

  /** Runs the command and exits with its code. */
  public static void main(String[] args) {
    CommandLine command = new CommandLine(new Bench());
    command.registerConverter(Work.class, Bench::work);
    command.setCaseInsensitiveEnumValuesAllowed(true);
    command.setExecutionExceptionHandler(
        (failure, line, parsed) -> {
          line.getErr().println("bench: " + failure.getMessage());
          return BROKEN;
        });
    System.exit(command.execute(args));
  }

  private static Work work(String label) {
    return Stream.of(Work.values())
        .filter(work -> work.label().equals(label))
        .findFirst()
        .orElseThrow(
            () ->
                new CommandLine.TypeConversionException(
                    "'"
                        + label
                        + "' is no work: expected one of "
                        + String.join(", ", Stream.of(Work.values()).map(Work::label).toList())));
  }

  @Override
  public Integer call() throws Exception {
    List<ProxySystem> chosen = chooseSystems();
    if (seconds < 1 || seconds > 600 || rounds < 1 || rounds > 100 || warm < 0 || warm > 600) {
      throw new CommandLine.ParameterException(
          new CommandLine(this),
          "--seconds "
              + seconds
              + ", --rounds "
              + rounds
              + " or --warm "
              + warm
              + " is out of range, see --help");
    }
    Set<Work> works = only == null ? EnumSet.allOf(Work.class) : EnumSet.copyOf(only);
    List<Tool> missing = missingTools(chosen);
    if (!missing.isEmpty()) {
      for (Tool tool : missing) {
        progress.println(
            "bench: "
                + tool.program()
                + " is not installed (Debian package "
                + tool.debianPackage()
                + ")");
      }
      progress.println(
          "bench: apt-get install "
              + String.join(
                  " ", new TreeSet<>(missing.stream().map(Tool::debianPackage).toList())));
      return MISSING;
    }
    Path directory = workingDirectory();
    try (Backend backend = Backend.start(directory)) {
      for (ProxySystem system : chosen) {
        System.out.println(system.name() + ": " + system.description());
      }
      System.out.printf(
          "%d rounds of %d s each after at most %d s of warming; %d CPUs; answers of %d bytes%n%n",
          rounds, seconds, warm, Runtime.getRuntime().availableProcessors(), Backend.BODY_BYTES);
      for (Work work : works) {
        progress.println("bench: " + work.label() + " (" + work.description() + ")");
        measure(work, chosen, backend, Files.createDirectory(directory.resolve(work.label())));
        if (json != null) {
          writeJson(json);
        }
      }
    } finally {
      if (keep == null) {
        delete(directory);
      }
    }
    Report.print(rows, System.out);
    return rows.stream().anyMatch(row -> row.errors() != null && row.errors() > 0) ? 1 : 0;
  }

  private List<ProxySystem> chooseSystems() {
    Map<String, ProxySystem> known = new LinkedHashMap<>();
    for (ProxySystem system : List.of(new SignetSystem(), new HaproxySystem())) {
      known.put(system.name(), system);
    }
    if (systems == null) {
      return List.copyOf(known.values());
    }
    List<ProxySystem> chosen = new ArrayList<>();
    for (String name : systems) {
      ProxySystem system = known.get(name);
      if (system == null) {
        throw new CommandLine.ParameterException(
            new CommandLine(this),
            "--system " + name + ": expected one of " + String.join(", ", known.keySet()));
      }
      chosen.add(system);
    }
    return chosen;
  }

  private static List<Tool> missingTools(List<ProxySystem> systems) {
    List<Tool> needed = new ArrayList<>(Backend.TOOLS);
    needed.add(new Tool("wrk", "wrk"));
    needed.add(new Tool("h2load", "nghttp2-client"));
    systems.forEach(system -> needed.addAll(system.tools()));
    return needed.stream().filter(tool -> !tool.installed()).distinct().toList();
  }

  private Path workingDirectory() throws IOException {
    if (keep == null) {
      return Files.createTempDirectory("signet-bench");
    }
    return Files.createDirectory(keep.toAbsolutePath());
  }

  private void measure(Work work, List<ProxySystem> chosen, Backend backend, Path directory)
      throws IOException, InterruptedException {
    switch (work) {
      case TCP -> requests(work, Protocol.TCP, chosen, backend, directory);
      case HTTP1 -> requests(work, Protocol.HTTP1, chosen, backend, directory);
      case HTTP2 -> requests(work, Protocol.HTTP2, chosen, backend, directory);
      case JWT -> requests(work, Protocol.JWT, chosen, backend, directory);
      case HANDSHAKES -> handshakes(work, chosen, backend, directory);
      case MEMORY -> memory(chosen, backend, directory);
      case STARTUP -> startup(work, chosen, backend, directory);
      case COLD -> cold(chosen, backend, directory);
    }
  }

  /** One measured run against a pair. */
  @FunctionalInterface
  private interface Run {
    Row measure(ProxySystem system, ProxyPair pair, Duration length)
        throws IOException, InterruptedException;
  }

  /** Keeps one warm pair of each system up and measures them in turn. */
  private void inTurns(
      List<ProxySystem> chosen, Backend backend, Path directory, Protocol firstAnswer, Run run)
      throws IOException, InterruptedException {
    Map<ProxySystem, ProxyPair> pairs = new LinkedHashMap<>();
    try {
      for (ProxySystem system : chosen) {
        ProxyPair pair =
            system.start(backend, Files.createDirectory(directory.resolve(system.name())));
        pairs.put(system, pair);
        FirstAnswer.await(pair.entry(firstAnswer), firstAnswer, pair::expectAlive);
        warmUp(system, pair, run);
      }
      Map<ProxySystem, List<Row>> measured = new LinkedHashMap<>();
      for (int round = 1; round <= rounds; round++) {
        for (Map.Entry<ProxySystem, ProxyPair> entry : pairs.entrySet()) {
          Row row = run.measure(entry.getKey(), entry.getValue(), Duration.ofSeconds(seconds));
          entry.getValue().expectAlive();
          progress.println("bench:   round " + round + " " + Report.brief(row));
          measured.computeIfAbsent(entry.getKey(), key -> new ArrayList<>()).add(row);
        }
      }
      measured.values().forEach(list -> rows.add(Row.median(list)));
    } finally {
      pairs.values().forEach(ProxyPair::close);
    }
  }

  /**
   * Loads a new pair until its CPU time per request falls no more: a JIT compiler works for long
   * when the load leaves it little of the CPUs, and what it spends is on the bill.
   */
  private void warmUp(ProxySystem system, ProxyPair pair, Run run)
      throws IOException, InterruptedException {
    double best = Double.MAX_VALUE;
    int unchanged = 0;
    int spent = 0;
    while (spent < warm && unchanged < SETTLED_SLICES) {
      int slice = Math.min(WARM_SLICE, warm - spent);
      Double cpu = run.measure(system, pair, Duration.ofSeconds(slice)).cpuMicrosPerRequest();
      spent += slice;
      if (cpu != null && cpu < best * SETTLED_RATIO) {
        best = cpu;
        unchanged = 0;
      } else {
        unchanged++;
      }
    }
    progress.println("bench:   " + system.name() + " was warmed for " + spent + " s");
  }

  private void requests(
      Work work, Protocol protocol, List<ProxySystem> chosen, Backend backend, Path directory)
      throws IOException, InterruptedException {
    inTurns(
        chosen,
        backend,
        directory,
        protocol,
        (system, pair, length) ->
            loaded(work.label(), system, pair, protocol, CONNECTIONS, length, directory));
  }

  private Row loaded(
      String work,
      ProxySystem system,
      ProxyPair pair,
      Protocol protocol,
      int connections,
      Duration length,
      Path directory)
      throws IOException, InterruptedException {
    Path log = directory.resolve("load.log");
    Endpoint entry = pair.entry(protocol);
    try (PeakMemory memory = PeakMemory.watch(usage, pair.pids())) {
      long before = usage.cpuMicros(pair.pids());
      Load load =
          switch (protocol) {
            case HTTP2 -> H2load.run(entry, H2_CLIENTS, H2_STREAMS, length, log);
            case TCP, HTTP1 -> H2load.http1(entry, connections, length, log);
            case JWT -> Wrk.run(entry, connections, length, LoadTokens.shared(), log);
          };
      long cpu = usage.cpuMicros(pair.pids()) - before;
      return Row.loaded(
          work, system.name(), load, cpu, memory.rssMegabytes(), memory.pssMegabytes());
    }
  }

  private void handshakes(Work work, List<ProxySystem> chosen, Backend backend, Path directory)
      throws IOException, InterruptedException {
    inTurns(
        chosen,
        backend,
        directory,
        Protocol.TCP,
        (system, pair, length) -> handshaken(work, system, pair, length));
  }

  private Row handshaken(Work work, ProxySystem system, ProxyPair pair, Duration length)
      throws IOException, InterruptedException {
    List<Long> server = List.of(pair.pids().getLast());
    long before = usage.cpuMicros(server);
    Load load = Handshakes.run(pair.mutualTls(), length);
    long cpu = usage.cpuMicros(server) - before;
    return Row.loaded(
        work.label(),
        system.name(),
        load,
        cpu,
        usage.rssMegabytes(server),
        usage.pssMegabytes(server));
  }

  private void memory(List<ProxySystem> chosen, Backend backend, Path directory)
      throws IOException, InterruptedException {
    for (ProxySystem system : chosen) {
      Path own = Files.createDirectory(directory.resolve(system.name()));
      try (ProxyPair pair = system.start(backend, own)) {
        FirstAnswer.await(pair.entry(Protocol.HTTP1), Protocol.HTTP1, pair::expectAlive);
        Thread.sleep(SETTLE);
        add(
            Row.idle(
                "memory-idle",
                system.name(),
                usage.rssMegabytes(pair.pids()),
                usage.pssMegabytes(pair.pids())));
        for (int connections : new int[] {CONNECTIONS, MANY_CONNECTIONS}) {
          add(
              loaded(
                  "memory-" + connections,
                  system,
                  pair,
                  Protocol.HTTP1,
                  connections,
                  Duration.ofSeconds(Math.max(seconds, 5)),
                  own));
          pair.expectAlive();
        }
      }
    }
  }

  private void startup(Work work, List<ProxySystem> chosen, Backend backend, Path directory)
      throws IOException, InterruptedException {
    Map<ProxySystem, List<Row>> measured = new LinkedHashMap<>();
    for (int round = 1; round <= rounds; round++) {
      for (ProxySystem system : chosen) {
        Path own = Files.createDirectory(directory.resolve(system.name() + "-" + round));
        try (ProxyPair pair = system.start(backend, own)) {
          FirstAnswer.await(pair.entry(Protocol.HTTP1), Protocol.HTTP1, pair::expectAlive);
          double millis = (System.nanoTime() - pair.startedNanos()) / 1e6;
          double cpuMillis = usage.cpuMicros(pair.pids()) / 1e3;
          Row row = Row.started(work.label(), system.name(), millis, cpuMillis);
          progress.println("bench:   round " + round + " " + Report.brief(row));
          measured.computeIfAbsent(system, key -> new ArrayList<>()).add(row);
        }
      }
    }
    measured.values().forEach(list -> rows.add(Row.median(list)));
  }

  private void cold(List<ProxySystem> chosen, Backend backend, Path directory)
      throws IOException, InterruptedException {
    for (Protocol protocol : Protocol.values()) {
      for (ProxySystem system : chosen) {
        Path own = Files.createDirectory(directory.resolve(system.name() + "-" + protocol.label()));
        try (ProxyPair pair = system.start(backend, own)) {
          FirstAnswer.await(pair.entry(protocol), protocol, pair::expectAlive);
          add(loaded("cold-" + protocol.label(), system, pair, protocol, CONNECTIONS, COLD, own));
        }
      }
    }
  }

  private void add(Row row) {
    progress.println("bench:   " + Report.brief(row));
    rows.add(row);
  }

  private void writeJson(Path file) throws IOException {
    new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValue(file.toFile(), rows);
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }
}
