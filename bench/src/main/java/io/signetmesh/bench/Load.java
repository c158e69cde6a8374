package io.signetmesh.bench;

/**
 * Outcome of one run of a load generator.
 *
 * @param requests requests that were answered
 * @param errors requests that failed, or were answered with another status than 2xx
 * @param seconds length of the run
 * @param p50Micros median latency
 * @param p99Micros 99th percentile of the latency
 * @param p999Micros 99.9th percentile; 0 where it was not measured
 * @param bytes bytes of bodies that were answered; 0 where they were not counted
 */
public record Load(
    long requests,
    long errors,
    double seconds,
    double p50Micros,
    double p99Micros,
    double p999Micros,
    long bytes) {
  /** A load with neither a 99.9th percentile nor bytes. */
  Load(long requests, long errors, double seconds, double p50Micros, double p99Micros) {
    this(requests, errors, seconds, p50Micros, p99Micros, 0, 0);
  }

  /** Answered requests a second. */
  public double requestsPerSecond() {
    return requests / seconds;
  }
}
