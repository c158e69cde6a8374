package io.signetmesh.bench.fleet;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;
import java.util.stream.LongStream;

/** The processes that play proxies ({@link ProxyFleet}). */
public final class Fleet implements AutoCloseable {
  /** Service accounts: several proxies share one, as replicas do. */
  private static final int ACCOUNTS = 1_000;

  /** Clients without credentials at the same time in a process, when not all start at once. */
  public static final int JOINING = 24;

  private static final Duration LOOK = Duration.ofMillis(100);

  private static final Duration ANSWER = Duration.ofMinutes(5);

  private final List<Driver> drivers = new ArrayList<>();

  private Fleet() {}

  /**
   * What all proxies together have come to. The last four count since {@link #count}.
   *
   * @param certified proxies that have had a certificate
   * @param ready proxies that have had the trust bundle and the revocation list, too
   * @param again proxies with another certificate than the one at the last mark
   * @param lost proxies whose certificate has run out
   * @param failures attempts that got no certificate
   * @param refreshes certificates
   * @param bundles trust bundle messages received
   * @param reports trust reports sent
   * @param certifies Certify requests sent
   * @param failed Certify calls that failed, and trust bundle streams that ended
   */
  public record State(
      long certified,
      long ready,
      long again,
      long lost,
      long failures,
      long refreshes,
      long bundles,
      long reports,
      long certifies,
      long failed) {}

  /**
   * What proxies serve and trust.
   *
   * @param serving proxies whose leaf verifies under the anchor
   * @param trusting proxies that trust that anchor and no other
   */
  public record Serving(long serving, long trusting) {}

  static int account(int proxy) {
    return proxy % ACCOUNTS;
  }

  /** The identity of a service account. */
  public static WorkloadIdentity identity(int account) {
    return CaFiles.NAMES.identity("shop-" + account / 50, "app-" + account);
  }

  /**
   * Starts the processes; the proxies in them do nothing yet.
   *
   * @param proxies number of proxies in all processes
   */
  public static Fleet start(CaProcess server, int proxies, int processes, Path directory)
      throws IOException, PkiException, InterruptedException {
    Path tokens = Files.createDirectory(directory.resolve("tokens"));
    for (int i = 0; i < Math.min(ACCOUNTS, proxies); i++) {
      server.files().issueToken(tokens.resolve(Integer.toString(i)), identity(i));
    }
    Path anchors =
        Files.copy(server.files().anchors(), directory.resolve("configured-anchors.pem"));
    Fleet fleet = new Fleet();
    try {
      for (int i = 0; i < processes; i++) {
        int first = (int) ((long) proxies * i / processes);
        int end = (int) ((long) proxies * (i + 1) / processes);
        fleet.drivers.add(
            new Driver(
                List.of(
                    "127.0.0.1:" + server.address().getPort(),
                    anchors.toString(),
                    tokens.toString(),
                    Integer.toString(first),
                    Integer.toString(end - first)),
                directory.resolve("proxies-" + i + ".log")));
      }
      fleet.tell("warm", "warm");
      return fleet;
    } catch (IOException | InterruptedException e) {
      fleet.close();
      throw e;
    }
  }

  /** Gives a command to all and waits for their answers. */
  public void tell(String command, String answer) throws IOException, InterruptedException {
    for (Driver driver : drivers) {
      driver.tell(command);
    }
    for (Driver driver : drivers) {
      String line = driver.answer();
      if (!line.equals(answer)) {
        throw new IOException("a fleet answers '" + line + "': expected '" + answer + "'");
      }
    }
  }

  /** The times of all proxies in milliseconds since the epoch, sorted; 0 for never. */
  public long[] times(String which) throws IOException, InterruptedException {
    LongStream all = LongStream.empty();
    for (List<String> fields : ask(which)) {
      all = LongStream.concat(all, fields.stream().mapToLong(Long::parseLong));
    }
    return all.sorted().toArray();
  }

  /** Has calls counted from now on. */
  public void count() throws IOException, InterruptedException {
    tell("count", "counting");
  }

  /** What the answered Certify calls took since {@link #count}, in microseconds, sorted. */
  public long[] certifyMicros() throws IOException, InterruptedException {
    return times("calls");
  }

  /** Calls that failed since {@link #count}, by call and status. */
  public Map<String, Long> failures() throws IOException, InterruptedException {
    Map<String, Long> all = new TreeMap<>();
    for (List<String> fields : ask("failures")) {
      for (String field : fields) {
        int equals = field.lastIndexOf('=');
        all.merge(
            field.substring(0, equals), Long.parseLong(field.substring(equals + 1)), Long::sum);
      }
    }
    return all;
  }

  /**
   * What the proxies serve and trust.
   *
   * @param anchor SHA-256 of a trust anchor, lower-case hexadecimal
   */
  public Serving serving(String anchor) throws IOException, InterruptedException {
    long serving = 0;
    long trusting = 0;
    for (List<String> fields : ask("serving " + anchor)) {
      serving += Long.parseLong(fields.get(0));
      trusting += Long.parseLong(fields.get(1));
    }
    return new Serving(serving, trusting);
  }

  /** The answers of all processes to a command, without their first word. */
  private List<List<String>> ask(String command) throws IOException, InterruptedException {
    for (Driver driver : drivers) {
      driver.tell(command);
    }
    List<List<String>> answers = new ArrayList<>();
    for (Driver driver : drivers) {
      answers.add(Arrays.stream(driver.answer().split(" ", -1)).skip(1).toList());
    }
    return answers;
  }

  /** The state as it was at most 100 ms ago. */
  public State state() throws IOException {
    Map<String, Long> sum = new HashMap<>();
    for (Driver driver : drivers) {
      driver.state().forEach((name, count) -> sum.merge(name, count, Long::sum));
    }
    return new State(
        sum.getOrDefault("certified", 0L),
        sum.getOrDefault("ready", 0L),
        sum.getOrDefault("again", 0L),
        sum.getOrDefault("lost", 0L),
        sum.getOrDefault("failures", 0L),
        sum.getOrDefault("refreshes", 0L),
        sum.getOrDefault("bundles", 0L),
        sum.getOrDefault("reports", 0L),
        sum.getOrDefault("certifies", 0L),
        sum.getOrDefault("failed", 0L));
  }

  /**
   * Waits until a count of the state has come to a number.
   *
   * @return whether it has within the limit
   */
  public boolean await(ToLongFunction<State> count, long number, Duration limit)
      throws IOException, InterruptedException {
    long end = System.nanoTime() + limit.toNanos();
    while (count.applyAsLong(state()) < number) {
      if (System.nanoTime() - end > 0) {
        return false;
      }
      Thread.sleep(LOOK);
    }
    return true;
  }

  @Override
  public void close() {
    drivers.forEach(Driver::close);
  }

  /** One process. */
  private static final class Driver {
    private final Process process;
    private final PrintStream commands;
    private final BlockingQueue<String> answers = new ArrayBlockingQueue<>(16);
    private volatile Map<String, Long> state = Map.of();

    Driver(List<String> arguments, Path log) throws IOException {
      List<String> command =
          new ArrayList<>(
              List.of(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "--enable-native-access=ALL-UNNAMED",
                  "--sun-misc-unsafe-memory-access=allow",
                  "-Dlogback.configurationFile=bench-logback.xml",
                  "-Dio.netty.leakDetection.level=disabled",
                  "-XX:+UseSerialGC",
                  // Short runs: what is compiled well is not worth its compilation.
                  "-XX:TieredStopAtLevel=1",
                  "-XX:+UseCompactObjectHeaders",
                  "-XX:-UsePerfData",
                  "-Xms512m",
                  "-Xmx3g",
                  "-Xmn256m",
                  "-Xss256k",
                  "-cp",
                  System.getProperty("java.class.path"),
                  ProxyFleet.class.getName()));
      command.addAll(arguments);
      process =
          new ProcessBuilder(command)
              .redirectError(ProcessBuilder.Redirect.to(log.toFile()))
              .start();
      Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
      commands = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
      Thread.ofPlatform().daemon().name("fleet").start(this::read);
    }

    private void read() {
      try (BufferedReader in =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
        String line;
        while ((line = in.readLine()) != null) {
          if (line.startsWith("state ")) {
            Map<String, Long> read = new HashMap<>();
            for (String field : line.substring(6).split(" ", -1)) {
              int equals = field.indexOf('=');
              read.put(field.substring(0, equals), Long.parseLong(field.substring(equals + 1)));
            }
            state = read;
          } else {
            answers.put(line);
          }
        }
      } catch (IOException e) {
        // The process has ended, which whoever waits for it finds out.
        return;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    void tell(String command) {
      commands.println(command);
    }

    String answer() throws IOException, InterruptedException {
      String line = answers.poll(ANSWER.toSeconds(), TimeUnit.SECONDS);
      if (line == null) {
        throw new IOException("a fleet of proxies does not answer");
      }
      return line;
    }

    Map<String, Long> state() throws IOException {
      if (!process.isAlive()) {
        throw new IOException("a fleet of proxies has ended with " + process.exitValue());
      }
      return state;
    }

    void close() {
      process.destroyForcibly();
    }
  }
}
