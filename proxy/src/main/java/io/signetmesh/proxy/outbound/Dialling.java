package io.signetmesh.proxy.outbound;

import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.Upstream;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Connects to the endpoint that was picked, or to another one when that cannot be reached: nothing
 * has been sent, so that another one is as good.
 */
final class Dialling implements OutboundState {
  private static final Logger log = LoggerFactory.getLogger(Dialling.class);

  /** Endpoints that are tried for one connection. */
  private static final int MAX_ATTEMPTS = 3;

  private final Upstream destination;
  private final Upstream.Lease first;
  private final Function<Endpoint, Future<Channel>> dial;
  private final Consumer<ChosenEndpoint> connected;
  private final Runnable failed;
  private boolean left;

  /**
   * @param destination picks further endpoints
   * @param first endpoint that is tried first
   * @param dial connects to an endpoint, within a time of its own
   * @param failed runs when no endpoint could be connected to
   */
  Dialling(
      Upstream destination,
      Upstream.Lease first,
      Function<Endpoint, Future<Channel>> dial,
      Consumer<ChosenEndpoint> connected,
      Runnable failed) {
    this.destination = destination;
    this.first = first;
    this.dial = dial;
    this.connected = connected;
    this.failed = failed;
  }

  @Override
  public void enter() {
    dial(first, 1);
  }

  /**
   * @param attempt from 1
   */
  private void dial(Upstream.Lease lease, int attempt) {
    Endpoint endpoint = lease.endpoint();
    long started = System.nanoTime();
    dial.apply(endpoint)
        .addListener(
            (Future<Channel> dialed) -> {
              if (!dialed.isSuccess()) {
                lease.failed();
                lease.release();
                log.debug("connection to {}: {}", endpoint, dialed.cause().toString());
                again(attempt);
                return;
              }
              lease.connected(System.nanoTime() - started);
              ChosenEndpoint chosen =
                  new ChosenEndpoint.Connected(endpoint, lease, dialed.getNow());
              if (left) {
                chosen.giveBack();
              } else {
                connected.accept(chosen);
              }
            });
  }

  private void again(int attempt) {
    if (left) {
      return;
    }
    Upstream.@Nullable Lease other = attempt < MAX_ATTEMPTS ? destination.pick() : null;
    if (other == null) {
      failed.run();
    } else {
      dial(other, attempt + 1);
    }
  }

  @Override
  public void leave() {
    left = true;
  }
}
