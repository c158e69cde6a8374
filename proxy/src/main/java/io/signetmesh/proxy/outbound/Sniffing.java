package io.signetmesh.proxy.outbound;

import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.detect.HttpSniffer;
import io.signetmesh.proxy.metrics.HttpDetection;
import java.time.Duration;
import java.util.function.Consumer;

/** Looks for HTTP in the first bytes. */
final class Sniffing implements OutboundState {
  private final HeldReads held;
  private final Duration timeout;
  private final Consumer<HttpDetection> found;

  /**
   * @param found gets what was found, which may be that nothing came in time
   */
  Sniffing(HeldReads held, Duration timeout, Consumer<HttpDetection> found) {
    this.held = held;
    this.timeout = timeout;
    this.found = found;
  }

  @Override
  public void enter() {
    held.inspect(
        timeout, HttpSniffer::inspect, found, () -> found.accept(HttpDetection.READ_TIMEOUT));
  }

  @Override
  public void leave() {
    held.stop();
  }
}
