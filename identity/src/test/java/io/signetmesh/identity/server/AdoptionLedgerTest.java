package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.signetmesh.v1.ServedLeaf;
import io.signetmesh.v1.TrustReport;
import java.time.Instant;
import java.time.InstantSource;
import org.junit.jupiter.api.Test;

class AdoptionLedgerTest {
  private final AdoptionLedger ledger =
      new AdoptionLedger(InstantSource.fixed(Instant.parse("2026-01-01T00:00:00Z")));

  @Test
  void identityThatReportsAgainAndAgainLeavesRoomForOthers() {
    for (int i = 0; i < AdoptionLedger.MAX_ENTRIES_OF_ONE + 10; i++) {
      long stream = ledger.open();
      ledger.report(stream, "greedy", "10.0.0.1:1", leaf(i));
      ledger.close(stream);
    }
    ledger.report(ledger.open(), "modest", "10.0.0.2:1", leaf(0));

    assertThat(ledger.adoptions()).hasSize(AdoptionLedger.MAX_ENTRIES_OF_ONE + 1);
    assertThat(ledger.adoptions()).anyMatch(adoption -> adoption.identity().equals("modest"));
  }

  /** A leaf that claims to be good for ever, of another digest each time. */
  private static TrustReport leaf(int number) {
    return TrustReport.newBuilder()
        .setLeaf(
            ServedLeaf.newBuilder()
                .setSha256(ByteString.copyFromUtf8("leaf " + number))
                .setNotAfter(Timestamp.newBuilder().setSeconds(Long.MAX_VALUE)))
        .build();
  }
}
