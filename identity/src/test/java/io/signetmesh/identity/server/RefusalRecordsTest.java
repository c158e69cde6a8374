package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.api.Test;

class RefusalRecordsTest {
  private long now = 1_000_000;
  private final RefusalRecords records = new RefusalRecords(() -> Instant.ofEpochMilli(now));

  @Test
  void floodIsSummedUpAndItsNumberToldWithTheNextRecord() {
    for (int i = 0; i < RefusalRecords.BURST; i++) {
      assertThat(records.admit()).isZero();
    }
    for (int i = 0; i < 1_000; i++) {
      assertThat(records.admit()).isNegative();
    }
    now += 1_000;
    assertThat(records.admit()).isEqualTo(1_000);
    assertThat(records.admit()).isNegative();
    now += 3_600_000;
    assertThat(records.admit()).isEqualTo(1);
    assertThat(records.admit()).isZero();
  }
}
