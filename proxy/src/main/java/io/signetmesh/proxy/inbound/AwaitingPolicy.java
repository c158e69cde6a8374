package io.signetmesh.proxy.inbound;

import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.authorize.ServerPolicy;

/** Waits for the first policy of the port; the wait is bounded by the future. */
final class AwaitingPolicy implements ConnectionState {
  private final Future<ServerPolicy> first;
  private final Runnable arrived;
  private final Runnable missing;
  private boolean left;

  /**
   * @param arrived runs when there is a policy
   * @param missing runs when there was none in time
   */
  AwaitingPolicy(Future<ServerPolicy> first, Runnable arrived, Runnable missing) {
    this.first = first;
    this.arrived = arrived;
    this.missing = missing;
  }

  @Override
  public void enter() {
    first.addListener(
        done -> {
          if (!left) {
            (done.isSuccess() ? arrived : missing).run();
          }
        });
  }

  @Override
  public void leave() {
    left = true;
  }
}
