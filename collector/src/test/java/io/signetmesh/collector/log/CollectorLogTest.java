package io.signetmesh.collector.log;

import static io.signetmesh.collector.log.Logs.NOW;
import static io.signetmesh.collector.log.Logs.brief;
import static io.signetmesh.collector.log.Logs.journal;
import static io.signetmesh.collector.log.Logs.records;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.audit.tlog.FileTileStore;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.log.Addition.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CollectorLogTest {
  private static final JournalKey A = journal("a", 1);

  @TempDir Path directory;

  private final FailingTiles tiles = new FailingTiles();

  @Test
  void leavesOutWhatItHasAndNotesWhatIsMissing() throws Exception {
    CollectorLog log = Logs.open(tiles, directory);

    assertThat(log.append(List.of(records(A, 1, 2), records(A, 2, 3, 7)), NOW))
        .containsExactly(new Outcome.Durable(2, 2, 0, 0), new Outcome.Durable(7, 2, 1, 3));
    assertThat(log.append(List.of(records(A, 3, 7)), NOW))
        .containsExactly(new Outcome.Durable(7, 0, 2, 0));

    assertThat(brief(tiles)).containsExactly("a:1", "a:2", "a:3", "a:4-6", "a:7");
    assertThat(log.durable(A)).isEqualTo(7);
  }

  @Test
  void anEntryThatCannotBeReadKeepsTheLogFromNothing() throws Exception {
    CollectorLog log = Logs.open(tiles, directory);
    Addition good = records(A, 1);
    byte[] unreadable = "{\"writer\":".getBytes(UTF_8);
    log.append(List.of(good, new Addition(A, new long[] {2}, List.of(unreadable))), NOW);
    log.append(List.of(records(A, 3)), NOW);

    CollectorLog again = Logs.open(tiles, directory);

    assertThat(again.durable(A)).isEqualTo(3);
    assertThat(again.unreadable()).isEqualTo(1);
    again.append(List.of(records(A, 3, 4)), NOW);
    assertThat(again.checkpoint().size()).isEqualTo(4);
  }

  @Test
  void aNoteThatAllOfALogAndMoreWasDeletedIsRefused() throws Exception {
    CollectorLog log = Logs.open(tiles, directory);
    log.append(List.of(records(A, 1)), NOW);
    tiles.put(TileStore.MINIMUM, Logs.SIGNER.sign("test/log minimum-index\n512\n").bytes());

    assertThatThrownBy(() -> Logs.open(tiles, directory))
        .hasMessageContaining("minimum-index is 512: expected at most 1");
  }

  @Test
  void nothingIsAppendedWhileTheFileSystemHasTooLittleRoom() throws Exception {
    CollectorLog log = Logs.open(tiles, directory);
    AtomicLong free = new AtomicLong((1L << 30) - 1);
    log.leave(new FreeSpace("/x", () -> 1L << 40, free::get));
    assertThatThrownBy(() -> log.append(List.of(records(A, 1)), NOW))
        .hasMessageContaining("expected at least 1073741824");
    assertThatThrownBy(log::probe).isInstanceOf(IOException.class);
    assertThat(log.checkpoint().size()).isZero();

    free.set(1L << 30);
    log.probe();
    log.append(List.of(records(A, 1)), NOW);
    log.leave(new FreeSpace("/x", () -> 2_000, () -> 99));
    assertThatThrownBy(() -> log.append(List.of(records(A, 2)), NOW))
        .hasMessageContaining("expected at least 100");
    assertThat(brief(tiles)).containsExactly("a:1");
  }

  @Test
  void theSameIdOfAnotherWriterIsAnotherJournal() throws Exception {
    CollectorLog log = Logs.open(tiles, directory);
    JournalKey other = journal("b", 1);

    log.append(List.of(records(other, 1L << 52)), NOW);
    log.append(List.of(records(A, 1)), NOW);

    assertThat(log.durable(A)).isEqualTo(1);
    assertThat(brief(tiles)).containsExactly("b:1-4503599627370495", "b:4503599627370496", "a:1");
  }

  @Test
  void knowsItsJournalsAgainAfterAKillAndAfterAClose() throws Exception {
    CollectorLog log = Logs.open(tiles, directory);
    log.append(List.of(records(A, 1, 5), records(journal("b", 2), 1)), NOW);

    CollectorLog killed = Logs.open(tiles, directory);
    assertThat(killed.durable(A)).isEqualTo(5);
    killed.append(List.of(records(A, 6)), NOW);
    killed.close();

    assertThat(directory.resolve("ledger")).exists();
    CollectorLog closed = Logs.open(tiles, directory);
    closed.append(List.of(records(A, 5, 6, 7)), NOW);
    assertThat(brief(tiles)).containsExactly("a:1", "a:2-4", "a:5", "b:1", "a:6", "a:7");
    assertThat(closed.journals()).isEqualTo(2);
  }

  @Test
  void aSnapshotThatIsBrokenOrOfAnotherLogIsThrownAway() throws Exception {
    CollectorLog log = Logs.open(tiles, directory);
    log.append(List.of(records(A, 1)), NOW);
    log.close();
    Path file = directory.resolve("ledger");
    String good = Files.readString(file);

    Files.writeString(file, good.replace(" 1 ", " 9 "));
    assertThat(Logs.open(tiles, directory).durable(A)).isEqualTo(1);
    Files.writeString(file, "\n\n");
    assertThat(Logs.open(tiles, directory).durable(A)).isEqualTo(1);
    Files.writeString(file, "");
    assertThat(Logs.open(tiles, directory).durable(A)).isEqualTo(1);

    FailingTiles another = new FailingTiles();
    CollectorLog first = Logs.open(another, Files.createDirectory(directory.resolve("x")));
    first.append(List.of(records(A, 1, 2, 3)), NOW);
    Files.writeString(directory.resolve("x/ledger"), good);
    assertThat(Logs.open(another, directory.resolve("x")).durable(A)).isEqualTo(3);
  }

  @Test
  void anOlderStateThatWasBroughtBackIsRefused() throws Exception {
    CollectorLog log = Logs.open(tiles, directory);
    byte[] older = tiles.get(TileStore.CHECKPOINT);
    log.append(List.of(records(A, 1)), NOW);
    log.close();
    tiles.set(TileStore.CHECKPOINT, older);
    tiles.set(TileStore.PENDING, older);

    assertThatThrownBy(() -> Logs.open(tiles, directory))
        .hasMessageContaining("an older state was brought back");
    assertThatThrownBy(() -> Logs.open(new FailingTiles(), directory))
        .hasMessageContaining("is empty");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void anAppendThatFailedIsThereOnceWhenItIsDeliveredAgain(boolean takesEffect) throws Exception {
    for (int room = 0; room < 6; room++) {
      FailingTiles store = new FailingTiles();
      CollectorLog log = Logs.open(store, Files.createDirectory(directory.resolve("r" + room)));
      log.append(List.of(records(A, 1)), NOW);
      store.room = room;
      store.takesEffect = takesEffect;
      try {
        log.append(List.of(records(A, 2, 3)), NOW);
      } catch (IOException e) {
        assertThat(log.durable(A)).isEqualTo(1);
      }
      store.room = -1;

      log.append(List.of(records(A, 2, 3, 4)), NOW);

      assertThat(brief(store)).as("room %s", room).containsExactly("a:1", "a:2", "a:3", "a:4");
    }
  }

  /**
   * Writers deliver while writes fail and the process is killed, at random; what they send again
   * and what they no longer have is random too.
   */
  @Test
  void acknowledgedRecordsAreThereOnceWhateverFailsAndWheneverItIsKilled() throws Exception {
    for (int round = 0; round < 50; round++) {
      Random random = new Random(round);
      Path place = Files.createDirectory(directory.resolve("k" + round));
      FailingTiles store = new FailingTiles();
      CollectorLog log = Logs.open(store, place);
      Map<JournalKey, Long> acknowledged = new HashMap<>();
      Map<JournalKey, Long> next = new HashMap<>();
      for (int step = 0; step < 24; step++) {
        List<Addition> additions = new ArrayList<>();
        for (int i = 0; i <= random.nextInt(4); i++) {
          JournalKey key = journal("w" + random.nextInt(2), random.nextInt(2));
          // From what is known to be there, or from a record before.
          long from = Math.max(1, log.durable(key) + 1 - random.nextInt(3));
          long until = Math.max(from, next.getOrDefault(key, 1L) + random.nextInt(24));
          next.put(key, until);
          additions.add(
              records(key, java.util.stream.LongStream.rangeClosed(from, until).toArray()));
        }
        if (random.nextInt(3) == 0) {
          store.room = random.nextInt(9);
          store.takesEffect = random.nextBoolean();
        }
        try {
          List<Outcome> outcomes = log.append(additions, NOW);
          for (int i = 0; i < outcomes.size(); i++) {
            Outcome.Durable durable = (Outcome.Durable) outcomes.get(i);
            acknowledged.put(additions.get(i).journal(), durable.sequence());
          }
        } catch (IOException e) {
          // Not acknowledged; delivered again from what the log says.
        }
        store.room = -1;
        if (random.nextInt(4) == 0) {
          if (random.nextInt(3) == 0) {
            log.snapshot();
          }
          log = Logs.open(store, place);
        }
        CollectorLog now = log;
        acknowledged.forEach((key, at) -> assertThat(now.durable(key)).isGreaterThanOrEqualTo(at));
      }
      Map<JournalKey, Long> seen = new HashMap<>();
      for (LogEntry entry : Logs.entries(store, Logs.SIGNER.key())) {
        JournalKey key = new JournalKey(entry.writer(), entry.journal());
        long sequence = ((LogEntry.Line) entry.content()).sequence();
        assertThat(sequence).as("round %s", round).isEqualTo(seen.getOrDefault(key, 0L) + 1);
        seen.put(key, sequence);
      }
      acknowledged.forEach((key, at) -> assertThat(seen.get(key)).isGreaterThanOrEqualTo(at));
    }
  }

  @Test
  void theKeyIsMadeOnceAndALogDoesNotGoOnWithAnother() throws Exception {
    Path place = directory.resolve("audit");
    CollectorLog log = CollectorLog.open(place, "mesh/log", FsyncPolicy.BATCH, 0);
    log.append(List.of(records(A, 1)), NOW);
    log.close();

    Path key = place.resolve(CollectorLog.KEY);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(key)))
        .isEqualTo("rw-------");
    assertThat(Files.readString(place.resolve(CollectorLog.VERIFIER_KEY)))
        .startsWith("mesh/log+")
        .isEqualTo(log.key() + "\n");
    try (CollectorLog again = CollectorLog.open(place, "mesh/log", FsyncPolicy.OS, 1)) {
      assertThat(again.key()).isEqualTo(log.key());
      assertThatThrownBy(() -> CollectorLog.open(place, "mesh/log", FsyncPolicy.BATCH, 0))
          .hasMessageContaining("locked");
    }
    assertThatThrownBy(() -> CollectorLog.open(place, "other/log", FsyncPolicy.BATCH, 0))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> CollectorLog.open(place, "mesh/log", FsyncPolicy.BATCH, 2))
        .hasMessageContaining("expected 2 or more");

    Files.delete(key);
    assertThatThrownBy(() -> CollectorLog.open(place, "mesh/log", FsyncPolicy.BATCH, 0))
        .hasMessageContaining("log.key is missing");
    assertThat(brief(FileTileStore.toRead(place.resolve(CollectorLog.TILES)), log.key()))
        .containsExactly("a:1");
  }

  @Test
  void aWriterWithTooManyJournalsIsRefusedAnotherOneAndNobodyElseIs() throws Exception {
    CollectorLog log = Logs.open(tiles, directory);
    List<Addition> many = new ArrayList<>();
    for (int i = 0; i <= CollectorLog.MAX_JOURNALS; i++) {
      many.add(records(journal("a", i), 1));
    }

    List<Outcome> outcomes = log.append(many, NOW);

    assertThat(outcomes.getLast()).isEqualTo(new Outcome.NoRoom());
    assertThat(outcomes.subList(0, CollectorLog.MAX_JOURNALS))
        .containsOnly(new Outcome.Durable(1, 1, 0, 0));
    assertThat(log.append(List.of(records(journal("b", 0), 1), records(journal("a", 0), 2)), NOW))
        .containsExactly(new Outcome.Durable(1, 1, 0, 0), new Outcome.Durable(2, 1, 0, 0));
  }
}
