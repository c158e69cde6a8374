package io.signetmesh.bench.rotation;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What was used and sent from a time to another, by samples around them. What falls between two
 * samples is divided by time.
 *
 * @param cpuSeconds CPU time of the server
 * @param peakRssMegabytes most resident memory of a sample
 * @param peakHeapMegabytes most heap of a sample
 * @param bundles trust bundle messages received by proxies
 * @param reports trust reports sent by proxies
 * @param certifies Certify requests sent by proxies
 */
record PhaseUsage(
    double cpuSeconds,
    double peakRssMegabytes,
    double peakHeapMegabytes,
    long bundles,
    long reports,
    long certifies) {
  /**
   * The usage of a time.
   *
   * @param samples at least one, in the order of their times
   */
  static PhaseUsage of(List<Sample> samples, Instant from, Instant to) {
    return new PhaseUsage(
        growth(samples, from, to, Sample::cpuSeconds),
        peak(samples, from, to, Sample::rssMegabytes),
        peak(samples, from, to, Sample::heapMegabytes),
        Math.round(growth(samples, from, to, Sample::bundles)),
        Math.round(growth(samples, from, to, Sample::reports)),
        Math.round(growth(samples, from, to, Sample::certifies)));
  }

  private static double growth(
      List<Sample> samples, Instant from, Instant to, ToDoubleFunction<Sample> value) {
    return at(samples, to, value) - at(samples, from, value);
  }

  /** The value at a time between two samples; that of the first or the last outside of them. */
  private static double at(List<Sample> samples, Instant time, ToDoubleFunction<Sample> value) {
    Sample before = samples.getFirst();
    for (Sample after : samples) {
      if (!after.at().isBefore(time)) {
        double span = Duration.between(before.at(), after.at()).toNanos();
        double part = span == 0 ? 0 : Duration.between(before.at(), time).toNanos() / span;
        double low = value.applyAsDouble(before);
        return low + Math.clamp(part, 0, 1) * (value.applyAsDouble(after) - low);
      }
      before = after;
    }
    return value.applyAsDouble(before);
  }

  /** The most of the samples in that time, and of the one after it: a phase may be short. */
  private static double peak(
      List<Sample> samples, Instant from, Instant to, ToDoubleFunction<Sample> value) {
    double peak = 0;
    for (Sample sample : samples) {
      if (!sample.at().isBefore(from)) {
        peak = Math.max(peak, value.applyAsDouble(sample));
      }
      if (sample.at().isAfter(to)) {
        return peak;
      }
    }
    return peak == 0 ? value.applyAsDouble(samples.getLast()) : peak;
  }
}
