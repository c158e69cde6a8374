package io.signetmesh.collector.verify;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.AuditEntry.Missing;
import io.signetmesh.collector.query.AuditEntry.Other;
import io.signetmesh.collector.verify.Finding.Kind;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SequenceCheckTest {
  private final List<Finding> findings = new ArrayList<>();
  private SequenceCheck check = new SequenceCheck(true, findings::add);
  private long index;

  private void record(String writer, int... sequences) {
    for (int sequence : sequences) {
      add(writer, sequence, new Other("head"));
    }
  }

  private void add(String writer, long sequence, AuditEntry.Event event) {
    Instant now = Instant.EPOCH;
    check.add(
        new AuditEntry(
            index++, new byte[0], writer, "0".repeat(32), now, false, sequence, now, event));
  }

  @Test
  void numbersThatFollowOneAnotherAreGood() {
    record("a", 1, 2);
    record("b", 1);
    record("a", 3);
    record("b", 2);

    assertThat(findings).isEmpty();
    assertThat(check.counts().journals()).isEqualTo(2);
    assertThat(check.counts().records()).isEqualTo(5);
  }

  @Test
  void aHoleThatNothingStatesIsNamed() {
    record("a", 1, 4);

    assertThat(findings)
        .singleElement()
        .hasToString(
            "hole: entry 1, journal 00000000000000000000000000000000 of a: records 2 to 3 are"
                + " missing before record 4, and nothing states it");
  }

  @Test
  void whatIsStatedAsMissingIsNoHole() {
    record("a", 1);
    add("a", 2, new Missing(2, 3, false));
    record("a", 4);
    add("a", 5, new Gap(128, null));

    assertThat(findings).isEmpty();
    assertThat(check.counts().missingRecords()).isEqualTo(2);
    assertThat(check.counts().lost()).isEqualTo(128);
    assertThat(check.counts().missing()).singleElement().matches(range -> range.entry() == 1);
  }

  @Test
  void whatACollectorHadForgottenMayBeThereASecondTime() {
    record("a", 1, 2, 3);
    add("a", 1, new Missing(1, 1, true));
    record("a", 2, 3, 4);
    assertThat(findings).isEmpty();
    assertThat(check.counts().missingRecords()).isZero();
    assertThat(check.counts().missing()).singleElement().matches(range -> range.unsure());

    record("a", 4);
    assertThat(findings).extracting(Finding::kind).containsExactly(Kind.REPEATED);
  }

  @Test
  void statedMoreThanIsMissingOrLess() {
    record("a", 1, 2);
    add("a", 2, new Missing(2, 3, false));
    record("a", 6);

    assertThat(findings).extracting(Finding::kind).containsExactly(Kind.REPEATED, Kind.HOLE);
  }

  @Test
  void aRepeatedRecordIsToldFromALateOne() {
    record("a", 1, 2, 2, 5, 3);

    assertThat(findings)
        .extracting(Finding::kind)
        .containsExactly(Kind.REPEATED, Kind.HOLE, Kind.DISORDER);
  }

  @Test
  void aJournalBeginsWithOneWhereTheLogBegins() {
    record("a", 3);
    assertThat(findings).extracting(Finding::kind).containsExactly(Kind.HOLE);

    findings.clear();
    check = new SequenceCheck(false, findings::add);
    record("a", 3, 4);
    assertThat(findings).isEmpty();
  }

  @Test
  void nothingIsSaidOfWhatWasNotRead() {
    record("a", 1);
    check.passOver(2);
    record("a", 4);
    record("b", 7);
    assertThat(findings).isEmpty();

    check.passOver(1);
    record("a", 4);
    assertThat(findings).extracting(Finding::kind).containsExactly(Kind.REPEATED);
  }
}
