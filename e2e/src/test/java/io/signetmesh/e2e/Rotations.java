package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.testkit.MeshRotations;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

/** The rotations of a mesh, and waits for what becomes of them. */
final class Rotations {
  private static final Duration LIMIT = Duration.ofSeconds(90);

  private final MeshRotations rotations;

  Rotations(Mesh mesh) {
    this.rotations = new MeshRotations(mesh.processes());
  }

  /** Runs {@code signet trust COMMAND} to its end; it must have exit code 0. */
  void require(String command, String... options) throws Exception {
    MeshRotations.Ended ended = rotations.run(command, options);
    assertThat(ended.exitCode()).as(ended.output()).isZero();
  }

  /** Starts {@code signet trust COMMAND}. */
  SignetProcess start(String command, String... options) throws IOException {
    return rotations.start(command, options);
  }

  /** The answer of {@code signet trust status}. */
  JsonNode status() throws Exception {
    return rotations.status();
  }

  /** What the rotation waits for, in words. */
  List<String> obstacles() throws Exception {
    return status().path("rotation").path("obstacles").findValuesAsText("message");
  }

  /** Waits until the status says of all these that the rotation waits for them. */
  void awaitObstacles(String... parts) {
    awaitObstacles(() -> false, parts);
  }

  /** Waits for that, or until something else is true. */
  void awaitObstacles(Callable<Boolean> otherwise, String... parts) {
    Await.until(
        "the rotation waits for " + List.of(parts),
        LIMIT,
        () -> {
          if (otherwise.call()) {
            return true;
          }
          List<String> obstacles = obstacles();
          assertThat(Stream.of(parts))
              .as(obstacles.toString())
              .allMatch(part -> obstacles.stream().anyMatch(message -> message.contains(part)));
          return true;
        });
  }

  /** The id of the newest rotation; waits until there is one that is not among those. */
  String awaitBegun(Collection<String> earlier) {
    List<String> found = new ArrayList<>();
    Await.until(
        "a rotation begins",
        LIMIT,
        () -> {
          rotations.ids().stream().filter(id -> !earlier.contains(id)).forEach(found::add);
          return !found.isEmpty();
        });
    return found.getFirst();
  }

  /** The phase that is on the disk. */
  String phase(String id) throws IOException {
    return rotations.phase(id);
  }

  /** All phases that a rotation has been in, in their order. */
  List<String> phases(String id) throws IOException {
    return rotations.phases(id).stream().map(MeshRotations.Stretch::phase).toList();
  }

  /** Waits for a phase. */
  void awaitPhase(String id, String phase) {
    Await.until(
        "rotation " + id + " is in " + phase,
        LIMIT,
        () -> {
          assertThat(phase(id)).isEqualTo(phase);
          return true;
        });
  }

  /**
   * Waits until a rotation has ended. Certificates of which nothing is known are waived: on a busy
   * host the answer to a request for one may come too late, and nobody has it then.
   */
  void awaitEnd(String id) {
    Await.until(
        "rotation " + id + " ends",
        LIMIT,
        () -> {
          if (phase(id).equals("DONE")) {
            return true;
          }
          JsonNode obstacles = status().path("rotation").path("obstacles");
          for (JsonNode obstacle : obstacles) {
            if (obstacle.path("kind").asText().equals("silent")) {
              rotations.run("waive", obstacle.path("workload").asText(), "--yes");
            }
          }
          throw new AssertionError(phase(id) + " waits for " + obstacles);
        });
  }

  /** Keeps a rotation in Activate until the result is closed. */
  AutoCloseable obstructIssuer(String id) throws IOException {
    rotations.obstruct(id);
    return () -> rotations.unobstruct(id);
  }
}
