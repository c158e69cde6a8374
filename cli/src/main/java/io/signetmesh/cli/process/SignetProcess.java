package io.signetmesh.cli.process;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A {@code signet} command in a process of its own, started by {@code ./signet} without another
 * look at the build. Its output goes to a file. The process ends by itself when the one that
 * started it is gone, however that one ended.
 */
public final class SignetProcess implements AutoCloseable {
  /** Set in the environment of every child: leave when standard input ends. */
  static final String TIED = "SIGNET_TIED_TO_PARENT";

  private static final Duration STOP_TIME = Duration.ofSeconds(5);
  private static final int TAIL_BYTES = 64 * 1024;

  private final String name;
  private final Process process;
  private final Path log;

  private SignetProcess(String name, Process process, Path log) {
    this.name = name;
    this.process = process;
    this.log = log;
  }

  /**
   * Starts a command.
   *
   * @param name what the process is called in messages
   * @param log file for standard output and error, appended to
   * @param environment added to this process's environment
   * @param arguments of {@code signet}
   * @throws IOException when there is no launcher or it cannot be run
   */
  public static SignetProcess start(
      String name, Path log, Map<String, String> environment, List<String> arguments)
      throws IOException {
    List<String> line = new ArrayList<>();
    line.add(launcher().toString());
    line.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(line);
    builder.environment().put("SIGNET_NO_BUILD", "1");
    builder.environment().put(TIED, "1");
    builder.environment().putAll(environment);
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    return new SignetProcess(name, builder.start(), log);
  }

  /**
   * The {@code signet} script: named by {@code SIGNET_LAUNCHER}, as the script does for what it
   * starts, else found in the working directory or above it, as tests need it.
   */
  public static Path launcher() throws IOException {
    String named = System.getenv("SIGNET_LAUNCHER");
    if (named != null) {
      return Path.of(named);
    }
    for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
      Path script = at.resolve("signet");
      if (Files.isRegularFile(script) && Files.isExecutable(script)) {
        return script;
      }
    }
    throw new IOException(
        "cannot start a further Signet process: SIGNET_LAUNCHER is not set and no executable"
            + " 'signet' is in "
            + Path.of("").toAbsolutePath()
            + " or above it");
  }

  /**
   * Ends this process when its standard input ends, if it was started by {@link #start}. Called
   * once by {@code main}.
   */
  public static void leaveWithParent() {
    if (System.getenv(TIED) == null) {
      return;
    }
    Thread.ofPlatform()
        .daemon()
        .name("parent-watch")
        .start(
            () -> {
              try (InputStream in = System.in) {
                while (in.read() >= 0) {
                  // The parent sends nothing; only the end matters.
                }
              } catch (IOException e) {
                // A broken pipe is an end too.
              }
              Runtime.getRuntime().exit(0);
            });
  }

  /** What the process is called in messages. */
  public String name() {
    return name;
  }

  /** Process id; the launcher replaces itself by the JVM, so it is the JVM's. */
  public long pid() {
    return process.pid();
  }

  /** File with everything the process printed. */
  public Path log() {
    return log;
  }

  /** Whether it still runs. */
  public boolean isAlive() {
    return process.isAlive();
  }

  /**
   * Exit code.
   *
   * @throws IllegalThreadStateException while it still runs
   */
  public int exitCode() {
    return process.exitValue();
  }

  /** Waits for the end; false when the process still runs after {@code limit}. */
  public boolean awaitExit(Duration limit) throws InterruptedException {
    return process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** Asks the process to end (SIGTERM), without waiting. */
  public void terminate() {
    process.destroy();
  }

  /** Ends the process at once (SIGKILL) and waits until it is gone. */
  public void kill() {
    process.destroyForcibly();
    awaitQuietly();
  }

  /** SIGTERM, and SIGKILL when that has not helped within five seconds. */
  @Override
  public void close() {
    process.destroy();
    if (!awaitQuietly()) {
      process.destroyForcibly();
      awaitQuietly();
    }
  }

  private boolean awaitQuietly() {
    try {
      return process.waitFor(STOP_TIME.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      return true;
    }
  }

  /** The last lines that the process printed. */
  public List<String> lastLines(int count) {
    try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "r")) {
      long from = Math.max(0, file.length() - TAIL_BYTES);
      file.seek(from);
      byte[] bytes = new byte[(int) (file.length() - from)];
      file.readFully(bytes);
      ArrayDeque<String> lines = new ArrayDeque<>();
      new String(bytes, StandardCharsets.UTF_8)
          .lines()
          .forEach(
              line -> {
                if (lines.size() == count) {
                  lines.removeFirst();
                }
                lines.addLast(line);
              });
      return List.copyOf(lines);
    } catch (IOException e) {
      return List.of("(" + log + " cannot be read: " + e.getMessage() + ")");
    }
  }
}
