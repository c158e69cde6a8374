package io.signetmesh.bench.rotation;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.testkit.MeshRotations;
import io.signetmesh.testkit.RestartLoop;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** One rotation of a mesh under load: with troubles to its end, or aborted. */
final class RotationRun {
  private static final long LOOK_MILLIS = 2;
  private static final long STATUS_MILLIS = 2_000;

  /** Longer than that, the status is asked what the rotation waits for. */
  private static final long PATIENCE_NANOS = Duration.ofSeconds(15).toNanos();

  private final RingMesh mesh;
  private final MeshRotations rotations;
  private final Set<Trouble> troubles;
  private final Duration window;
  private final Duration limit;
  private final Runnable beforeWaiver;
  private final PrintStream progress;
  private final List<String> kills = new ArrayList<>();
  private final Set<String> waived = new TreeSet<>();
  private final List<String> missed = new ArrayList<>();
  private int restarts;

  /**
   * Makes a run.
   *
   * @param window over which renewals are spread
   * @param limit longest wait for a step
   * @param beforeWaiver called before somebody is waived for the first time
   */
  RotationRun(
      RingMesh mesh,
      Set<Trouble> troubles,
      Duration window,
      Duration limit,
      Runnable beforeWaiver,
      PrintStream progress) {
    this.mesh = mesh;
    this.rotations = new MeshRotations(mesh.processes());
    this.troubles = troubles;
    this.window = window;
    this.limit = limit;
    this.beforeWaiver = beforeWaiver;
    this.progress = progress;
  }

  /** What was killed, and in which phase. */
  List<String> kills() {
    return kills;
  }

  /** Identities that were waived. */
  Set<String> waived() {
    return waived;
  }

  /** What did not go as it must. */
  List<String> missed() {
    return missed;
  }

  /** Starts of the proxy that restarts in a loop. */
  int restarts() {
    return restarts;
  }

  /** The phases of a rotation. */
  List<MeshRotations.Stretch> phases(String id) throws IOException {
    return rotations.phases(id);
  }

  // ---- to the end

  /** Rotates, through all troubles. Returns the id of the rotation. */
  String complete() throws IOException, InterruptedException, TimeoutException {
    mesh.cut();
    if (troubles.contains(Trouble.FROZEN)) {
      mesh.signal("STOP");
    }
    RestartLoop loop = troubles.contains(Trouble.RESTARTING) ? mesh.restartLoop() : null;
    String id;
    SignetProcess command;
    try {
      command = rotate("--wait");
      id = awaitBegun(Set.of());
      if (troubles.contains(Trouble.KILL_SERVER) || troubles.contains(Trouble.KILL_COMMAND)) {
        command = killInEachPhase(id, command);
      } else if (!troubles.isEmpty()) {
        awaitPhase(id, "RETIRE");
      }
    } finally {
      if (troubles.contains(Trouble.FROZEN)) {
        mesh.signal("CONT");
      }
      if (loop != null) {
        loop.close();
        restarts = loop.starts();
      }
    }
    if (troubles.contains(Trouble.CUT_OFF)) {
      awaitNamed(mesh.identity(Trouble.CUT_OFF));
    }
    if (troubles.contains(Trouble.RESTARTING)) {
      awaitNamed(mesh.identity(Trouble.RESTARTING));
    }
    awaitEnd(id);
    if (!command.awaitExit(limit) || command.exitCode() != 0) {
      missed.add("the command did not end with 0: " + command.lastLines(5));
    }
    return id;
  }

  private SignetProcess rotate(String option) throws IOException {
    return rotations.start(
        "rotate", "--yes", option, "--renew-window", window.toSeconds() + "s", "--reason", "bench");
  }

  private SignetProcess killInEachPhase(String id, SignetProcess first)
      throws IOException, InterruptedException, TimeoutException {
    rotations.obstruct(id);
    SignetProcess command = kill(id, first);
    if (troubles.contains(Trouble.FROZEN)) {
      awaitNamedOrOver("DISTRIBUTE", id, mesh.identity(Trouble.FROZEN));
    }
    command = kill(id, command);
    awaitNamed("issuer.pem");
    command = kill(id, command);
    awaitNamed("issuer.pem");
    rotations.unobstruct(id);
    awaitPhase(id, "RENEW");
    command = kill(id, command);
    awaitPhase(id, "RETIRE");
    return kill(id, command);
  }

  private SignetProcess kill(String id, SignetProcess command)
      throws IOException, InterruptedException, TimeoutException {
    SignetProcess next = command;
    boolean ofServer = troubles.contains(Trouble.KILL_SERVER);
    boolean ofCommand = troubles.contains(Trouble.KILL_COMMAND);
    if (ofServer) {
      mesh.server().kill();
    }
    if (ofCommand) {
      command.kill();
    }
    String phase = rotations.phase(id);
    kills.add(phase);
    progress.printf(
        "bench: killed%s%s in %s%n",
        ofServer ? " the control plane" : "", ofCommand ? " the command" : "", phase);
    if (ofServer) {
      mesh.startServer();
    }
    if (ofCommand) {
      next = rotations.start("resume");
    }
    return next;
  }

  // ---- back

  /** Begins a rotation and aborts it from a phase. Returns its id. */
  String abort(String from) throws IOException, InterruptedException, TimeoutException {
    List<String> earlier = rotations.ids();
    // Without it the first two phases are over in a moment.
    boolean frozen = !from.equals("RENEW");
    if (frozen) {
      mesh.signal("STOP");
    }
    String id;
    try {
      rotate("--no-wait");
      id = awaitBegun(earlier);
      if (from.equals("ACTIVATE")) {
        rotations.obstruct(id);
      }
      if (frozen) {
        awaitNamed(mesh.identity(Trouble.FROZEN));
      }
      if (from.equals("DISTRIBUTE")) {
        sendBack(id, from);
      }
    } finally {
      if (frozen) {
        mesh.signal("CONT");
      }
    }
    switch (from) {
      case "ACTIVATE" -> {
        awaitNamed("issuer.pem");
        sendBack(id, from);
      }
      case "RENEW" -> {
        awaitPhase(id, from);
        // Some have a new certificate then, and others do not.
        Thread.sleep(window.dividedBy(2));
        sendBack(id, from);
      }
      default -> {}
    }
    awaitEnd(id);
    rotations.unobstruct(id);
    return id;
  }

  private void sendBack(String id, String from)
      throws IOException, InterruptedException, TimeoutException {
    String phase = rotations.phase(id);
    if (!phase.equals(from)) {
      missed.add("the abort was to be in " + from + " and was in " + phase);
    }
    MeshRotations.Ended ended = rotations.run("abort", "--yes", "--no-wait", "--reason", "bench");
    if (ended.exitCode() != 0) {
      missed.add("abort in " + phase + ": " + ended.output());
    }
    progress.println("bench: aborted in " + phase);
  }

  // ---- waits

  private String awaitBegun(java.util.Collection<String> earlier)
      throws IOException, InterruptedException, TimeoutException {
    long end = System.nanoTime() + limit.toNanos();
    while (true) {
      for (String id : rotations.ids()) {
        if (!earlier.contains(id)) {
          return id;
        }
      }
      pause(LOOK_MILLIS, end, "no rotation begins");
    }
  }

  private void awaitPhase(String id, String phase)
      throws IOException, InterruptedException, TimeoutException {
    long end = System.nanoTime() + limit.toNanos();
    while (!rotations.phase(id).equals(phase)) {
      pause(LOOK_MILLIS, end, "the rotation does not come to " + phase);
    }
  }

  /** Waits until the status names the cause. */
  private void awaitNamed(String cause) throws IOException, InterruptedException, TimeoutException {
    awaitNamed(() -> false, cause);
  }

  /**
   * As {@link #awaitNamed}, but a phase may be over before the first answer: who has not come back
   * 15 s after the start of the server is held to be gone, and is waited for in Retire.
   */
  private void awaitNamedOrOver(String phase, String id, String cause)
      throws IOException, InterruptedException, TimeoutException {
    awaitNamed(() -> !rotations.phase(id).equals(phase), cause);
  }

  /** What may be true instead. */
  @FunctionalInterface
  private interface Otherwise {
    boolean holds() throws IOException;
  }

  private void awaitNamed(Otherwise over, String cause)
      throws IOException, InterruptedException, TimeoutException {
    long end = System.nanoTime() + limit.toNanos();
    while (!over.holds()) {
      JsonNode obstacles = obstacles();
      if (obstacles != null && obstacles.toString().contains(cause)) {
        progress.println("bench: the rotation waits for " + cause);
        return;
      }
      pause(LOOK_MILLIS, end, "the rotation does not name " + cause + " but " + obstacles);
    }
  }

  private @Nullable JsonNode obstacles() throws InterruptedException, TimeoutException {
    try {
      return rotations.status().path("rotation").path("obstacles");
    } catch (IOException e) {
      // The server starts.
      return null;
    }
  }

  /** Waits for the end, and waives who went away: nobody else can say that they are done. */
  private void awaitEnd(String id) throws IOException, InterruptedException, TimeoutException {
    long begun = System.nanoTime();
    long end = begun + limit.toNanos();
    boolean patient = troubles.isEmpty();
    while (!rotations.phase(id).equals("DONE")) {
      JsonNode obstacles = null;
      if (!patient || System.nanoTime() - begun > PATIENCE_NANOS + window.toNanos()) {
        obstacles = obstacles();
        if (obstacles != null && rotations.phase(id).equals("RETIRE")) {
          waive(obstacles);
        }
      }
      pause(patient ? 100 : STATUS_MILLIS, end, "the rotation waits for " + obstacles);
    }
  }

  private void waive(JsonNode obstacles)
      throws IOException, InterruptedException, TimeoutException {
    Set<String> gone = new TreeSet<>();
    for (JsonNode obstacle : obstacles) {
      String kind = obstacle.path("kind").asText();
      if (kind.equals("gone") || kind.equals("silent")) {
        gone.add(obstacle.path("workload").asText());
      }
    }
    if (!gone.isEmpty()) {
      if (waived.isEmpty()) {
        beforeWaiver.run();
      }
      List<String> options = new ArrayList<>(gone);
      options.addAll(List.of("--yes", "--reason", "made by the benchmark"));
      rotations.run("waive", options.toArray(String[]::new));
      waived.addAll(gone);
    }
  }

  private static void pause(long millis, long end, String failure)
      throws InterruptedException, TimeoutException {
    if (System.nanoTime() - end > 0) {
      throw new TimeoutException(failure);
    }
    Thread.sleep(millis);
  }
}
