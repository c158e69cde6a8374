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
 * A {@code signet} command in a process of its own. The script {@code ./signet} starts it, without
 * checking the build again. Its output goes to a file. The process exits when the process that
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
   * @param name name of the process in messages
   * @param log file that standard output and standard error are appended to
   * @param environment additional environment variables
   * @param arguments arguments of {@code signet}
   * @throws IOException when the launcher is missing or cannot be run
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
   * The {@code signet} script. The environment variable {@code SIGNET_LAUNCHER} names it in
   * processes that the script started. In tests it is searched in the working directory and its
   * parents.
   *
   * @throws IOException when it is not found
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
   * Exits this process when its standard input ends, if {@link #start} started it. {@code main}
   * calls this once.
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

  /** Name of the process in messages. */
  public String name() {
    return name;
  }

  /** Process ID of the JVM. The launcher replaces itself by the JVM, so it is the same process. */
  public long pid() {
    return process.pid();
  }

  /** File with the output of the process. */
  public Path log() {
    return log;
  }

  /** Whether the process runs. */
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

  /**
   * Waits until the process exits.
   *
   * @return false when the process still runs after {@code limit}
   */
  public boolean awaitExit(Duration limit) throws InterruptedException {
    return process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** Sends SIGTERM and does not wait. */
  public void terminate() {
    process.destroy();
  }

  /** Sends SIGKILL and waits until the process is gone. */
  public void kill() {
    process.destroyForcibly();
    awaitQuietly();
  }

  /** Sends SIGTERM, and SIGKILL if the process still runs after five seconds. */
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

  /** The last lines of the output, at most {@code count}. */
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
