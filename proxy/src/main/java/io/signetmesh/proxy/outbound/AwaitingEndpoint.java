package io.signetmesh.proxy.outbound;

import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.upstream.Upstream;
import java.util.function.Consumer;

/** Waits until an endpoint is ready; the wait is bounded by the future. */
final class AwaitingEndpoint implements OutboundState {
  private final Future<Upstream.Lease> picking;
  private final Consumer<ChosenEndpoint> picked;
  private final Runnable none;
  private boolean left;

  /**
   * @param none runs when no endpoint was ready in time
   */
  AwaitingEndpoint(Future<Upstream.Lease> picking, Consumer<ChosenEndpoint> picked, Runnable none) {
    this.picking = picking;
    this.picked = picked;
    this.none = none;
  }

  @Override
  public void enter() {
    picking.addListener(
        (Future<Upstream.Lease> done) -> {
          if (left) {
            if (done.isSuccess()) {
              done.getNow().release();
            }
          } else if (done.isSuccess()) {
            picked.accept(new ChosenEndpoint.Picked(done.getNow()));
          } else {
            none.run();
          }
        });
  }

  @Override
  public void leave() {
    left = true;
  }
}
