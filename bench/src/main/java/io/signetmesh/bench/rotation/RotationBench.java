package io.signetmesh.bench.rotation;

import io.signetmesh.bench.Backend;
import io.signetmesh.bench.Findings;
import io.signetmesh.bench.Ports;
import io.signetmesh.bench.ProcessUsage;
import io.signetmesh.bench.Protocol;
import io.signetmesh.bench.RunDirectory;
import io.signetmesh.bench.Tool;
import io.signetmesh.bench.rotation.Traffic.Period;
import io.signetmesh.cli.demo.service.DemoServices;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command {@code bench/run rotation}. */
@Command(
    name = "rotation",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Replaces the trust anchor of a mesh of proxies that carry traffic, by 'signet trust rotate',"
          + " and counts what the traffic notices. Each proxy is a process, and calls the next one in"
          + " a ring: HTTP/1.1, HTTP/2, gRPC streams and TCP, on connections that are kept, and a TCP"
          + " connection for each fiftieth request.",
      "",
      "Goal: no request fails, no connection is dropped, no proxy ends, whatever the trouble."
    },
    footer = {
      "",
      "Troubles: frozen (SIGSTOP until Retire), cut-off (its network to the identity server loses"
          + " everything), restarting (kill -9 every four seconds), kill-server and kill-command (kill"
          + " -9 in each phase), all. The first three take a proxy each out of the ring.",
      "",
      "Exit codes: 0 the goal is met; 1 it is missed; 2 usage; 69 a program is missing; 70 something"
          + " broke.",
      "",
      "Examples:",
      "  bench/run rotation --json rotation.json",
      "  bench/run rotation --trouble all",
      "  bench/run rotation --abort --proxies 10 --rate 500"
    })
public final class RotationBench implements Callable<Integer> {
  private static final int MISSING = 69;

  /** One request in so many has a TCP connection, and so a TLS handshake, of its own. */
  private static final int FRESH = 50;

  /** Requests a second that the proxy which is cut off sends, and that it gets. */
  private static final double STRAGGLING = 10;

  private static final List<String> ABORTED = List.of("DISTRIBUTE", "ACTIVATE", "RENEW");

  @Option(
      names = "--proxies",
      paramLabel = "N",
      description = "Proxies, 5 to 90. Default: ${DEFAULT-VALUE}.")
  private int proxies = 20;

  @Option(
      names = "--rate",
      paramLabel = "N",
      description = "Requests a second in all, 20 to 50000. Default: ${DEFAULT-VALUE}.")
  private int rate = 2_000;

  @Option(
      names = "--renew-window",
      paramLabel = "SECONDS",
      description = "Time over which renewals are spread, 1 to 3600. Default: ${DEFAULT-VALUE}.")
  private int window = 20;

  @Option(
      names = "--warm",
      paramLabel = "SECONDS",
      description = "Load before anything is counted, 0 to 600. Default: ${DEFAULT-VALUE}.")
  private int warm = 30;

  @Option(
      names = "--aside",
      paramLabel = "SECONDS",
      description =
          "Load that is measured before and after the rotation, 1 to 600. Default:"
              + " ${DEFAULT-VALUE}.")
  private int aside = 10;

  @Option(
      names = "--trouble",
      paramLabel = "NAME",
      split = ",",
      description = "Make trouble, see below; may be repeated. None by default.")
  private @Nullable List<String> troubleNames;

  @Option(
      names = "--abort",
      description =
          "Begin three rotations, and abort one each from Distribute, Activate and Renew, instead of"
              + " going to the end.")
  private boolean abort;

  @Option(
      names = "--limit",
      paramLabel = "SECONDS",
      description = "Longest wait for a step, 30 to 3600. Default: ${DEFAULT-VALUE}.")
  private int limit = 180;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the result to FILE as well.")
  private @Nullable Path json;

  @Option(
      names = "--keep",
      paramLabel = "DIR",
      description = "Keep state and logs of the run in DIR, which must not exist.")
  private @Nullable Path keep;

  private final PrintStream out = System.out;
  private final PrintStream progress = System.err;
  private final ProcessUsage usage = new ProcessUsage(Path.of("/proc"));
  private final Findings findings = new Findings();

  /** Made by picocli. */
  public RotationBench() {}

  @Override
  public Integer call() throws Exception {
    Set<Trouble> troubles = EnumSet.noneOf(Trouble.class);
    try {
      for (String name : troubleNames == null ? List.<String>of() : troubleNames) {
        troubles.addAll(Trouble.parse(name));
      }
    } catch (IllegalArgumentException e) {
      progress.println("bench: " + e.getMessage());
      return 2;
    }
    if (proxies < 5
        || proxies > RingMesh.MAX_PROXIES
        || rate < 20
        || rate > 50_000
        || window < 1
        || window > 3_600
        || warm < 0
        || warm > 600
        || aside < 1
        || aside > 600
        || limit < 30
        || limit > 3_600
        || (abort && !troubles.isEmpty())) {
      progress.println(
          "bench: an option is out of range, or --abort and --trouble are given both; see --help");
      return 2;
    }
    List<Tool> lacking = Backend.TOOLS.stream().filter(tool -> !tool.installed()).toList();
    if (!lacking.isEmpty()) {
      progress.println("bench: missing: " + lacking);
      return MISSING;
    }
    try (RunDirectory directory = RunDirectory.open("rotation", keep)) {
      run(troubles, directory.path());
    }
    return findings.end(
        out, json, "no request failed, no connection was dropped, nothing was retired early");
  }

  private void run(Set<Trouble> troubles, Path directory) throws Exception {
    List<Trouble> victims = new ArrayList<>();
    troubles.stream().filter(Trouble::hasVictim).forEach(victims::add);
    if (abort) {
      victims.add(Trouble.FROZEN);
    }
    int greeter = Ports.free(1)[0];
    try (Backend backend = Backend.start(Files.createDirectory(directory.resolve("backend")));
        AutoCloseable _ =
            DemoServices.start(
                DemoServices.Kind.GRPC,
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), greeter));
        RingMesh mesh =
            RingMesh.start(
                proxies, victims, backends(backend, greeter), directory.resolve("mesh"));
        Traffic traffic = new Traffic("ring");
        Traffic straggling = new Traffic("cut off")) {
      flows(mesh, traffic);
      if (victims.contains(Trouble.CUT_OFF)) {
        straggling.flow("calls", STRAGGLING, false, () -> Http1Client.open(mesh.fromCutOff()));
        straggling.flow("is called", STRAGGLING, false, () -> Http1Client.open(mesh.toCutOff()));
      }
      progress.println("bench: " + proxies + " proxies are ready");
      pause(warm);
      traffic.begin(Period.BEFORE);
      pause(aside);
      straggling.begin(Period.DURING);
      measure(mesh, troubles, traffic, straggling);
      traffic.begin(Period.AFTER);
      pause(aside);
      report(mesh, traffic);
    }
  }

  private static Map<RingMesh.Port, Integer> backends(Backend backend, int greeter) {
    Map<RingMesh.Port, Integer> ports = new TreeMap<>();
    ports.put(RingMesh.Port.HTTP1, backend.port(Protocol.HTTP1));
    ports.put(RingMesh.Port.HTTP2, backend.port(Protocol.HTTP2));
    ports.put(RingMesh.Port.TCP, backend.port(Protocol.TCP));
    ports.put(RingMesh.Port.GRPC, greeter);
    return ports;
  }

  private void flows(RingMesh mesh, Traffic traffic) {
    double fresh = (double) rate / FRESH / mesh.healthy();
    double each = ((double) rate / mesh.healthy() - fresh) / RingMesh.Port.values().length;
    for (int i = 0; i < mesh.healthy(); i++) {
      InetSocketAddress tcp = mesh.entry(i, RingMesh.Port.TCP);
      InetSocketAddress http1 = mesh.entry(i, RingMesh.Port.HTTP1);
      InetSocketAddress http2 = mesh.entry(i, RingMesh.Port.HTTP2);
      InetSocketAddress grpc = mesh.entry(i, RingMesh.Port.GRPC);
      traffic.flow("HTTP/1.1", each, true, () -> Http1Client.open(http1));
      traffic.flow("HTTP/2", each, true, () -> Http2Client.open(http2));
      traffic.flow("gRPC stream", each, true, () -> GrpcStream.open(grpc));
      traffic.flow("long TCP", each, true, () -> Http1Client.open(tcp));
      traffic.flow("new TCP", fresh, false, () -> Http1Client.open(tcp));
    }
  }

  private void measure(RingMesh mesh, Set<Trouble> troubles, Traffic traffic, Traffic straggling)
      throws Exception {
    String anchors = mesh.processes().trustAnchors().strip();
    RotationRun rotation =
        new RotationRun(
            mesh,
            troubles,
            Duration.ofSeconds(window),
            Duration.ofSeconds(limit),
            () -> straggled(mesh, anchors, straggling),
            progress);
    long pid = mesh.server().pid();
    long cpu = usage.cpuMicros(List.of(pid));
    long begun = System.nanoTime();
    traffic.begin(Period.DURING);
    if (abort) {
      for (String phase : ABORTED) {
        phases("aborted from " + phase, rotation, rotation.abort(phase));
      }
    } else {
      String id = rotation.complete();
      phases("rotation", rotation, id);
    }
    double seconds = (System.nanoTime() - begun) / 1e9;
    double answered = traffic.latencies(Period.DURING).answers() / seconds;
    out.printf(
        "%nTogether %.1f s, at %,.0f requests/s of the %,d that were due.",
        seconds, answered, rate);
    put("requests_per_s", answered);
    put("seconds", seconds);
    if (mesh.server().pid() == pid) {
      double spent = (usage.cpuMicros(List.of(pid)) - cpu) / 1e6;
      double peak = usage.peakRssMegabytes(pid);
      out.printf(
          " The control plane with the identity server took %.1f s of CPU time, at most %.0f MB"
              + " RSS.%n",
          spent, peak);
      put("server_cpu_s", spent);
      put("server_peak_rss_mb", peak);
    } else {
      out.println();
    }
    told("kills", "Killed in", rotation.kills());
    told("waived", "Waived", List.copyOf(rotation.waived()));
    if (rotation.restarts() > 0) {
      out.println("Starts of the proxy that restarts: " + rotation.restarts());
      put("restarts_of_the_victim", rotation.restarts());
    }
    rotation.missed().forEach(findings::miss);
  }

  /** Just before somebody is waived, everybody must still be able to talk to everybody. */
  private void straggled(RingMesh mesh, String anchors, Traffic straggling) {
    try {
      straggling.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (!mesh.processes().trustAnchors().contains(anchors)) {
      findings.miss("the old anchor was retired early");
    }
    if (straggling.answers() > 0) {
      out.printf(
          "The proxy that is cut off: %,d requests answered until it was waived, %,d failed.%n",
          straggling.answers(), straggling.failed());
      put("straggler_answers", straggling.answers());
      put("straggler_failed", straggling.failed());
      straggling.failures().forEach(failure -> out.println("  " + failure));
      if (straggling.failed() > 0) {
        findings.miss("the proxy that is cut off did not talk to all until Retire");
      }
    }
  }

  private void told(String field, String title, List<String> values) {
    if (!values.isEmpty()) {
      out.println(title + ": " + String.join(", ", values));
      put(field, values);
    }
  }

  private void phases(String title, RotationRun rotation, String id) throws IOException {
    out.printf("%n%-24s %8s%n", title, "seconds");
    List<Map<String, Object>> rows = new ArrayList<>();
    for (PhaseTime phase : PhaseTime.of(rotation.phases(id))) {
      out.printf("%-24s %8.3f%n", phase.label(), phase.seconds());
      rows.add(Map.of("phase", phase.name(), "seconds", phase.seconds()));
    }
    put(title, rows);
  }

  private void report(RingMesh mesh, Traffic traffic) {
    out.printf("%n%-8s %12s %9s %9s%n", "", "requests", "p50 ms", "p99 ms");
    for (Period period : List.of(Period.BEFORE, Period.DURING, Period.AFTER)) {
      Latencies latencies = traffic.latencies(period);
      String label = period.name().toLowerCase(Locale.ROOT);
      out.printf(
          "%-8s %,12d %9.1f %9.1f%n",
          label, latencies.answers(), latencies.percentile(0.5), latencies.percentile(0.99));
      put(
          label,
          Map.of(
              "answers", latencies.answers(),
              "p50_ms", latencies.percentile(0.5),
              "p99_ms", latencies.percentile(0.99)));
    }
    out.printf(
        "%n%,d requests answered, %,d failed; %,d kept connections dropped, %,d ended as announced;"
            + " %,d requests not sent in time; %d proxies ended%n",
        traffic.answers(),
        traffic.failed(),
        traffic.dropped(),
        traffic.announced(),
        traffic.notSent(),
        mesh.ended());
    put("answers", traffic.answers());
    put("failed", traffic.failed());
    put("dropped", traffic.dropped());
    put("announced", traffic.announced());
    put("not_sent", traffic.notSent());
    put("proxies_ended", mesh.ended());
    traffic.failures().forEach(failure -> out.println("  " + failure));
    if (traffic.failed() > 0) {
      findings.miss(traffic.failed() + " requests failed");
    }
    if (mesh.ended() > 0) {
      findings.miss(mesh.ended() + " proxies ended");
    }
  }

  private void put(String field, Object value) {
    findings.put(field.replace(' ', '_').toLowerCase(Locale.ROOT), value);
  }

  private static void pause(int seconds) throws InterruptedException {
    Thread.sleep(Duration.ofSeconds(seconds));
  }
}
