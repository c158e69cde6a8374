package io.signetmesh.collector.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class WriterRatesTest {
  private static final long RATE = 4L << 20;

  private long now = 1L << 40;
  private final WriterRates rates = new WriterRates(RATE, () -> now);
  private final List<String> asked = new ArrayList<>();

  private void pass(long millis) {
    now += TimeUnit.MILLISECONDS.toNanos(millis);
  }

  @Test
  void aWriterIsAskedForMoreOnlyAtItsRateAfterABurstAndOthersAtOnce() {
    Runnable ask = () -> asked.add("a");
    long delivered = 0;
    while (asked.size() * (long) Message.MAX_BYTES == delivered) {
      rates.ask("a", ask);
      if (asked.size() * (long) Message.MAX_BYTES > delivered) {
        delivered += Message.MAX_BYTES;
        rates.charge("a", Message.MAX_BYTES);
      } else {
        break;
      }
    }
    assertThat(delivered).isBetween(16 * RATE, 16 * RATE + Message.MAX_BYTES);

    rates.ask("b", () -> asked.add("b"));
    assertThat(asked.getLast()).isEqualTo("b");

    int before = asked.size();
    for (int i = 0; i < 1_000; i++) {
      pass(100);
      rates.tick();
      if (asked.getLast().equals("a")) {
        asked.add("-");
        rates.charge("a", Message.MAX_BYTES);
        rates.ask("a", ask);
      }
    }
    long more = asked.subList(before, asked.size()).stream().filter("a"::equals).count();
    assertThat(more * Message.MAX_BYTES).isBetween(90 * RATE, 101 * RATE);
  }

  @Test
  void debtIsPaidWhateverStreamsTheWriterOpensAndTheyGoOnInTurn() {
    rates.charge("a", 17 * RATE);
    rates.ask("a", () -> asked.add("first"));
    Runnable gone = () -> asked.add("gone");
    rates.ask("a", gone);
    rates.ask("a", () -> asked.add("last"));
    rates.forget("a", gone);
    rates.tick();
    assertThat(asked).isEmpty();
    assertThat(rates.size()).isEqualTo(1);

    pass(1_001);
    rates.tick();
    assertThat(asked).containsExactly("first");
    rates.charge("a", 1);
    assertThat(asked).containsExactly("first", "last");
  }

  @Test
  void aWriterWhoseBucketIsFullIsForgotten() {
    rates.charge("a", RATE);
    rates.tick();
    assertThat(rates.size()).isEqualTo(1);
    pass(1_001);
    rates.tick();
    assertThat(rates.size()).isZero();
  }
}
