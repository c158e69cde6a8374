package io.signetmesh.bench.abuse;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.signetmesh.bench.ProcessUsage;
import io.signetmesh.bench.Tool;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The command {@code bench/run abuse}. */
@Command(
    name = "abuse",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Attacks one proxy from one address and measures what eight honest clients at another address"
          + " notice: Signet, with policy, metrics and audit on, beside HAProxy with the timeouts that"
          + " its manual recommends. Each attack meets a new, warmed proxy.",
      "",
      "Goals, for each attack: the others' p99 is at most 5 times that of HAProxy in the same run"
          + " (at least 25 ms are granted); no more of their requests fail than through HAProxy;"
          + " 30 s later the proxy's memory is at most a quarter above what it was."
    },
    footer = {
      "",
      "Exit codes: 0 all goals are met; 1 a goal is missed; 2 usage; 69 a program is missing; 70"
          + " something broke.",
      "",
      "Examples:",
      "  bench/run abuse --json abuse.json",
      "  bench/run abuse --only rapid-reset,hpack-bomb --seconds 5"
    })
public final class AbuseBench implements Callable<Integer> {
  private static final double GOAL = 5;
  private static final double FLOOR_MICROS = 25_000;
  private static final double MEMORY_GOAL = 1.25;
  private static final int MISSING = 69;
  private static final String ATTACKER = "127.77.0.1";
  private static final String OTHERS = "127.77.0.2";
  private static final List<Tool> TOOLS =
      List.of(new Tool("nginx", "nginx-light"), new Tool("haproxy", "haproxy"));

  @Option(
      names = "--only",
      paramLabel = "ATTACK",
      split = ",",
      description = "Run this attack only; may be repeated. All by default.")
  private @Nullable List<String> only;

  @Option(
      names = "--system",
      paramLabel = "NAME",
      split = ",",
      description = "signet, haproxy; may be repeated. Both by default.")
  private @Nullable List<String> systems;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "Length of an attack, 3 to 120. Default: ${DEFAULT-VALUE}.")
  private int seconds = 15;

  @Option(
      names = "--warm",
      paramLabel = "N",
      description =
          "Seconds for which the others alone call first, 1 to 120. Default: ${DEFAULT-VALUE}.")
  private int warm = 10;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the result to FILE as well, one object for each attack and system.")
  private @Nullable Path json;

  private final ProcessUsage usage = new ProcessUsage(Path.of("/proc"));
  private final PrintStream progress = System.err;

  /** Made by picocli. */
  public AbuseBench() {}

  /**
   * What an attack did.
   *
   * @param beforeMegabytes resident memory of the proxy before the attack
   * @param peakMegabytes highest during it
   * @param afterMegabytes 30 s after it
   * @param cpuPercent CPU time of the proxy during it, in parts of one CPU
   * @param died whether the process had ended
   */
  record Result(
      String attack,
      String system,
      int requests,
      int failures,
      double p50Micros,
      double p99Micros,
      double maxMicros,
      double beforeMegabytes,
      double peakMegabytes,
      double afterMegabytes,
      double cpuPercent,
      boolean died) {}

  @Override
  public Integer call() throws Exception {
    List<Attack> attacks = choose(only, List.of(Attack.values()), Attack::label, "--only");
    List<Subject.Make> makes =
        choose(
            systems,
            List.of(HaproxySubject.MAKE, SignetSubject.MAKE),
            Subject.Make::name,
            "--system");
    if (seconds < 3 || seconds > 120 || warm < 1 || warm > 120) {
      progress.println("bench: --seconds must be 3 to 120 and --warm 1 to 120");
      return 2;
    }
    List<Tool> missing = TOOLS.stream().filter(tool -> !tool.installed()).toList();
    if (!missing.isEmpty()) {
      missing.forEach(
          tool ->
              progress.println(
                  "bench: "
                      + tool.program()
                      + " is not installed (Debian package "
                      + tool.debianPackage()
                      + ")"));
      return MISSING;
    }
    Map<Attack, List<Result>> results = new LinkedHashMap<>();
    List<String> misses = new ArrayList<>();
    print(
        "attack",
        "system",
        "p50 ms",
        "p99 ms",
        "max ms",
        "failed",
        "MB before",
        "peak",
        "after",
        "CPU %");
    for (Attack attack : attacks) {
      progress.println("bench: " + attack.label() + ": " + attack.description());
      List<Result> row = new ArrayList<>();
      for (Subject.Make make : makes) {
        Result result = attacked(attack, make);
        row.add(result);
        print(result);
      }
      results.put(attack, row);
      misses.addAll(misses(row));
    }
    if (json != null) {
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .writeValue(json.toFile(), results.values().stream().flatMap(List::stream).toList());
    }
    misses.forEach(miss -> System.out.println("missed: " + miss));
    if (misses.isEmpty() && makes.size() > 1) {
      System.out.println("All goals are met.");
    }
    return misses.isEmpty() ? 0 : 1;
  }

  private <T> List<T> choose(
      @Nullable List<String> wanted, List<T> all, Function<T, String> name, String option) {
    if (wanted == null) {
      return all;
    }
    List<T> chosen = new ArrayList<>();
    for (String one : wanted) {
      chosen.add(
          all.stream()
              .filter(each -> name.apply(each).equals(one))
              .findFirst()
              .orElseThrow(
                  () ->
                      new ParameterException(
                          new CommandLine(this),
                          option
                              + " "
                              + one
                              + ": expected one of "
                              + String.join(", ", all.stream().map(name).toList()))));
    }
    return chosen;
  }

  private Result attacked(Attack attack, Subject.Make make)
      throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("signet-abuse");
    try (Application application =
            Application.start(Files.createDirectory(directory.resolve("app")));
        Subject subject =
            make.start(application, Files.createDirectory(directory.resolve(make.name())));
        Others others = Others.start(subject, InetAddress.getByName(OTHERS))) {
      TimeUnit.SECONDS.sleep(warm);
      Others.Figures alone = others.take();
      if (alone.requests() == alone.failures()) {
        subject.expectAlive();
        application.expectAlive();
        throw new IOException(make.name() + " serves nobody even without an attack");
      }
      List<Long> pid = List.of(subject.pid());
      double before = usage.rssMegabytes(pid);
      long cpu = usage.cpuMicros(pid);
      Peak peak = new Peak(usage, pid);
      long begun = System.nanoTime();
      try (Attack.Attacker attacker =
          new Attack.Attacker(
              InetAddress.getByName(ATTACKER), begun + TimeUnit.SECONDS.toNanos(seconds))) {
        Thread thread =
            Thread.ofPlatform()
                .daemon()
                .start(
                    () -> {
                      try {
                        attack.run(attacker, subject);
                      } catch (IOException refused) {
                        attacker.hold();
                      }
                    });
        while (System.nanoTime() - begun < TimeUnit.SECONDS.toNanos(seconds)) {
          peak.look();
          TimeUnit.MILLISECONDS.sleep(250);
        }
        thread.interrupt();
        thread.join();
      }
      Others.Figures during = others.take();
      during
          .reasons()
          .forEach(
              (reason, times) ->
                  progress.println("bench: " + make.name() + ": failed " + times + "×: " + reason));
      boolean died = isDead(subject);
      double cpuPercent =
          died
              ? 0
              : (usage.cpuMicros(pid) - cpu)
                  / (double) TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - begun)
                  * 100;
      TimeUnit.SECONDS.sleep(30);
      died |= isDead(subject);
      double after = died ? 0 : usage.rssMegabytes(pid);
      return new Result(
          attack.label(),
          make.name(),
          during.requests(),
          during.failures(),
          during.p50Micros(),
          during.p99Micros(),
          during.maxMicros(),
          before,
          peak.megabytes(),
          after,
          cpuPercent,
          died);
    } finally {
      delete(directory);
    }
  }

  private static boolean isDead(Subject subject) {
    try {
      subject.expectAlive();
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  private static List<String> misses(List<Result> row) {
    Result peer = row.stream().filter(r -> r.system().equals("haproxy")).findFirst().orElse(null);
    Result signet = row.stream().filter(r -> r.system().equals("signet")).findFirst().orElse(null);
    List<String> misses = new ArrayList<>();
    if (signet == null) {
      return misses;
    }
    if (signet.died()) {
      misses.add(signet.attack() + ": the proxy ended");
    }
    if (signet.afterMegabytes() > signet.beforeMegabytes() * MEMORY_GOAL) {
      misses.add(
          String.format(
              Locale.ROOT,
              "%s: memory went from %.0f to %.0f MB and stayed",
              signet.attack(),
              signet.beforeMegabytes(),
              signet.afterMegabytes()));
    }
    if (peer != null) {
      double limit = Math.max(GOAL * peer.p99Micros(), FLOOR_MICROS);
      if (signet.p99Micros() > limit) {
        misses.add(
            String.format(
                Locale.ROOT,
                "%s: p99 of the others is %.1f ms, the goal is %.1f ms",
                signet.attack(),
                signet.p99Micros() / 1000,
                limit / 1000));
      }
      if (signet.failures() > peer.failures()) {
        misses.add(
            signet.attack()
                + ": "
                + signet.failures()
                + " requests of the others failed, "
                + peer.failures()
                + " through HAProxy");
      }
    }
    return misses;
  }

  private static void print(Result result) {
    print(
        result.attack(),
        result.system(),
        millis(result.p50Micros()),
        millis(result.p99Micros()),
        millis(result.maxMicros()),
        result.failures() + "/" + result.requests(),
        whole(result.beforeMegabytes()),
        whole(result.peakMegabytes()),
        result.died() ? "dead" : whole(result.afterMegabytes()),
        whole(result.cpuPercent()));
  }

  private static void print(String... columns) {
    System.out.printf("%-16s %-8s %9s %9s %9s %11s %10s %7s %7s %6s%n", (Object[]) columns);
  }

  private static String millis(double micros) {
    return String.format(Locale.ROOT, "%.1f", micros / 1000);
  }

  private static String whole(double value) {
    return String.format(Locale.ROOT, "%.0f", value);
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> walk = Files.walk(directory)) {
      for (Path path : walk.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }

  /** Highest resident memory that was seen. */
  private static final class Peak {
    private final ProcessUsage usage;
    private final List<Long> pid;
    private double megabytes;

    Peak(ProcessUsage usage, List<Long> pid) {
      this.usage = usage;
      this.pid = pid;
    }

    void look() {
      try {
        megabytes = Math.max(megabytes, usage.rssMegabytes(pid));
      } catch (IOException ended) {
        // That the process has ended is told elsewhere.
        return;
      }
    }

    double megabytes() {
      return megabytes;
    }
  }
}
