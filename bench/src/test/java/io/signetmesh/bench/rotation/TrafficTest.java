package io.signetmesh.bench.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.bench.rotation.Traffic.Period;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TrafficTest {
  /** Answers, fails or announces its end, by the number of the request. */
  private static final class Scripted implements Client {
    private final AtomicInteger requests;
    private final CountDownLatch enough;
    private boolean ending;

    Scripted(AtomicInteger requests, CountDownLatch enough) {
      this.requests = requests;
      this.enough = enough;
    }

    @Override
    public void ask() throws IOException {
      enough.countDown();
      switch (requests.getAndIncrement()) {
        case 1 -> throw new IOException("reset");
        case 3 -> ending = true;
        default -> {}
      }
    }

    @Override
    public boolean isEnding() {
      return ending;
    }

    @Override
    public void close() {}
  }

  @Test
  void aConnectionThatBreaksIsAFailureAndOneThatEndsAsAnnouncedIsNone() throws Exception {
    AtomicInteger opened = new AtomicInteger();
    AtomicInteger requests = new AtomicInteger();
    CountDownLatch enough = new CountDownLatch(6);
    try (Traffic traffic = new Traffic("test")) {
      traffic.begin(Period.DURING);
      traffic.flow(
          "kept",
          1_000,
          true,
          () -> {
            opened.incrementAndGet();
            return new Scripted(requests, enough);
          });
      assertThat(enough.await(30, TimeUnit.SECONDS)).isTrue();
      traffic.close();

      assertThat(traffic.failed()).isEqualTo(1);
      assertThat(traffic.dropped()).isEqualTo(1);
      assertThat(traffic.announced()).isEqualTo(1);
      assertThat(opened).hasValue(3);
      assertThat(traffic.answers()).isEqualTo(requests.get() - 1L);
      assertThat(traffic.failures()).singleElement().asString().contains("kept", "reset");
    }
  }

  @Test
  void percentilesAreOfTheAnswers() {
    Latencies latencies = new Latencies();
    assertThat(latencies.percentile(0.99)).isZero();
    for (int millis = 1; millis <= 100; millis++) {
      latencies.add(TimeUnit.MILLISECONDS.toNanos(millis) - 1);
    }

    assertThat(latencies.answers()).isEqualTo(100);
    assertThat(latencies.percentile(0.5)).isEqualTo(50);
    assertThat(latencies.percentile(0.99)).isEqualTo(99);
  }

  @Test
  void anHttp2AnswerIsGoodWhenItsStatusIs200() {
    assertThat(Http2Client.isOk(new byte[] {(byte) 0x88})).isTrue();
    assertThat(Http2Client.isOk(new byte[] {0x3f, (byte) 0xe1, 0x1f, (byte) 0x88})).isTrue();
    assertThat(Http2Client.isOk(new byte[] {(byte) 0x8d})).isFalse();
    assertThat(Http2Client.isOk(new byte[0])).isFalse();
  }
}
