package io.signetmesh.proxy.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class DetectionTimeTest {
  private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 10);
  private final DetectionTime time = new DetectionTime(now::get);

  @Test
  void whatIsLeftShrinksToNothing() {
    assertThat(time.leftOf(Duration.ofNanos(100))).isEqualTo(Duration.ofNanos(100));
    now.addAndGet(60);
    assertThat(time.spentNanos()).isEqualTo(60);
    assertThat(time.leftOf(Duration.ofNanos(100))).isEqualTo(Duration.ofNanos(40));
    assertThat(time.leftOf(Duration.ofNanos(50))).isEqualTo(Duration.ZERO);
  }
}
