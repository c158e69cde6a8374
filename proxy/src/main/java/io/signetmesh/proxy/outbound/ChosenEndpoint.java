package io.signetmesh.proxy.outbound;

import io.netty.channel.Channel;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.Upstream;

/**
 * What a connection has got of an endpoint so far. It is used only if the destination in force
 * still leads there, and given back otherwise.
 */
sealed interface ChosenEndpoint {
  /** Nothing has been picked. */
  ChosenEndpoint NONE = new None();

  /** Whether a destination still leads to what was picked; false when nothing was. */
  boolean isOf(Upstream destination);

  /** Gives back what is not used. */
  void giveBack();

  /** Nothing has been picked. */
  record None() implements ChosenEndpoint {
    @Override
    public boolean isOf(Upstream destination) {
      return false;
    }

    @Override
    public void giveBack() {}
  }

  /**
   * An endpoint has been picked.
   *
   * @param lease counts the connection as load of the endpoint
   */
  record Picked(Upstream.Lease lease) implements ChosenEndpoint {
    @Override
    public boolean isOf(Upstream destination) {
      return destination.leadsTo(lease.endpoint());
    }

    @Override
    public void giveBack() {
      lease.release();
    }
  }

  /**
   * An endpoint has been connected to.
   *
   * @param endpoint what was picked
   * @param peer connection to it
   */
  record Connected(Endpoint endpoint, Upstream.Lease lease, Channel peer)
      implements ChosenEndpoint {
    @Override
    public boolean isOf(Upstream destination) {
      return destination.leadsTo(endpoint);
    }

    @Override
    public void giveBack() {
      lease.release();
      Endings.reset(peer);
    }
  }
}
