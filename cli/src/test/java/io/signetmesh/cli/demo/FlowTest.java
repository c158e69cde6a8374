package io.signetmesh.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

final class FlowTest {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  @Test
  void noticesWhenAnswersTurnToRefusalsAndBack() throws Exception {
    AtomicBoolean open = new AtomicBoolean(true);
    try (Flow flow =
        Flow.start("test", () -> open.get() ? Answer.served("yes") : Answer.refused("no"))) {
      assertThat(flow.await(true, LIMIT)).isPresent();
      open.set(false);
      assertThat(flow.await(false, LIMIT))
          .hasValueSatisfying(turn -> assertThat(turn.answer().text()).isEqualTo("no"));
      open.set(true);
      assertThat(flow.await(true, LIMIT)).isPresent();
      assertThat(flow.served()).isPositive();
      assertThat(flow.refused()).isPositive();
    }
  }

  @Test
  void givesUpWaitingAfterTheLimit() throws Exception {
    try (Flow flow = Flow.start("test", () -> Answer.served("yes"))) {
      assertThat(flow.await(false, Duration.ofMillis(50))).isEmpty();
    }
  }
}
