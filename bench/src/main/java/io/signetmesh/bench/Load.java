package io.signetmesh.bench;

/**
 * Outcome of one run of a load generator.
 *
 * @param requests requests that were answered
 * @param errors requests that failed, or were answered with another status than 2xx
 * @param seconds length of the run
 * @param p50Micros median latency
 * @param p99Micros 99th percentile of the latency
 */
record Load(long requests, long errors, double seconds, double p50Micros, double p99Micros) {
  double requestsPerSecond() {
    return requests / seconds;
  }
}
