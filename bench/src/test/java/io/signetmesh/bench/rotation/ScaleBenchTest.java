package io.signetmesh.bench.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class ScaleBenchTest {
  @Test
  void aPercentileIsACallThatWasMade() {
    long[] micros = LongStream.rangeClosed(1, 1_000).map(n -> n * 1_000).toArray();

    assertThat(ScaleBench.percentile(micros, 0.5)).isEqualTo(500);
    assertThat(ScaleBench.percentile(micros, 0.99)).isEqualTo(990);
    assertThat(ScaleBench.percentile(micros, 1)).isEqualTo(1_000);
    assertThat(ScaleBench.percentile(new long[] {7_000}, 0)).isEqualTo(7);
    assertThat(ScaleBench.percentile(new long[0], 0.5)).isNaN();
  }
}
