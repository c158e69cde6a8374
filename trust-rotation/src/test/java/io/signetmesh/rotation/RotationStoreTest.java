package io.signetmesh.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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

  private static Rotation done(String id, AnchorSet before, AnchorSet after, Instant at) {
    return Rotation.start(id, before, after, false, Duration.ZERO, at, "uid 0", "test")
        .in(Phase.DONE, at, "");
  }
}
