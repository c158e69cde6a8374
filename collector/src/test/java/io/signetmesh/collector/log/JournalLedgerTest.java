package io.signetmesh.collector.log;

import static io.signetmesh.collector.log.Logs.journal;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.tlog.TreeHash;
import io.signetmesh.collector.log.JournalLedger.Position;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalLedgerTest {
  @TempDir private Path directory;

  private static final long HOUR = JournalLedger.KEPT.toMillis();

  @Test
  void forgetsTheJournalOfTheWriterThatIsIdleForLongest() {
    JournalLedger ledger = new JournalLedger();
    for (int i = 0; i < JournalLedger.MAX_OF_WRITER; i++) {
      ledger.put(journal("a", i), new Position(5, i));
    }
    ledger.put(journal("a", 0), new Position(6, HOUR));

    assertThat(ledger.hasRoom(journal("a", 9_999), HOUR, 0)).isFalse();
    assertThat(ledger.hasRoom(journal("a", 1), HOUR, 0)).isTrue();
    assertThat(ledger.hasRoom(journal("b", 9_999), HOUR, 0)).isTrue();
    assertThat(ledger.hasRoom(journal("a", 9_999), HOUR + 1, 0)).isTrue();

    ledger.put(journal("a", 9_999), new Position(1, HOUR + 1));
    assertThat(ledger.size()).isEqualTo(JournalLedger.MAX_OF_WRITER);
    assertThat(ledger.isHeld(journal("a", 1))).isFalse();
    assertThat(ledger.durable(journal("a", 1))).isEqualTo(5);
    assertThat(ledger.durable(journal("a", 0))).isEqualTo(6);
  }

  @Test
  void aJournalThatWasPutAsideGoesOn() {
    JournalLedger ledger = new JournalLedger(1);
    ledger.put(journal("a", 1), new Position(5, 1));
    ledger.put(journal("a", 2), new Position(7, HOUR));
    assertThat(ledger.durable(journal("a", 1))).isEqualTo(5);

    ledger.put(journal("a", 1), new Position(6, 3 * HOUR));
    assertThat(ledger.isHeld(journal("a", 1))).isTrue();
    assertThat(ledger.durable(journal("a", 1))).isEqualTo(6);
    assertThat(ledger.durable(journal("a", 2))).isEqualTo(7);
    assertThat(ledger.isUnsure(journal("a", 3))).isFalse();
  }

  @Test
  void beyondAllBoundsItSaysThatItDoesNotKnow() throws Exception {
    JournalLedger ledger = new JournalLedger(1);
    for (int i = 0; i < ForgottenJournals.MAX + 2; i++) {
      ledger.put(journal("a", i), new Position(5, i * HOUR));
    }
    assertThat(ledger.isUnsure(journal("a", 0))).isTrue();
    assertThat(ledger.isUnsure(journal("a", 1))).isFalse();
    assertThat(ledger.isUnsure(journal("b", 0))).isFalse();
    assertThat(ledger.durable(journal("a", 1))).isEqualTo(5);

    Path file = directory.resolve("ledger");
    new LedgerSnapshot(1, TreeHash.EMPTY, ledger).write(file);
    JournalLedger read = LedgerSnapshot.read(file).orElseThrow().ledger();
    assertThat(read.isUnsure(journal("a", 0))).isTrue();
    assertThat(read.isUnsure(journal("b", 0))).isFalse();
    assertThat(read.durable(journal("a", 1))).isEqualTo(5);
    assertThat(read.durable(journal("a", ForgottenJournals.MAX))).isEqualTo(5);
    assertThat(read.isHeld(journal("a", ForgottenJournals.MAX + 1))).isTrue();
  }

  @Test
  void isBoundedOverAllWriters() {
    JournalLedger ledger = new JournalLedger(3);
    ledger.put(journal("a", 1), new Position(1, 10));
    ledger.put(journal("b", 1), new Position(1, 20));
    ledger.put(journal("c", 1), new Position(1, 30));

    assertThat(ledger.hasRoom(journal("d", 1), HOUR, 0)).isFalse();
    assertThat(ledger.hasRoom(journal("c", 2), HOUR, 0)).isFalse();
    assertThat(ledger.hasRoom(journal("d", 1), HOUR + 10, 0)).isTrue();

    ledger.put(journal("d", 1), new Position(1, HOUR + 10));
    assertThat(ledger.size()).isEqualTo(3);
    assertThat(ledger.isHeld(journal("a", 1))).isFalse();
    assertThat(ledger.durable(journal("b", 1))).isEqualTo(1);
  }
}
