package io.signetmesh.audit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** When what is written is forced to the disk. */
final class JournalSyncTest {
  private static final byte[] LINE = "{\"sequence\":1,}\n".getBytes(StandardCharsets.US_ASCII);

  @ParameterizedTest
  @EnumSource
  void onlyWithSecondIsThereSomethingToForceLater(JournalSync sync, @TempDir Path directory)
      throws Exception {
    JournalConfig config =
        new JournalConfig(directory.resolve("a.jsonl"), 16, 1 << 20, 1, sync, false);
    JournalDisk disk = new JournalDisk(config, JournalFiles::open);
    disk.write(LINE, LINE.length, 0);

    boolean later = sync == JournalSync.SECOND;
    assertThat(disk.nanosToForce() <= Duration.ofSeconds(1).toNanos()).isEqualTo(later);

    disk.force();
    assertThat(disk.nanosToForce()).isEqualTo(Long.MAX_VALUE);
    disk.write(LINE, LINE.length, 1);
    disk.close();
    assertThat(disk.nanosToForce()).isEqualTo(Long.MAX_VALUE);
  }

  /** Nobody records anything more: the thread comes back for it. */
  @ParameterizedTest
  @EnumSource(names = "SECOND")
  void theThreadForcesWithoutAnotherRecord(JournalSync sync, @TempDir Path directory)
      throws Exception {
    JournalConfig config =
        new JournalConfig(directory.resolve("a.jsonl"), 16, 1 << 20, 1, sync, false);
    JournalFile file = new JournalFile(config, () -> Instant.EPOCH, JournalFiles::open);
    assertThat(file.nanosToWork()).isEqualTo(Long.MAX_VALUE);
    try (JournalWriter writer = new JournalWriter()) {
      Journal journal = new Journal(config, null, writer, file);
      file.join(journal);
      journal.record(new AdministrativeEvent(0, "bundle-changed", "identity", "x", Map.of()));
      assertThat(file.writeBatch()).isTrue();
      assertThat(file.nanosToWork()).isLessThan(Long.MAX_VALUE);
      while (!file.hasWork()) {
        Thread.onSpinWait();
      }
      assertThat(file.writeBatch()).isTrue();
      assertThat(file.nanosToWork()).isEqualTo(Long.MAX_VALUE);
    }
  }
}
