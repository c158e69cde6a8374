package io.signetmesh.collector.log;

import static io.signetmesh.collector.log.Logs.journal;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.collector.log.JournalLedger.Position;
import org.junit.jupiter.api.Test;

class JournalLedgerTest {
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
    assertThat(ledger.durable(journal("a", 1))).isZero();
    assertThat(ledger.durable(journal("a", 0))).isEqualTo(6);
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
    assertThat(ledger.durable(journal("a", 1))).isZero();
    assertThat(ledger.durable(journal("b", 1))).isEqualTo(1);
  }
}
