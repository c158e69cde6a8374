package io.signetmesh.bench.identity;

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
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;

/** The processes that play proxies ({@link ProxyFleet}). */
final class Fleet implements AutoCloseable {
  /** Service accounts: several proxies share one, as replicas do. */
  private static final int ACCOUNTS = 1_000;

  private static final Duration ANSWER = Duration.ofMinutes(5);

  private final List<Driver> drivers = new ArrayList<>();

  private Fleet() {}

  /** What all proxies together have come to. */
  record State(long certified, long ready, long again, long lost, long failures, long refreshes) {}

  static int account(int proxy) {
    return proxy % ACCOUNTS;
  }

  static WorkloadIdentity identity(int account) {
    return CaFiles.NAMES.identity("shop-" + account / 50, "app-" + account);
  }

  /**
   * Starts the processes; the proxies in them do nothing yet.
   *
   * @param proxies number of proxies in all processes
   */
  static Fleet start(CaProcess server, int proxies, int processes, Path directory)
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
  void tell(String command, String answer) throws IOException, InterruptedException {
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
  long[] times(String which) throws IOException, InterruptedException {
    for (Driver driver : drivers) {
      driver.tell(which);
    }
    LongStream all = LongStream.empty();
    for (Driver driver : drivers) {
      String[] fields = driver.answer().split(" ", -1);
      all = LongStream.concat(all, Arrays.stream(fields).skip(1).mapToLong(Long::parseLong));
    }
    return all.sorted().toArray();
  }

  State state() throws IOException {
    long[] sum = new long[6];
    String[] names = {"certified", "ready", "again", "lost", "failures", "refreshes"};
    for (Driver driver : drivers) {
      Map<String, Long> state = driver.state();
      for (int i = 0; i < names.length; i++) {
        sum[i] += state.getOrDefault(names[i], 0L);
      }
    }
    return new State(sum[0], sum[1], sum[2], sum[3], sum[4], sum[5]);
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
