package io.signetmesh.bench.node;

import io.signetmesh.bench.ProcessUsage;
import io.signetmesh.bench.RunDirectory;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command {@code bench/run node}. */
@Command(
    name = "node",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures what one process takes with more and more workloads, each with its own leaf, its own"
          + " policy and ten open connections: memory, threads, and CPU while nothing is sent.",
      "The control plane runs in another process."
    },
    footer = {
      "",
      "Exit codes: 0 measured; 1 uploads did harm to others, or a workload joined too slowly;",
      "2 usage; 70 something broke.",
      "",
      "Example:",
      "  bench/run node --workloads 1,10,100",
      "  bench/run node --uploads 50",
      "  bench/run node --join 10"
    })
public final class NodeBench implements Callable<Integer> {
  private static final int MOST = 100;
  private static final int WARM_WORKLOADS = 10;
  private static final int WARM_REQUESTS = 9_000;
  private static final int FIRST_REQUESTS = 1_000;
  private static final long FIRST_ANSWER_MICROS = 100_000;
  private static final int CONNECTIONS = 10;
  private static final long SETTLE_MILLIS = 12_000;
  private static final long IDLE_MILLIS = 10_000;

  @Option(
      names = "--workloads",
      paramLabel = "N",
      split = ",",
      description = "Numbers of workloads, 1 to 100 each. Default: 1,10,100.")
  private List<Integer> counts = List.of(1, 10, 100);

  @Option(
      names = "--uploads",
      paramLabel = "N",
      description =
          "Instead: N uploads of 100 MB, 1 to 1000, to an application of one of ten workloads that"
              + " reads nothing, and the latency of requests to another one.")
  private int uploads;

  @Option(
      names = "--join",
      paramLabel = "N",
      description =
          "Instead: N workloads, 1 to 50, join a process one after the other that has ten with"
              + " traffic: time from the announcement to the first answer, and the latency of the"
              + " first 1,000 requests beside that of a workload that is there.")
  private int joins;

  @Option(
      names = "--hold",
      description = "After each measurement, wait until a file 'go' appears in its directory.")
  private boolean hold;

  @Option(
      names = "--keep",
      paramLabel = "DIR",
      description = "Keep configurations and logs of the run in DIR, which must not exist.")
  private @Nullable Path keep;

  @Spec private CommandSpec spec = CommandSpec.create();

  private final ProcessUsage usage = new ProcessUsage(Path.of("/proc"));

  @Override
  public Integer call() throws Exception {
    for (int count : counts) {
      if (count < 1 || count > MOST) {
        throw new ParameterException(
            spec.commandLine(), "--workloads " + count + ": expected 1 to " + MOST);
      }
    }
    if (uploads < 0 || uploads > 1_000) {
      throw new ParameterException(
          spec.commandLine(), "--uploads " + uploads + ": expected 1 to 1000");
    }
    if (joins < 0 || joins > 50) {
      throw new ParameterException(spec.commandLine(), "--join " + joins + ": expected 1 to 50");
    }
    PrintStream out = System.out;
    if (joins > 0) {
      return join(out);
    }
    if (uploads > 0) {
      return flood(out);
    }
    out.println("| workloads | RSS, MB | PSS, MB | threads | CPU idle, % |");
    out.println("|---:|---:|---:|---:|---:|");
    try (RunDirectory run = RunDirectory.open("node", keep)) {
      for (int count : counts) {
        measure(Files.createDirectory(run.path().resolve(Integer.toString(count))), count, out);
      }
    }
    return 0;
  }

  /** Exit code 1 when the neighbours' p99 has more than doubled, or the budget was exceeded. */
  private int flood(PrintStream out) throws Exception {
    try (RunDirectory run = RunDirectory.open("node", keep);
        NodeMesh mesh = new NodeMesh(10, 10, run.path());
        UploadFlood flood = new UploadFlood(mesh)) {
      double before = usage.rssMegabytes(List.of(mesh.pid()));
      UploadFlood.Result result = flood.run(uploads);
      out.printf(
          Locale.ROOT,
          "p99 of the neighbours: %.2f ms before, %.2f ms during %d uploads; %d failed%n"
              + "taken of the uploads: %.1f MB; buffers at most %.1f of %.1f MB;"
              + " RSS %.1f MB before, %.1f MB at most%n",
          result.p99Before() / 1e3,
          result.p99During() / 1e3,
          uploads,
          result.failed(),
          result.sent() / 1048576.0,
          result.held() / 1048576.0,
          result.limit() / 1048576.0,
          before,
          usage.peakRssMegabytes(mesh.pid()));
      boolean kept =
          result.failed() == 0
              && result.held() <= result.limit()
              && result.p99During() <= 2 * result.p99Before();
      return kept ? 0 : 1;
    }
  }

  /** Exit code 1 when the median is slower than the limits, 100 ms and twice the warm p99. */
  private int join(PrintStream out) throws Exception {
    int all = WARM_WORKLOADS + joins;
    try (RunDirectory run = RunDirectory.open("node", keep);
        NodeMesh mesh = new NodeMesh(all, WARM_WORKLOADS, run.path())) {
      Requests requests = new Requests(Duration.ofMillis(4));
      // The last of those that are there calls one that is not.
      for (int i = 0; i < WARM_WORKLOADS - 1; i++) {
        requests.send(mesh.entry(i), WARM_REQUESTS / (WARM_WORKLOADS - 1));
      }
      List<Long> firsts = new ArrayList<>();
      List<Double> ratios = new ArrayList<>();
      out.println(
          "| join | bound, ms | ready, ms | first answer, ms | p99 of the first 1,000, ms"
              + " | warm p99, ms |");
      out.println("|---:|---:|---:|---:|---:|---:|");
      for (int joined = WARM_WORKLOADS; joined < all; joined++) {
        long warm = Requests.p99(requests.send(mesh.entry(0), 2 * FIRST_REQUESTS));
        mesh.announcement(joined);
        long begin = System.nanoTime();
        long bound = mesh.join(joined) - begin;
        final long ready = System.nanoTime() - begin;
        // Through the proxy of the workload before: what the new one serves.
        requests.awaitAnswer(mesh.entry(joined - 1));
        long first = (System.nanoTime() - begin) / 1_000;
        long[] micros = requests.send(mesh.entry(joined - 1), FIRST_REQUESTS);
        if (micros.length < FIRST_REQUESTS) {
          out.println((FIRST_REQUESTS - micros.length) + " of the first requests failed");
          return 1;
        }
        long p99 = Requests.p99(micros);
        firsts.add(first);
        ratios.add((double) p99 / warm);
        out.printf(
            Locale.ROOT,
            "| %d | %.1f | %.1f | %.1f | %.2f | %.2f |%n",
            joined - WARM_WORKLOADS + 1,
            bound / 1e6,
            ready / 1e6,
            first / 1e3,
            p99 / 1e3,
            warm / 1e3);
      }
      Collections.sort(firsts);
      Collections.sort(ratios);
      long first = firsts.get(firsts.size() / 2);
      double ratio = ratios.get(ratios.size() / 2);
      out.printf(
          Locale.ROOT, "median: %.1f ms to the first answer, %.2f of warm%n", first / 1e3, ratio);
      return first <= FIRST_ANSWER_MICROS && ratio <= 2 ? 0 : 1;
    }
  }

  private void measure(Path directory, int count, PrintStream out) throws Exception {
    try (NodeMesh mesh = new NodeMesh(count, count, directory)) {
      List<Long> pid = List.of(mesh.pid());
      mesh.connect(CONNECTIONS);
      Thread.sleep(SETTLE_MILLIS);
      long before = usage.cpuMicros(pid);
      Thread.sleep(IDLE_MILLIS);
      long cpu = usage.cpuMicros(pid) - before;
      out.printf(
          Locale.ROOT,
          "| %d | %.1f | %.1f | %d | %.2f |%n",
          count,
          usage.rssMegabytes(pid),
          usage.pssMegabytes(pid),
          threads(mesh.pid()),
          cpu / 10.0 / IDLE_MILLIS);
      while (hold && !Files.exists(directory.resolve("go"))) {
        Thread.sleep(500);
      }
    }
  }

  private static long threads(long pid) throws IOException {
    try (Stream<Path> tasks = Files.list(Path.of("/proc", Long.toString(pid), "task"))) {
      return tasks.count();
    }
  }
}
