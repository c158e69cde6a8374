package io.signetmesh.proxy.handover;

import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.util.List;

/**
 * The listeners of one address, which can be handed to a successor.
 *
 * @param address address as configured, with the port that the system chose for port 0
 * @param channels the listeners, one per event loop; channels of a Unix transport
 */
public record HandedOver(InetSocketAddress address, List<Channel> channels) {
  /** Copies the list. */
  public HandedOver {
    channels = List.copyOf(channels);
  }
}
