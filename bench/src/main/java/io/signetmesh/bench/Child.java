package io.signetmesh.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A process of the benchmark; ended when it is closed. */
public final class Child implements AutoCloseable {
  private static final int TAIL_LINES = 15;

  private final String name;
  private final Process process;
  private final Path log;

  private Child(String name, Process process, Path log) {
    this.name = name;
    this.process = process;
    this.log = log;
  }

  /** Starts a program whose output goes to {@code log}. */
  public static Child start(
      String name, List<String> command, Map<String, String> environment, Path log)
      throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    Process process = builder.start();
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    return new Child(name, process, log);
  }

  /**
   * Runs a program to its end and returns what it printed.
   *
   * @throws IOException when it fails or takes longer than {@code limit}
   */
  public static String output(String name, List<String> command, Duration limit, Path log)
      throws IOException, InterruptedException {
    Path out = Files.createTempFile(log.toAbsolutePath().getParent(), name, ".out");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
    Thread stop = new Thread(process::destroyForcibly);
    Runtime.getRuntime().addShutdownHook(stop);
    try {
      boolean ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
      String text = Files.readString(out, StandardCharsets.UTF_8);
      if (!ended) {
        throw new IOException(name + " did not end within " + limit.toSeconds() + " s");
      }
      if (process.exitValue() != 0) {
        throw new IOException(name + " ended with " + process.exitValue() + ": " + text.strip());
      }
      return text;
    } finally {
      process.destroyForcibly().waitFor();
      Runtime.getRuntime().removeShutdownHook(stop);
      Files.deleteIfExists(out);
    }
  }

  public long pid() {
    return process.pid();
  }

  /** Throws when the process has ended, with the end of its log. */
  public void expectAlive() throws IOException {
    if (!process.isAlive()) {
      throw new IOException(
          name + " ended with " + process.exitValue() + "; end of its log:\n" + tail());
    }
  }

  /** Ends the process as a crash does. */
  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  String tail() throws IOException {
    ArrayDeque<String> last = new ArrayDeque<>();
    for (String line : Files.readAllLines(log, StandardCharsets.UTF_8)) {
      last.addLast(line);
      if (last.size() > TAIL_LINES) {
        last.removeFirst();
      }
    }
    return String.join("\n", last);
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
