package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.ca.IssuedLeaf;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Leaves that are put on record after their keys were given up. */
final class LeafReportsTest {
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  @TempDir Path state;

  private final Map<String, IssuedLeaf> onRecord = new HashMap<>();
  private Instant now = START;
  private LeafReports reports;

  @BeforeEach
  void open() throws Exception {
    reports =
        LeafReports.open(state, serial -> Optional.ofNullable(onRecord.get(serial)), () -> now);
  }

  @AfterEach
  void close() {
    reports.close();
  }

  /** Nobody may look at the leaves for hours. */
  @Test
  void aLeafIsGivenUpWhenItIsPutOnRecordAndNotWhenSomebodyLooks() {
    giveUp("web", 7);
    after(Duration.ofMinutes(9));
    IssuedLeaf leaf = record("a1", "web", 7);

    after(Duration.ofHours(2));

    assertThat(reports.isSuperseded(leaf)).isTrue();
  }

  @Test
  void aLeafThatIsPutOnRecordTenMinutesLaterIsNotGivenUp() {
    giveUp("web", 7);
    giveUp("web", 8);
    after(Duration.ofMinutes(10).minusMillis(1));
    assertThat(reports.isSuperseded(record("a1", "web", 7))).isTrue();
    after(Duration.ofMillis(1));
    assertThat(reports.isSuperseded(record("a2", "web", 8))).isFalse();
  }

  @Test
  void whoGivesUpManyKeysHasAShareOfTheRoom() {
    int share = LeafReports.MAX_AWAITED / LeafReports.SHARES;
    giveUp("web", 7);
    for (int key = 1; key <= share + 1; key++) {
      giveUp("greedy", key);
    }

    assertThat(reports.isSuperseded(record("d1", "greedy", share))).isTrue();
    assertThat(reports.isSuperseded(record("d2", "greedy", share + 1))).as("too many").isFalse();
    giveUp("greedy", share + 2);
    assertThat(reports.isSuperseded(record("d3", "greedy", share + 2))).as("room again").isTrue();
    assertThat(reports.isSuperseded(record("a1", "web", 7))).isTrue();
    after(Duration.ofMinutes(10));
    giveUp("greedy", 1);
    assertThat(reports.isSuperseded(record("d4", "greedy", 1))).as("ten minutes later").isTrue();
  }

  @Test
  void ofTooManyKeysTheOldestAreForgotten() {
    int share = LeafReports.MAX_AWAITED / LeafReports.SHARES;
    giveUp("first", 1);
    giveUp("first", 2);
    for (int identity = 0; identity < LeafReports.SHARES; identity++) {
      for (int key = 1; key <= share; key++) {
        if (identity > 0 || key < share) {
          giveUp("identity" + identity, key);
        }
      }
    }

    assertThat(reports.isSuperseded(record("a1", "first", 1))).as("20,001 keys").isFalse();
    assertThat(reports.isSuperseded(record("a2", "first", 2))).isTrue();
  }

  private void giveUp(String identity, long key) {
    reports.abandoned(identity, Set.of(key), now);
  }

  private IssuedLeaf record(String serial, String identity, long key) {
    IssuedLeaf leaf =
        new IssuedLeaf(
            serial,
            identity,
            "0".repeat(64),
            START.plusSeconds(86_400),
            now,
            "workload-token",
            key);
    onRecord.put(serial, leaf);
    reports.recorded(leaf);
    return leaf;
  }

  private void after(Duration time) {
    now = now.plus(time);
  }
}
