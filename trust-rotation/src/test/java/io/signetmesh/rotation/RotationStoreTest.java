package io.signetmesh.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is known of rotations after a restart. */
final class RotationStoreTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final AnchorSet FIRST = AnchorSet.of("a".repeat(64));
  private static final AnchorSet SECOND = AnchorSet.of("b".repeat(64));
  private static final AnchorSet THIRD = AnchorSet.of("c".repeat(64));

  @TempDir private Path state;

  @Test
  void theOrderIsThatOfTheStartsAlsoWhenTheClockWentBack() throws Exception {
    RotationStore store = FileRotationStore.open(state);
    Rotation earlier = done("0000000000000002", FIRST, SECOND, NOW);
    Rotation later = done("0000000000000001", SECOND, THIRD, NOW.minusSeconds(3600));
    store.put(earlier, RotationStore.NEW);
    store.put(later, RotationStore.NEW);

    RotationStore again = FileRotationStore.open(state);

    assertThat(again.all()).containsExactly(earlier, later);
    assertThat(again.retired())
        .containsExactlyInAnyOrder("a".repeat(64), "b".repeat(64))
        .isEqualTo(store.retired());
  }

  @Test
  void recordsOfEarlierVersionsAreTakenInTheOrderOfTheirTimes() throws Exception {
    RotationStore store = FileRotationStore.open(state);
    Rotation second = done("0000000000000001", SECOND, THIRD, NOW.plusSeconds(60));
    Rotation first = done("0000000000000002", FIRST, SECOND, NOW);
    store.put(second, RotationStore.NEW);
    store.put(first, RotationStore.NEW);
    for (Rotation rotation : store.all()) {
      Path file = state.resolve("rotations").resolve(rotation.id() + ".json");
      Files.writeString(file, Files.readString(file).replaceAll(" *\"number\".*\n", ""));
    }

    assertThat(FileRotationStore.open(state).all()).containsExactly(first, second);
  }

  @Test
  void aWriteThatIsBasedOnAnOlderVersionIsRefusedAlsoAfterARestart() throws Exception {
    RotationStore store = FileRotationStore.open(state);
    Rotation begun =
        Rotation.start("0000000000000001", FIRST, SECOND, false, Duration.ZERO, NOW, "uid 0", "")
            .withoutCrossCertificate();
    RotationStore.Kept first = store.put(begun, RotationStore.NEW);
    Rotation next = begun.in(Phase.DISTRIBUTE, NOW, "");
    RotationStore.Kept second = store.put(next, first.version());

    assertThat(FileRotationStore.open(state).all()).containsExactly(next);
    for (RotationStore one : List.of(store, FileRotationStore.open(state))) {
      for (String stale : List.of(first.version(), RotationStore.NEW)) {
        assertThatThrownBy(() -> one.put(begun.in(Phase.RETIRE, NOW, ""), stale))
            .isInstanceOf(StaleRotationException.class)
            .hasMessageContaining(begun.id())
            .hasMessageContaining("'" + stale + "'")
            .hasMessageContaining("'" + second.version() + "'");
      }
      assertThat(one.kept()).containsExactly(second);
    }
  }

  @Test
  void aRotationThatTakesThePlaceOfAnotherIsKnownAfterACrashBetweenTheirFiles() throws Exception {
    RotationStore store = FileRotationStore.open(state);
    Rotation first = compromised("0000000000000001", THIRD);
    Rotation second = compromised("0000000000000002", SECOND);
    RotationStore.Kept kept = store.put(first, RotationStore.NEW);
    Rotation ended = first.supersede(NOW, "uid 0", "rotation 0000000000000002 goes on");
    store.supersede(ended, kept.version(), second);
    Path own = state.resolve("rotations").resolve(second.id() + ".json");
    assertThat(own).exists();

    Files.delete(own);
    RotationStore again = FileRotationStore.open(state);

    assertThat(again.all()).containsExactly(ended, second).isEqualTo(store.all());
    assertThat(again.current()).isEqualTo(second);
    assertThat(again.kept()).isEqualTo(store.kept());
    Rotation next = second.in(Phase.DISTRIBUTE, NOW, "");
    again.put(next, again.kept().getLast().version());
    assertThat(FileRotationStore.open(state).all()).containsExactly(ended, next);
  }

  /** The file cannot be replaced: a directory is in its place. */
  @Test
  void aRotationThatCannotBeEndedGoesOnAndItsSuccessorDoesNotBegin() throws Exception {
    RotationStore store = FileRotationStore.open(state);
    Rotation first = compromised("0000000000000001", THIRD);
    RotationStore.Kept kept = store.put(first, RotationStore.NEW);
    Path file = state.resolve("rotations").resolve(first.id() + ".json");
    Path aside = Files.move(file, state.resolve("aside"));
    Files.createDirectories(file.resolve("full"));

    assertThatThrownBy(
            () ->
                store.supersede(
                    first.supersede(NOW, "uid 0", ""),
                    kept.version(),
                    compromised("0000000000000002", SECOND)))
        .isInstanceOf(IOException.class);
    Files.delete(file.resolve("full"));
    Files.delete(file);
    Files.move(aside, file);

    assertThat(store.kept()).containsExactly(kept);
    assertThat(FileRotationStore.open(state).kept()).containsExactly(kept);
  }

  private static Rotation compromised(String id, AnchorSet after) {
    return Rotation.start(id, FIRST, after, true, Duration.ZERO, NOW, "uid 0", "test");
  }

  private static Rotation done(String id, AnchorSet before, AnchorSet after, Instant at) {
    return Rotation.start(id, before, after, false, Duration.ZERO, at, "uid 0", "test")
        .in(Phase.DONE, at, "");
  }
}
