package io.signetmesh.bench.restart;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.signetmesh.bench.Backend;
import io.signetmesh.bench.Tool;
import java.io.IOException;
import java.io.PrintStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command {@code bench/run restart}. */
@Command(
    name = "restart",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures the start of one proxy, and what eight clients over HTTP/1.1 notice when it is stopped"
          + " and started again, and when it is replaced by another process: Signet ('signet proxy"
          + " --replace') beside HAProxy (-x, -sf). The clients repeat nothing.",
      "",
      "Goal: no request fails while the proxy is replaced."
    },
    footer = {
      "",
      "Exit codes: 0 the goal is met; 1 it is missed; 2 usage; 69 a program is missing; 70 something"
          + " broke.",
      "",
      "Examples:",
      "  bench/run restart --json restart.json",
      "  bench/run restart --rounds 5 --busy 4"
    })
public final class RestartBench implements Callable<Integer> {
  private static final int MISSING = 69;
  private static final int BROKEN = 70;
  private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(90);
  private static final long LOOK_MILLIS = 2;

  @Option(
      names = "--system",
      paramLabel = "NAME",
      split = ",",
      description = "signet, haproxy; may be repeated. Both by default.")
  private @Nullable List<String> systems;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Rounds of each system, 1 to 100. Default: ${DEFAULT-VALUE}.")
  private int rounds = 3;

  @Option(
      names = "--warm",
      paramLabel = "N",
      description =
          "Seconds for which the clients call before each restart, 1 to 120. Default:"
              + " ${DEFAULT-VALUE}.")
  private int warm = 5;

  @Option(
      names = "--busy",
      paramLabel = "N",
      description = "Threads that keep the CPUs busy all the time, 0 to 64. Default: none.")
  private int busy;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the result to FILE as well, one object for each round and system.")
  private @Nullable Path json;

  private final PrintStream progress = System.err;

  /** Made by picocli. */
  public RestartBench() {}

  /**
   * One round of a system; times in ms.
   *
   * @param listening from the start of the process to its taking a connection
   * @param answer from the start of the process to its first answer
   * @param restart what clients noticed of stop and start
   * @param replacing from the start of the successor to the end of the process before
   * @param replace what clients noticed of that
   */
  record Result(
      String system,
      double listening,
      double answer,
      Clients.Seen restart,
      double replacing,
      Clients.Seen replace) {}

  @Override
  public Integer call() throws Exception {
    List<Subject.Make> makes = new ArrayList<>(List.of(HaproxySubject.MAKE, SignetSubject.MAKE));
    List<String> wanted = systems;
    if (wanted != null) {
      makes.removeIf(make -> !wanted.contains(make.name()));
      if (makes.size() != wanted.size()) {
        progress.println("bench: --system " + wanted + ": expected signet or haproxy");
        return 2;
      }
    }
    if (rounds < 1 || rounds > 100 || warm < 1 || warm > 120 || busy < 0 || busy > 64) {
      progress.println("bench: --rounds must be 1 to 100, --warm 1 to 120 and --busy 0 to 64");
      return 2;
    }
    List<Tool> tools = new ArrayList<>(Backend.TOOLS);
    tools.add(new Tool("haproxy", "haproxy"));
    for (Tool tool : tools) {
      if (!tool.installed()) {
        progress.println(
            "bench: "
                + tool.program()
                + " is not installed (Debian package "
                + tool.debianPackage()
                + ")");
        return MISSING;
      }
    }
    for (int i = 0; i < busy; i++) {
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                while (true) {
                  Thread.onSpinWait();
                }
              });
    }
    List<Result> results = new ArrayList<>();
    Path directory = Files.createTempDirectory("signet-bench");
    try (Backend backend = Backend.start(directory)) {
      for (int round = 1; round <= rounds; round++) {
        for (Subject.Make make : makes) {
          Path own = Files.createDirectory(directory.resolve(make.name() + "-" + round));
          Result result = measure(make, backend, own);
          results.add(result);
          progress.printf(
              Locale.ROOT,
              "bench:   round %d %s: listens after %.0f ms, restart %d failed, replaced %d failed%n",
              round,
              make.name(),
              result.listening(),
              result.restart().failures(),
              result.replace().failures());
        }
      }
    } catch (IOException e) {
      progress.println("bench: " + e.getMessage());
      return BROKEN;
    } finally {
      delete(directory);
    }
    if (json != null) {
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .writeValue(json.toFile(), results);
    }
    return report(makes, results) ? 0 : 1;
  }

  private Result measure(Subject.Make make, Backend backend, Path directory)
      throws IOException, InterruptedException {
    try (Subject subject = make.prepare(backend, directory)) {
      long started = System.nanoTime();
      subject.start();
      await(subject, "takes connections", () -> connects(subject));
      double listening = (System.nanoTime() - started) / 1e6;
      await(subject, "answers", () -> answers(subject));
      final double answer = (System.nanoTime() - started) / 1e6;
      try (Clients clients = Clients.start(subject.address())) {
        TimeUnit.SECONDS.sleep(warm);
        clients.take();
        subject.stop();
        subject.start();
        await(subject, "answers again", () -> answers(subject));
        settle();
        final Clients.Seen restart = clients.take();
        TimeUnit.SECONDS.sleep(warm);
        clients.take();
        long replaced = System.nanoTime();
        subject.replace();
        subject.awaitReplaced();
        final double replacing = (System.nanoTime() - replaced) / 1e6;
        settle();
        Clients.Seen replace = clients.take();
        subject.expectAlive();
        return new Result(make.name(), listening, answer, restart, replacing, replace);
      }
    }
  }

  /** What happened a moment ago is seen by all clients after this. */
  private static void settle() throws InterruptedException {
    TimeUnit.MILLISECONDS.sleep(500);
  }

  private interface Question {
    boolean yes();
  }

  private static void await(Subject subject, String what, Question question)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + LIMIT_NANOS;
    while (!question.yes()) {
      subject.expectAlive();
      if (System.nanoTime() - deadline > 0) {
        throw new IOException("not within 90 s: the proxy " + what);
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
    }
  }

  private static boolean connects(Subject subject) {
    try (Socket socket = new Socket()) {
      socket.connect(subject.address(), 1_000);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean answers(Subject subject) {
    try (Clients.Connection connection = new Clients.Connection(subject.address())) {
      connection.ask();
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** Prints medians; failures are summed. True when the goal is met. */
  private boolean report(List<Subject.Make> makes, List<Result> results) {
    System.out.printf(
        "%d rounds; %d CPUs; %d threads keep them busy%n%n",
        rounds, Runtime.getRuntime().availableProcessors(), busy);
    System.out.printf(
        "%-9s %-9s %10s %10s %9s %9s %9s %11s%n",
        "system", "what", "listens ms", "answers ms", "requests", "failed", "gap ms", "slowest ms");
    for (Subject.Make make : makes) {
      List<Result> own =
          results.stream().filter(result -> result.system().equals(make.name())).toList();
      System.out.printf(
          Locale.ROOT,
          "%-9s %-9s %10.0f %10.0f%n",
          make.name(),
          "start",
          median(own, Result::listening),
          median(own, Result::answer));
      print(make.name(), "restart", own.stream().map(Result::restart).toList());
      print(make.name(), "replace", own.stream().map(Result::replace).toList());
      System.out.printf(
          Locale.ROOT,
          "%-9s           the process before has ended after %.0f ms%n",
          "",
          median(own, Result::replacing));
    }
    int failed =
        results.stream()
            .filter(result -> result.system().equals(SignetSubject.MAKE.name()))
            .mapToInt(result -> result.replace().failures())
            .sum();
    System.out.println();
    System.out.println(
        "gap: longest time in which no client had an answer, and slowest: from a request to its"
            + " answer; the worst of all rounds.");
    System.out.println(
        failed == 0
            ? "Goal met: no request failed while Signet's proxy was replaced."
            : "GOAL MISSED: " + failed + " requests failed while Signet's proxy was replaced.");
    return failed == 0;
  }

  private static void print(String system, String what, List<Clients.Seen> seen) {
    System.out.printf(
        Locale.ROOT,
        "%-9s %-9s %10s %10s %9d %9d %9.0f %11.0f%n",
        system,
        what,
        "",
        "",
        seen.stream().mapToInt(Clients.Seen::requests).sum(),
        seen.stream().mapToInt(Clients.Seen::failures).sum(),
        seen.stream().mapToDouble(Clients.Seen::gapMillis).max().orElse(0),
        seen.stream().mapToDouble(Clients.Seen::slowestMillis).max().orElse(0));
  }

  private static double median(List<Result> results, ToDoubleFunction<Result> figure) {
    double[] sorted = results.stream().mapToDouble(figure).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> walk = Files.walk(directory)) {
      for (Path path : walk.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }
}
