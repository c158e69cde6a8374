package io.signetmesh.testkit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.cli.mesh.MeshProcesses;
import io.signetmesh.cli.process.SignetProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * The trust rotations of a mesh: the operator's commands, and what the server keeps on the disk,
 * which is there while the server is not.
 */
public final class MeshRotations {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String SUFFIX = ".json";

  private final Path state;
  private final Path directory;
  private final Processes processes;
  private final AtomicInteger commands = new AtomicInteger();

  /** The rotations of a mesh that runs, or is to run. Its commands are stopped with the mesh. */
  public MeshRotations(MeshProcesses mesh) {
    this(
        mesh.state(),
        new Processes() {
          @Override
          public SignetProcess start(String name, List<String> arguments) throws IOException {
            return mesh.start(name, Map.of(), arguments);
          }

          @Override
          public void stop(SignetProcess process) {
            mesh.stop(process);
          }
        });
  }

  /**
   * The rotations of an identity server that runs by itself, or is to run.
   *
   * @param state its state directory
   * @param logs directory for the output of commands; it must exist
   */
  public MeshRotations(Path state, Path logs) {
    this(
        state,
        new Processes() {
          @Override
          public SignetProcess start(String name, List<String> arguments) throws IOException {
            return SignetProcess.start(name, logs.resolve(name + ".log"), Map.of(), arguments);
          }

          @Override
          public void stop(SignetProcess process) {
            process.close();
          }
        });
  }

  private MeshRotations(Path state, Processes processes) {
    this.state = state;
    this.directory = state.resolve("rotations");
    this.processes = processes;
  }

  /** Starts and stops commands. */
  private interface Processes {
    SignetProcess start(String name, List<String> arguments) throws IOException;

    void stop(SignetProcess process);
  }

  /** A command that has ended. */
  public record Ended(int exitCode, String output) {}

  /** A phase that a rotation came to, and when. */
  public record Stretch(String phase, Instant began) {}

  /** Starts {@code signet trust COMMAND}. */
  public SignetProcess start(String command, String... options) throws IOException {
    List<String> arguments =
        new ArrayList<>(List.of("trust", command, "--state", state.toString()));
    arguments.addAll(Arrays.asList(options));
    return processes.start("trust." + commands.incrementAndGet(), arguments);
  }

  /**
   * Runs {@code signet trust COMMAND} to its end.
   *
   * @throws TimeoutException when it runs for longer than a minute
   */
  public Ended run(String command, String... options)
      throws IOException, InterruptedException, TimeoutException {
    SignetProcess process = start(command, options);
    boolean ended = process.awaitExit(LIMIT);
    processes.stop(process);
    String output = Files.readString(process.log());
    if (!ended) {
      throw new TimeoutException("signet trust " + command + " does not end: " + output);
    }
    return new Ended(process.exitCode(), output);
  }

  /**
   * The answer of {@code signet trust status}.
   *
   * @throws IOException when the server does not answer
   */
  public JsonNode status() throws IOException, InterruptedException, TimeoutException {
    return JSON.readTree(run("status", "-o", "json").output);
  }

  /** Ids of all rotations on the disk. */
  public List<String> ids() throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.matches("[0-9a-f]+\\.json"))
          .map(name -> name.substring(0, name.length() - SUFFIX.length()))
          .toList();
    }
  }

  /** The phase on the disk. */
  public String phase(String id) throws IOException {
    return phases(id).getLast().phase;
  }

  /** The phases of a rotation so far; an abort begins another stretch of its phase. */
  public List<Stretch> phases(String id) throws IOException {
    List<Stretch> phases = new ArrayList<>();
    for (JsonNode entry : JSON.readTree(directory.resolve(id + SUFFIX).toFile()).path("log")) {
      String phase = entry.path("phase").asText();
      if (phases.isEmpty()
          || !phases.getLast().phase.equals(phase)
          || entry.path("what").asText().equals("abort")) {
        phases.add(new Stretch(phase, Instant.parse(entry.path("at").asText())));
      }
    }
    return phases;
  }

  /**
   * Keeps a rotation in Activate until {@link #unobstruct}: the file of the new issuer cannot be
   * written, because a directory has its name.
   */
  public void obstruct(String id) throws IOException {
    Files.createDirectories(issuer(id));
  }

  /** Ends {@link #obstruct}. */
  public void unobstruct(String id) throws IOException {
    Files.deleteIfExists(issuer(id));
  }

  private Path issuer(String id) {
    return directory.resolve(id).resolve("issuer.pem");
  }
}
