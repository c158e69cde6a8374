package io.signetmesh.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.rotation.Member.Presence;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.statistics.Statistics;
import org.jspecify.annotations.Nullable;

/**
 * Whatever happens during rotations, whoever takes part in the mesh can talk to all others, and
 * when the trouble is over the rotation ends. After a compromise the anchor leaves in seconds,
 * whoever does not answer, and those who know of the new anchor can talk to each other.
 */
final class RotationProperties {
  /** Fails after seconds what would else run for minutes. */
  private static final int MAX_WORKLOADS = 8;

  private static final int INDEXES = 6;

  /** What happens, and to whom: a first and a second index, each below {@value #INDEXES}. */
  record Event(Kind kind, int index) {
    int who() {
      return index % INDEXES;
    }

    int other() {
      return index / INDEXES;
    }
  }

  enum Kind {
    STEP,
    /** The act is done, and the server is killed before anything is put on record. */
    STEP_LOST,
    /** The server is killed in the middle of an act. */
    STEP_TORN,
    CRASH,
    RESTART_SERVER,
    TAKE,
    RENEW,
    DISCONNECT,
    CONNECT,
    FREEZE,
    THAW,
    RESTART,
    DIE,
    /** A new workload, or another process of one that is there. */
    JOIN,
    STRANGER,
    CALL,
    HANG_UP,
    SECONDS,
    HOURS,
    CANARY,
    /** The keys of anchors cannot be used, or can be used again. */
    KEYS,
    ABORT,
    COMPROMISE,
    /** The anchors that have left were with somebody else, too, who has signed since. */
    COMPROMISE_LATE,
    /** Somebody with the key of the issuer renews by what it proves an identity with. */
    THIEF,
    /** The next rotation, if this one has ended. */
    ROTATE
  }

  /** A rotation that is under way or has ended, its record, and the mesh. */
  private static final class Course implements AutoCloseable {
    final SimulatedMesh mesh = new SimulatedMesh();

    /** What is on record, oldest first; not all of it is on the disk. */
    final List<Rotation> record = new ArrayList<>();

    Rotation rotation;

    /** Compromised anchors that are not in force any more. */
    AnchorSet gone = AnchorSet.NONE;

    private @Nullable Path state;

    /** Rotations that are on the disk and have ended. */
    private int written;

    Course() {
      this.rotation = rotate(false);
    }

    Rotation rotate(boolean compromised) {
      int number = record.size() + 1;
      mesh.rotate();
      Rotation started =
          Rotation.start(
              "%016x".formatted(number),
              mesh.bundle,
              AnchorSet.of("%02x".formatted(0xaa + number).repeat(32)),
              compromised,
              Duration.ofMinutes(10),
              mesh.now,
              "operator",
              "test");
      if (number % 2 == 0) {
        // The token of the old anchor is lost.
        started = started.withoutCrossCertificate();
      }
      record.add(started);
      rotation = started;
      if (compromised) {
        mesh.compromise(started);
      }
      return started;
    }

    /** What a thief of the last rotation has is of interest. */
    void compromiseLate() {
      Rotation started =
          Rotation.start(
              "%016x".formatted(record.size() + 1),
              mesh.bundle.plus(rotation.leaving()),
              mesh.bundle,
              true,
              Duration.ofMinutes(10),
              mesh.now,
              "operator",
              "test");
      record.add(started);
      rotation = started;
      mesh.compromise(started);
    }

    void put(Rotation next) {
      if (next.compromised() && !rotation.compromised()) {
        mesh.compromise(next);
      }
      record.set(record.size() - 1, next);
      rotation = next;
    }

    void check() {
      mesh.requireMutualTrust(rotation);
      gone = gone.plus(mesh.compromised.minus(mesh.bundle));
      mesh.requireThatWhatHasLeftIsGone(gone);
      if (rotation.compromised() && rotation.isDone()) {
        mesh.requireThatNothingFromBeforeIsGood(rotation);
      }
    }

    void step() {
      Rotation next =
          mesh.act(rotation, RotationProcedure.next(rotation, mesh.situation(rotation)));
      if (next != rotation) {
        put(next);
      }
    }

    /** Only what is on record is left. */
    void crash(boolean byWayOfTheDisk) throws Exception {
      mesh.restartServer(record.getLast());
      if (byWayOfTheDisk) {
        Path directory = state;
        if (directory == null) {
          directory = Files.createTempDirectory("rotation");
          state = directory;
        }
        RotationStore store = FileRotationStore.open(directory);
        for (Rotation known : record.subList(written, record.size())) {
          SharedRotations.put(store, known);
        }
        written = record.size() - 1;
        List<Rotation> read = FileRotationStore.open(directory).all();
        assertThat(read).isEqualTo(record);
        rotation = read.getLast();
      }
    }

    @Override
    public void close() throws IOException {
      Path directory = state;
      if (directory != null) {
        try (Stream<Path> files = Files.walk(directory)) {
          for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
            Files.delete(file);
          }
        }
      }
    }
  }

  @Provide
  Arbitrary<List<Event>> events() {
    Arbitrary<Kind> kinds =
        Arbitraries.frequency(
            Tuple.of(40, Kind.STEP),
            Tuple.of(2, Kind.STEP_LOST),
            Tuple.of(2, Kind.STEP_TORN),
            Tuple.of(2, Kind.CRASH),
            Tuple.of(1, Kind.RESTART_SERVER),
            Tuple.of(24, Kind.TAKE),
            Tuple.of(24, Kind.RENEW),
            Tuple.of(5, Kind.DISCONNECT),
            Tuple.of(12, Kind.CONNECT),
            Tuple.of(2, Kind.FREEZE),
            Tuple.of(5, Kind.THAW),
            Tuple.of(4, Kind.RESTART),
            Tuple.of(2, Kind.DIE),
            Tuple.of(4, Kind.JOIN),
            Tuple.of(1, Kind.STRANGER),
            Tuple.of(4, Kind.CALL),
            Tuple.of(2, Kind.HANG_UP),
            Tuple.of(5, Kind.SECONDS),
            Tuple.of(4, Kind.HOURS),
            Tuple.of(1, Kind.CANARY),
            Tuple.of(2, Kind.KEYS),
            Tuple.of(1, Kind.ABORT),
            Tuple.of(1, Kind.COMPROMISE),
            Tuple.of(4, Kind.COMPROMISE_LATE),
            Tuple.of(2, Kind.THIEF),
            Tuple.of(4, Kind.ROTATE));
    return Combinators.combine(kinds, Arbitraries.integers().between(0, INDEXES * INDEXES - 1))
        .as(Event::new)
        .list()
        .ofMinSize(20)
        .ofMaxSize(200);
  }

  @Property(tries = 2000)
  void whoeverTakesPartCanTalkToAllOthersAndTheRotationEnds(
      @ForAll("events") List<Event> events, @ForAll boolean linkerdProxy) throws Exception {
    try (Course course = new Course()) {
      course.mesh.add("web", true);
      course.mesh.add("cart", true);
      course.mesh.add("db", true);
      if (linkerdProxy) {
        course.mesh.add("legacy", false);
      }
      for (Event event : events) {
        happen(event, course);
        course.check();
      }
      Statistics.label("phase reached").collect(course.rotation.phase());
      Statistics.label("way back").collect(course.rotation.reversed());
      Statistics.label("compromised")
          .collect(
              course.rotation.compromised()
                  ? course.rotation.reversed() ? "on the way back" : "yes"
                  : "no");
      Statistics.label("rotations").collect(course.record.size());
      for (boolean compromised : new boolean[] {false, true}) {
        if (course.rotation.compromised() && !course.rotation.isDone()) {
          requireThatNobodyKeepsTheAnchor(course);
        }
        calmDown(course);
        requireEnd(course);
        if (events.size() % 2 == 0 && !course.rotation.compromised()) {
          course.mesh.thief.renew();
          course.compromiseLate();
          requireThatNobodyKeepsTheAnchor(course);
          calmDown(course);
          requireEnd(course);
        }
        course.rotate(compromised);
      }
      requireThatNobodyKeepsTheAnchor(course);
      calmDown(course);
      requireEnd(course);
    }
  }

  private static void happen(Event event, Course course) throws Exception {
    SimulatedMesh mesh = course.mesh;
    Rotation rotation = course.rotation;
    switch (event.kind()) {
      case STEP -> course.step();
      case STEP_LOST -> {
        mesh.act(rotation, RotationProcedure.next(rotation, mesh.situation(rotation)));
        course.crash(event.who() == 0);
      }
      case STEP_TORN -> {
        mesh.actInPart(RotationProcedure.next(rotation, mesh.situation(rotation)));
        course.crash(event.who() == 0);
      }
      case CRASH -> course.crash(event.who() == 0);
      case RESTART_SERVER -> mesh.restartServer(rotation);
      case SECONDS -> mesh.now = mesh.now.plusSeconds(event.who());
      case HOURS -> mesh.now = mesh.now.plus(Duration.ofHours(event.who()));
      case CANARY -> mesh.canaryFailure = event.who() == 0 ? "a leaf does not verify" : "";
      case KEYS -> mesh.keysAway = event.who() <= 2;
      case JOIN -> {
        if (mesh.workloads.size() < MAX_WORKLOADS) {
          List<String> names = List.of("web", "cart", "late0", "late1", "late2", "late3");
          // It is started with the bundle in force.
          mesh.add(names.get(event.who()), true);
        }
      }
      case STRANGER -> {
        if (mesh.workloads.size() < MAX_WORKLOADS) {
          mesh.addStranger("stranger");
        }
      }
      case ABORT -> {
        if (event.other() <= 1
            && !rotation.isDone()
            && !rotation.reversed()
            && !rotation.compromised()
            && rotation.phase() != Phase.RETIRE) {
          course.put(rotation.abort(mesh.now, "operator", "test"));
        }
      }
      case COMPROMISE -> {
        if (!rotation.isDone() && !rotation.compromised()) {
          course.put(rotation.compromise(rotation.leaving(), mesh.now, "operator", "test"));
        }
      }
      case COMPROMISE_LATE -> {
        if (rotation.isDone() && !rotation.compromised()) {
          course.compromiseLate();
        }
      }
      case THIEF -> mesh.thief.renew();
      case ROTATE -> {
        if (rotation.isDone()) {
          course.rotate(event.other() == 0);
        }
      }
      default -> {
        SimulatedMesh.Workload workload = mesh.find(event.who());
        if (workload != null) {
          happen(event, mesh, workload);
        }
      }
    }
  }

  private static void happen(Event event, SimulatedMesh mesh, SimulatedMesh.Workload workload) {
    switch (event.kind()) {
      case TAKE -> workload.take();
      case RENEW -> workload.renew();
      case DISCONNECT -> workload.disconnect();
      case FREEZE -> workload.frozen = true;
      case THAW -> workload.frozen = false;
      case CONNECT -> {
        if (workload.takesPart()) {
          workload.connect();
        } else {
          workload.restart();
        }
      }
      case CALL -> {
        SimulatedMesh.Workload server = mesh.find(event.other());
        if (server != null) {
          workload.call(server);
        }
      }
      case HANG_UP -> workload.hangUp();
      case RESTART -> workload.restart();
      case DIE -> {
        workload.disconnect();
        workload.hangUp();
        mesh.workloads.remove(workload);
      }
      default -> throw new IllegalArgumentException(event.toString());
    }
  }

  /** Whoever takes nothing and says nothing, a compromised anchor leaves. */
  private static void requireThatNobodyKeepsTheAnchor(Course course) {
    SimulatedMesh mesh = course.mesh;
    mesh.canaryFailure = "";
    if (mesh.keysAway && course.rotation.staying().contains(mesh.issuing)) {
      // Nor does a key that cannot be used keep it, when an issuer is there under another anchor.
      passTime(course);
      assertThat(mesh.bundle).as("%s", course.rotation).isEqualTo(course.rotation.staying());
    }
    mesh.keysAway = false;
    passTime(course);
    assertThat(mesh.bundle).as("%s", course.rotation).isEqualTo(course.rotation.staying());
    assertThat(course.rotation.leaving().minus(mesh.revoked).isEmpty())
        .as("%s", course.rotation)
        .isTrue();
  }

  private static void passTime(Course course) {
    for (int i = 0; i < 5; i++) {
      // The longest wait, after a restart of the identity server, is 15 seconds.
      course.mesh.now = course.mesh.now.plusSeconds(i == 0 ? 15 : 4);
      for (int step = 0; step < 4; step++) {
        course.mesh.thief.renew();
        course.step();
        course.check();
      }
    }
  }

  /** All connect, take and renew; what went away expires; what never reports is waived. */
  private static void calmDown(Course course) {
    SimulatedMesh mesh = course.mesh;
    mesh.canaryFailure = "";
    mesh.keysAway = false;
    mesh.workloads.removeIf(workload -> workload.stranger);
    for (int round = 0; round < 60 && !course.rotation.isDone(); round++) {
      mesh.now = mesh.now.plus(Duration.ofHours(1));
      everybodyAnswers(mesh);
      Set<String> leavingPeersOut =
          mesh.fleet().stream()
              .filter(member -> !member.peersLeftOut().isEmpty())
              .map(Member::identity)
              .collect(Collectors.toSet());
      if (round > 30 && !leavingPeersOut.isEmpty() && !course.rotation.isDone()) {
        // The operator has made sure that all have the new anchor.
        course.put(
            course.rotation.waive(leavingPeersOut, mesh.fleet(), mesh.now, "operator", "known"));
      }
      for (int i = 0; i < 10; i++) {
        course.step();
        course.check();
      }
      Set<String> silent =
          mesh.fleet().stream()
              .filter(member -> member.presence() == Presence.SILENT)
              .map(Member::identity)
              .collect(Collectors.toSet());
      if (round > 30 && !silent.isEmpty() && !course.rotation.isDone()) {
        course.put(course.rotation.waive(silent, mesh.fleet(), mesh.now, "operator", "known"));
        for (SimulatedMesh.Workload workload : mesh.workloads) {
          workload.waived |= !workload.reports;
        }
      }
    }
  }

  private static void everybodyAnswers(SimulatedMesh mesh) {
    for (SimulatedMesh.Workload workload : List.copyOf(mesh.workloads)) {
      workload.frozen = false;
      workload.connect();
      // Who cannot verify the identity server any more is started again by an operator.
      if (!workload.takesPart() || (workload.reports && !workload.connected)) {
        workload.restart();
      }
      workload.take();
      workload.renew();
    }
  }

  private static void requireEnd(Course course) {
    SimulatedMesh mesh = course.mesh;
    Rotation rotation = course.rotation;
    assertThat(rotation.isDone()).as("%s", rotation).isTrue();
    assertThat(mesh.bundle).isEqualTo(rotation.staying());
    assertThat(rotation.staying().contains(mesh.issuing)).isTrue();
    assertThat(mesh.settled).isTrue();
    everybodyAnswers(mesh);
    for (SimulatedMesh.Workload workload : mesh.workloads) {
      if (workload.reports) {
        assertThat(workload.isParty()).as("%s", workload).isTrue();
        assertThat(workload.trust).isEqualTo(mesh.bundle);
        assertThat(workload.leaf.anchor()).isEqualTo(mesh.issuing);
        assertThat(workload.leaf.issuer()).isEqualTo(mesh.issuer);
      } else {
        // The operator gives it the new anchor.
        workload.given = mesh.bundle;
        workload.restart();
        assertThat(workload.isParty()).as("%s", workload).isTrue();
      }
    }
    mesh.requireMutualTrust(rotation);
  }
}
