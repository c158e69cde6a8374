package io.signetmesh.proxy.inbound;

import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.detect.HttpSniffer;
import io.signetmesh.proxy.metrics.HttpDetection;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Finds out which HTTP is spoken, if any. A policy that treats the connection otherwise ends it.
 */
final class Detecting implements ConnectionState {
  private final HeldReads held;
  private final Treatment.Detect treatment;
  private final Duration left;
  private final Function<ServerPolicy, Treatment> treatments;
  private final Consumer<HttpDetection> found;
  private final Runnable treatedOtherwise;

  /**
   * @param treatment what the policy in force asks for
   * @param left how much is left of the time that it gives, not negative
   * @param treatments what another policy asks for
   * @param treatedOtherwise runs when a policy comes that asks for something else
   */
  Detecting(
      HeldReads held,
      Treatment.Detect treatment,
      Duration left,
      Function<ServerPolicy, Treatment> treatments,
      Consumer<HttpDetection> found,
      Runnable treatedOtherwise) {
    this.held = held;
    this.treatment = treatment;
    this.left = left;
    this.treatments = treatments;
    this.found = found;
    this.treatedOtherwise = treatedOtherwise;
  }

  @Override
  public void enter() {
    held.inspect(left, HttpSniffer::inspect, found, () -> found.accept(HttpDetection.READ_TIMEOUT));
  }

  @Override
  public void leave() {
    held.stop();
  }

  @Override
  public void policyChanged(ServerPolicy now) {
    if (!treatments.apply(now).equals(treatment)) {
      treatedOtherwise.run();
    }
  }
}
