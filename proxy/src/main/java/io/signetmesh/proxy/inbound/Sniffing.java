package io.signetmesh.proxy.inbound;

import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.detect.ClientHello;
import java.time.Duration;
import java.util.function.Consumer;

/** Looks for TLS in the first bytes. */
final class Sniffing implements ConnectionState {
  private final HeldReads held;
  private final Duration timeout;
  private final Consumer<ClientHello.Result> found;
  private final Runnable undecided;

  /**
   * @param undecided runs when time or input came to an end before
   */
  Sniffing(
      HeldReads held, Duration timeout, Consumer<ClientHello.Result> found, Runnable undecided) {
    this.held = held;
    this.timeout = timeout;
    this.found = found;
    this.undecided = undecided;
  }

  @Override
  public void enter() {
    held.inspect(timeout, ClientHello::inspect, found, undecided);
  }

  @Override
  public void leave() {
    held.stop();
  }
}
