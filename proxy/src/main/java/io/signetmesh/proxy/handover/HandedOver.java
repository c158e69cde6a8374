package io.signetmesh.proxy.handover;

import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.util.List;

/**
 * What listens on an address and can be handed to a successor.
 *
 * @param address the address as it was asked for, or the one that the system chose for port 0
 * @param channels the listeners, one per event loop; channels of a Unix transport
 */
public record HandedOver(InetSocketAddress address, List<Channel> channels) {
  /** Copies the list. */
  public HandedOver {
    channels = List.copyOf(channels);
  }
}
