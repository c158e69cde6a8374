package io.signetmesh.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A line of the result; what does not apply is null.
 *
 * @param work what was measured
 * @param system whose proxies
 * @param requestsPerSecond requests, or handshakes, a second
 * @param p50Micros median latency
 * @param p99Micros 99th percentile of the latency
 * @param cpuMicrosPerRequest CPU time of the proxies together for one request
 * @param rssMegabytes resident memory of one proxy, mean of the pair, highest seen
 * @param pssMegabytes the same with shared pages divided among their users
 * @param startupMillis start to first answer
 * @param startupCpuMillis CPU time of the proxies together up to then
 * @param errors failed requests
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Row(
    @JsonProperty("work") String work,
    @JsonProperty("system") String system,
    @JsonProperty("requests_per_s") @Nullable Double requestsPerSecond,
    @JsonProperty("p50_us") @Nullable Double p50Micros,
    @JsonProperty("p99_us") @Nullable Double p99Micros,
    @JsonProperty("cpu_us_per_request") @Nullable Double cpuMicrosPerRequest,
    @JsonProperty("rss_mb") @Nullable Double rssMegabytes,
    @JsonProperty("pss_mb") @Nullable Double pssMegabytes,
    @JsonProperty("startup_ms") @Nullable Double startupMillis,
    @JsonProperty("startup_cpu_ms") @Nullable Double startupCpuMillis,
    @JsonProperty("errors") @Nullable Long errors) {

  /** A load and what it cost. */
  static Row loaded(
      String work, String system, Load load, long cpuMicros, double rssMegabytes, double pss) {
    return new Row(
        work,
        system,
        load.requestsPerSecond(),
        load.p50Micros(),
        load.p99Micros(),
        cpuMicros / (double) Math.max(1, load.requests()),
        rssMegabytes,
        pss,
        null,
        null,
        load.errors());
  }

  /** Proxies at rest. */
  static Row idle(String work, String system, double rssMegabytes, double pss) {
    return new Row(work, system, null, null, null, null, rssMegabytes, pss, null, null, null);
  }

  /** A start. */
  static Row started(String work, String system, double millis, double cpuMillis) {
    return new Row(work, system, null, null, null, null, null, null, millis, cpuMillis, null);
  }

  /** Median of each figure by itself over the rounds; errors are summed. */
  static Row median(List<Row> rounds) {
    Row first = rounds.getFirst();
    List<Long> errors = rounds.stream().map(Row::errors).filter(Objects::nonNull).toList();
    return new Row(
        first.work,
        first.system,
        median(rounds, Row::requestsPerSecond),
        median(rounds, Row::p50Micros),
        median(rounds, Row::p99Micros),
        median(rounds, Row::cpuMicrosPerRequest),
        median(rounds, Row::rssMegabytes),
        median(rounds, Row::pssMegabytes),
        median(rounds, Row::startupMillis),
        median(rounds, Row::startupCpuMillis),
        errors.isEmpty() ? null : errors.stream().mapToLong(Long::longValue).sum());
  }

  private static @Nullable Double median(List<Row> rounds, Function<Row, @Nullable Double> figure) {
    double[] values =
        rounds.stream()
            .map(figure)
            .filter(Objects::nonNull)
            .mapToDouble(Double::doubleValue)
            .toArray();
    if (values.length == 0) {
      return null;
    }
    Arrays.sort(values);
    int middle = values.length / 2;
    return values.length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  }
}
