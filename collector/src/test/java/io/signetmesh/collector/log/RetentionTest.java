package io.signetmesh.collector.log;

import static io.signetmesh.collector.log.Logs.NOW;
import static io.signetmesh.collector.log.Logs.journal;
import static io.signetmesh.collector.log.Logs.records;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.audit.tlog.Damage;
import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.LogVerifier;
import io.signetmesh.audit.tlog.MinimumIndex;
import io.signetmesh.audit.tlog.Proofs;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.audit.tlog.TreeHash;
import io.signetmesh.collector.entry.LogEntry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RetentionTest {
  private static final JournalKey OLD = journal("a", 1);
  private static final JournalKey NEW = journal("b", 1);

  @TempDir Path directory;

  private CollectorLog log;

  /** 1,000 entries of each journal, received an hour after each other. */
  private void fill() throws IOException {
    log.append(List.of(records(OLD, LongStream.rangeClosed(1, 1_000).toArray())), NOW);
    log.append(List.of(later(1_000)), NOW.plusSeconds(3_600));
  }

  private static Addition later(int count) throws IOException {
    List<byte[]> entries =
        LongStream.rangeClosed(1, count)
            .mapToObj(
                sequence ->
                    new LogEntry(
                            NEW.writer(),
                            NEW.journal(),
                            NOW.plusSeconds(3_600),
                            false,
                            new LogEntry.Line(sequence, Logs.line(sequence)))
                        .bytes())
            .toList();
    return new Addition(NEW, LongStream.rangeClosed(1, count).toArray(), entries);
  }

  @BeforeEach
  void open() throws IOException {
    log = CollectorLog.open(directory, "test/log", FsyncPolicy.BATCH, 0);
  }

  @AfterEach
  void close() throws IOException {
    log.close();
  }

  private List<Damage> verify() throws IOException {
    return LogVerifier.verify(log.store(), log.checkpoint(), log.minimum(), read -> {});
  }

  private Path bundle(long number) {
    return directory
        .resolve(CollectorLog.TILES)
        .resolve(TilePath.entries(number, TilePath.WIDTH).toString());
  }

  @Test
  void whatIsOlderThanTheBoundIsDeletedAndTheRestIsProvenAsBefore() throws Exception {
    fill();
    TreeHash root = log.checkpoint().root();

    long minimum =
        new Retention(Duration.ofMinutes(30), Long.MAX_VALUE)
            .apply(log, directory, NOW.plusSeconds(3_600));

    // 1,000 is in the fourth bundle, which has newer entries.
    assertThat(minimum).isEqualTo(768).isEqualTo(log.minimum());
    assertThat(bundle(0)).doesNotExist();
    assertThat(bundle(2)).doesNotExist();
    assertThat(bundle(3)).exists();
    assertThat(verify()).isEmpty();
    LogReader reader = new LogReader(log.store(), 2_000, minimum);
    assertThat(
            Proofs.isIncluded(
                TreeHash.ofEntry(reader.bundle(4).getFirst()),
                1_024,
                2_000,
                reader.inclusion(1_024),
                root))
        .isTrue();
    assertThatThrownBy(() -> reader.bundle(1)).hasMessageContaining("is pruned");
    log.append(List.of(later(1_001)), NOW.plusSeconds(3_600));
    assertThat(verify()).isEmpty();
    assertThat(
            Proofs.isConsistent(
                2_000,
                root,
                2_002,
                log.checkpoint().root(),
                new LogReader(log.store(), 2_002).consistency(2_000)))
        .isTrue();
  }

  @Test
  void theLogItselfStatesWhatIsDeletedBeforeItIs() throws Exception {
    fill();
    assertThatThrownBy(() -> log.deleteBefore(256)).hasMessageContaining("no entry states");
    assertThat(bundle(0)).exists();
    Retention retention = new Retention(Duration.ofMinutes(30), 1L << 40);
    retention.apply(log, directory, NOW.plusSeconds(3_600));
    retention.apply(log, directory, NOW.plusSeconds(3_600));

    long size = log.checkpoint().size();
    assertThat(size).isEqualTo(2_001);
    List<byte[]> last = new LogReader(log.store(), size, log.minimum()).bundle(size / 256);
    LogEntry entry = LogEntry.parse(last.getLast());
    assertThat(entry.writer()).isEqualTo("audit collector");
    assertThat(entry.content())
        .hasToString(
            "{\"sequence\":1,\"time\":\"2026-11-30T13:00:00Z\",\"administrative\":{"
                + "\"act\":\"audit-entries-deleted\",\"actor\":\"audit-collector\","
                + "\"subject\":\"test/log\",\"attributes\":{\"deleted_from\":\"0\","
                + "\"kept_from\":\"768\",\"reason\":\"entries are kept for 1800 s,"
                + " 1099511627776 bytes of entries are kept\"}}}");

    // It goes on after a restart, and also where the reserve of the file system is used up.
    log.close();
    open();
    log.leave(new FreeSpace("/x", () -> 1L << 40, () -> 0));
    new Retention(null, 1).apply(log, directory, NOW);
    assertThat(log.checkpoint().size()).isEqualTo(2_002);
    assertThat(log.minimum()).isEqualTo(7 * 256);
  }

  @Test
  void theOldestGoUntilTheRestIsAsSmallAsItHasToBe() throws Exception {
    fill();
    long each = Files.size(bundle(0));

    long minimum = new Retention(null, 4 * each + 4_000).apply(log, directory, NOW);

    assertThat(minimum).isEqualTo(768);
    assertThat(new Retention(null, 4 * each + 4_000).apply(log, directory, NOW)).isEqualTo(768);
    assertThat(new Retention(null, 1).apply(log, directory, NOW)).isEqualTo(7 * 256);
    assertThat(verify()).isEmpty();
  }

  @Test
  void aDeletionThatWasCutShortIsGoneOnWith() throws Exception {
    fill();
    byte[] third = Files.readAllBytes(bundle(2));
    new Retention(Duration.ofMinutes(30), Long.MAX_VALUE)
        .apply(log, directory, NOW.plusSeconds(3_600));
    Files.write(bundle(2), third);
    Files.write(bundle(1), third);

    new Retention(Duration.ofMinutes(30), Long.MAX_VALUE)
        .apply(log, directory, NOW.plusSeconds(3_600));

    assertThat(bundle(2)).doesNotExist();
    assertThat(bundle(1)).doesNotExist();
  }

  @Test
  void journalsOfWhichAllIsDeletedAreKnownAfterARestart() throws Exception {
    fill();
    new Retention(null, 1).apply(log, directory, NOW);
    log.close();
    open();

    assertThat(log.durable(OLD)).isEqualTo(1_000);
    assertThat(log.durable(NEW)).isEqualTo(1_000);

    // Without the snapshot as well, as far as the entries that are left go.
    log.close();
    Files.delete(directory.resolve(CollectorLog.LEDGER));
    open();
    assertThat(log.durable(NEW)).isEqualTo(1_000);
    assertThat(log.durable(OLD)).isZero();
    // It is not known that the others are missing.
    log.append(List.of(records(OLD, 1_001)), NOW);
    long size = log.checkpoint().size();
    List<byte[]> last =
        new LogReader(log.store(), size, log.minimum()).bundle((size - 1) / TilePath.WIDTH);
    assertThat(LogEntry.parse(last.get(last.size() - 2)).content())
        .isEqualTo(new LogEntry.Missing(1, 1_000, true));
  }

  @Test
  void entriesThatAreMissingWithoutTheOperatorsNoteAreFound() throws Exception {
    fill();
    Files.delete(bundle(0));
    assertThat(verify()).extracting(Damage::kind).containsExactly(Damage.Kind.MISSING);

    new Retention(null, 1).apply(log, directory, NOW);
    assertThat(verify()).isEmpty();
    Path hashes = directory.resolve(CollectorLog.TILES).resolve(new TilePath(0, 1, 256).toString());
    byte[] changed = Files.readAllBytes(hashes);
    changed[40] ^= 1;
    Files.write(hashes, changed);
    assertThat(verify())
        .singleElement()
        .satisfies(
            damage -> {
              assertThat(damage.kind()).isEqualTo(Damage.Kind.HASHES);
              assertThat(damage.from()).isEqualTo(256);
            });
    Files.delete(hashes);
    assertThat(verify()).extracting(Damage::kind).containsExactly(Damage.Kind.MISSING);
  }

  @Test
  void anEntryWithoutATimeKeepsNothing() throws Exception {
    long[] sequences = LongStream.rangeClosed(1, 600).toArray();
    Addition good = records(OLD, sequences);
    List<byte[]> entries = new ArrayList<>(good.entries());
    // The last one of the first bundle, and all of the second.
    for (int i = 255; i < 512; i++) {
      entries.set(i, new byte[] {'{'});
    }
    log.append(List.of(new Addition(OLD, sequences, entries)), NOW);
    log.append(List.of(later(600)), NOW.plusSeconds(3_600));

    long kept =
        new Retention(Duration.ofMinutes(30), Long.MAX_VALUE)
            .apply(log, directory, NOW.plusSeconds(3_601));

    // The third bundle ends with entries that are kept.
    assertThat(kept).isEqualTo(256);
    assertThat(
            new Retention(Duration.ofMinutes(30), Long.MAX_VALUE)
                .apply(log, directory, NOW.plusSeconds(3_600 + 1_801)))
        .isEqualTo(1_024);
  }

  @Test
  void theNoteIsSignedByTheLog() throws Exception {
    fill();
    new Retention(null, 1).apply(log, directory, NOW);
    Path note = directory.resolve(CollectorLog.TILES).resolve(TileStore.MINIMUM);
    String good = Files.readString(note);
    assertThat(good).startsWith("test/log minimum-index\n1792\n\n");

    Files.writeString(note, good.replace("\n1792\n", "\n1536\n"));
    assertThatThrownBy(() -> MinimumIndex.read(log.store(), log.key()))
        .hasMessageContaining("is wrong");
    Files.write(note, log.note().bytes());
    assertThatThrownBy(() -> MinimumIndex.read(log.store(), log.key()))
        .hasMessageContaining("of another form");
    Files.writeString(note, good);
  }
}
