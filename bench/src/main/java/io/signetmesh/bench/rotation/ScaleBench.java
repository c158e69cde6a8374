package io.signetmesh.bench.rotation;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.bench.Findings;
import io.signetmesh.bench.RunDirectory;
import io.signetmesh.bench.fleet.CaProcess;
import io.signetmesh.bench.fleet.Fleet;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.testkit.MeshRotations;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command {@code bench/run rotation-scale}. */
@Command(
    name = "rotation-scale",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Replaces the trust anchor of many proxies of one identity server ('signet identity'), by"
          + " 'signet trust rotate', and measures what that costs the server.",
      "Proxies are the product's own identity clients in a few processes, without data plane: each"
          + " with its key, its TLS connections, its address on loopback, its trust bundle stream and"
          + " its reports.",
      "",
      "Goal: in the end all proxies serve a leaf under the new anchor and trust no other, no call has"
          + " failed, and renewals kept to their window."
    },
    footer = {
      "",
      "Exit codes: 0 the goal is met; 1 it is missed; 2 usage; 70 something broke.",
      "",
      "Examples:",
      "  bench/run rotation-scale --json rotation-scale.json",
      "  bench/run rotation-scale --proxies 2000 --renew-window 30 --keep /tmp/rotation-scale"
    })
public final class ScaleBench implements Callable<Integer> {
  private static final double MICROS_PER_MILLI = 1_000;

  @Option(
      names = "--proxies",
      paramLabel = "N",
      description = "Proxies, 10 to 15000. Default: ${DEFAULT-VALUE}.")
  private int proxies = 10_000;

  @Option(
      names = "--processes",
      paramLabel = "N",
      description = "Processes that play them, 1 to 16. Default: ${DEFAULT-VALUE}.")
  private int processes = 2;

  @Option(
      names = "--renew-window",
      paramLabel = "SECONDS",
      description = "Time over which renewals are spread, 1 to 3600. Default: ${DEFAULT-VALUE}.")
  private int window = 120;

  @Option(
      names = "--limit",
      paramLabel = "SECONDS",
      description =
          "Longest wait for all to be connected, and for the rotation beyond its window, 30 to 3600."
              + " Default: ${DEFAULT-VALUE}.")
  private int limit = 300;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the result to FILE as well.")
  private @Nullable Path json;

  @Option(
      names = "--keep",
      paramLabel = "DIR",
      description = "Keep state and logs of the run in DIR, which must not exist.")
  private @Nullable Path keep;

  private final PrintStream out = System.out;
  private final PrintStream progress = System.err;
  private final Findings findings = new Findings();

  /** Made by picocli. */
  public ScaleBench() {}

  @Override
  public Integer call() throws Exception {
    if (proxies < 10
        || proxies > 15_000
        || processes < 1
        || processes > 16
        || window < 1
        || window > 3_600
        || limit < 30
        || limit > 3_600) {
      progress.println("bench: an option is out of range, see --help");
      return 2;
    }
    try (RunDirectory directory = RunDirectory.open("rotation-scale", keep);
        CaProcess server = CaProcess.signetEmbedded(directory.path(), List.of());
        Fleet fleet = Fleet.start(server, proxies, processes, directory.path())) {
      Path logs = Files.createDirectory(directory.path().resolve("logs"));
      MeshRotations rotations = new MeshRotations(server.files().state(), logs);
      connect(server, fleet);
      expectConnected(rotations.status());
      fleet.count();
      try (ServerWatch watch = ServerWatch.start(server, fleet)) {
        rotate(rotations);
        report(server, fleet, watch, rotations.phases(rotations.ids().getFirst()));
      }
      prove(fleet, rotations.status());
    }
    return findings.end(
        out, json, "all serve leaves under the new anchor, no call failed, the window was kept");
  }

  private void connect(CaProcess server, Fleet fleet) throws Exception {
    long begun = System.nanoTime();
    double before = server.cpuSeconds();
    fleet.tell("join", "joining");
    if (!fleet.await(Fleet.State::ready, proxies, Duration.ofSeconds(limit))) {
      throw new TimeoutException(
          fleet.state().ready()
              + " of "
              + proxies
              + " proxies are connected after "
              + limit
              + " s");
    }
    double seconds = (System.nanoTime() - begun) / 1e9;
    double cpu = server.cpuSeconds() - before;
    out.printf(
        "%,d proxies in %d processes have connected, %d at most at a time, in %.1f s and %.1f s of the"
            + " server's CPU time.%n",
        proxies, processes, Fleet.JOINING * processes, seconds, cpu);
    findings.put("proxies", proxies);
    findings.put("renew_window_s", window);
    findings.put("connect_s", seconds);
    findings.put("connect_server_cpu_s", cpu);
    findings.put("connect_failures", fleet.failures());
  }

  private void expectConnected(JsonNode status) {
    JsonNode adoption = status.path("adoption");
    findings.expect(
        adoption.path("live").asInt() == proxies && adoption.path("adopted").asInt() == proxies,
        "before the rotation, not all proxies were live and trusted the bundle: " + adoption);
  }

  private void rotate(MeshRotations rotations) throws IOException, InterruptedException {
    SignetProcess command =
        rotations.start(
            "rotate", "--yes", "--wait", "--renew-window", window + "s", "--reason", "bench");
    try (command) {
      if (!command.awaitExit(Duration.ofSeconds(window + (long) limit))) {
        findings.miss("the rotation has not ended: " + command.lastLines(1));
      } else {
        findings.expect(
            command.exitCode() == 0, "the command did not end with 0: " + command.lastLines(5));
      }
    }
  }

  private void report(
      CaProcess server, Fleet fleet, ServerWatch watch, List<MeshRotations.Stretch> stretches)
      throws Exception {
    // What the end has set off is counted, too.
    Thread.sleep(1_000);
    List<Sample> samples = watch.samples();
    List<PhaseTime> phases = PhaseTime.of(stretches);
    out.printf(
        "%n%-12s %9s %9s %9s %9s %9s %9s %9s%n",
        "", "seconds", "CPU s", "RSS MB", "heap MB", "bundles", "reports", "Certify");
    List<Map<String, Object>> rows = new ArrayList<>();
    for (PhaseTime phase : phases) {
      rows.add(row(phase.label(), phase.seconds(), samples, phase.from(), phase.to()));
    }
    Instant begin = phases.getFirst().from();
    Instant end = phases.getLast().to();
    String whole = stretches.getLast().phase().equals("DONE") ? "until Done" : "so far";
    rows.add(row(whole, Duration.between(begin, end).toMillis() / 1e3, samples, begin, end));
    findings.put("phases", rows);
    List<Instant> issued =
        IssuanceJournal.times(
            server.files().state().resolve("audit").resolve("control-plane.jsonl"));
    for (PhaseTime phase : phases) {
      if (phase.name().equals("RENEW")) {
        renewals(phase, issued, fleet.certifyMicros());
      }
    }
    Map<String, Long> failures = fleet.failures();
    findings.put("failed_calls", failures);
    out.println("Failed calls: " + (failures.isEmpty() ? "none" : failures));
    findings.expect(failures.isEmpty(), "calls failed: " + failures);
    out.printf("Most memory of the server so far: %.0f MB RSS.%n", server.peakRssMegabytes());
    findings.put("server_peak_rss_mb", server.peakRssMegabytes());
  }

  private Map<String, Object> row(
      String label, double seconds, List<Sample> samples, Instant from, Instant to) {
    PhaseUsage usage = PhaseUsage.of(samples, from, to);
    out.printf(
        "%-12s %9.3f %9.2f %9.0f %9.0f %,9d %,9d %,9d%n",
        label,
        seconds,
        usage.cpuSeconds(),
        usage.peakRssMegabytes(),
        usage.peakHeapMegabytes(),
        usage.bundles(),
        usage.reports(),
        usage.certifies());
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("phase", label);
    row.put("seconds", seconds);
    row.put("usage", usage);
    return row;
  }

  private void renewals(PhaseTime renew, List<Instant> issued, long[] micros) {
    PerSecond perSecond = PerSecond.of(issued, renew.from(), renew.to());
    double ceiling = PerSecond.ceiling(proxies, window);
    out.printf(
        "%nCertify in Renew: %,d, %.1f a second, %,d in the second with the most; a window of %d s makes"
            + " %.1f a second, and at most %.0f are allowed.%n",
        perSecond.events(),
        perSecond.mean(),
        perSecond.peak(),
        window,
        (double) proxies / window,
        ceiling);
    findings.put("renew_certify", perSecond);
    findings.put("renew_certify_peak_allowed", ceiling);
    findings.expect(
        perSecond.peak() <= ceiling,
        perSecond.peak() + " certificates in a second of Renew: expected at most " + ceiling);
    double p50 = percentile(micros, 0.5);
    double p99 = percentile(micros, 0.99);
    double longest = percentile(micros, 1);
    out.printf(
        "Renewal as proxies see it, with the TLS handshake: p50 %.1f ms, p99 %.1f ms, longest %.1f"
            + " ms.%n",
        p50, p99, longest);
    findings.put("renewal_p50_ms", p50);
    findings.put("renewal_p99_ms", p99);
    findings.put("renewal_longest_ms", longest);
  }

  /**
   * The time that a part of the calls took at most, in ms; NaN without calls.
   *
   * @param micros sorted
   * @param part 0 to 1
   */
  static double percentile(long[] micros, double part) {
    if (micros.length == 0) {
      return Double.NaN;
    }
    int index = (int) Math.ceil(micros.length * part) - 1;
    return micros[Math.max(0, index)] / MICROS_PER_MILLI;
  }

  /** What the server knows in the end, and what the proxies do. */
  private void prove(Fleet fleet, JsonNode status) throws IOException, InterruptedException {
    List<JsonNode> inForce = new ArrayList<>();
    for (JsonNode anchor : status.path("anchors")) {
      if (anchor.path("state").asText().equals("in-force")) {
        inForce.add(anchor);
      }
    }
    if (inForce.size() != 1) {
      findings.miss("anchors in force in the end: " + inForce);
      return;
    }
    String anchor = inForce.getFirst().path("sha256").asText();
    Fleet.Serving serving = fleet.serving(anchor);
    JsonNode adoption = status.path("adoption");
    int adopted = adoption.path("adopted").asInt();
    int leaves = inForce.getFirst().path("leaves").path("live").asInt();
    Fleet.State state = fleet.state();
    out.printf(
        "%nBy the server: %,d proxies live, %,d acknowledged the last bundle, %,d leaves under the new"
            + " anchor.%n",
        adoption.path("live").asInt(), adopted, leaves);
    out.printf(
        "By the proxies: %,d serve a leaf that verifies under the new anchor, %,d trust it alone.%n",
        serving.serving(), serving.trusting());
    findings.put("adopted", adopted);
    findings.put("leaves_under_new_anchor", leaves);
    findings.put("serving_under_new_anchor", serving.serving());
    findings.put("trusting_new_anchor_alone", serving.trusting());
    findings.expect(adopted == proxies, adopted + " proxies acknowledged the last bundle");
    findings.expect(leaves == proxies, leaves + " leaves are under the new anchor");
    findings.expect(
        serving.serving() == proxies,
        serving.serving() + " proxies serve a leaf under the new anchor");
    findings.expect(
        serving.trusting() == proxies, serving.trusting() + " proxies trust the new anchor alone");
    findings.expect(state.lost() == 0, "the certificates of " + state.lost() + " proxies ran out");
  }
}
