package io.netty.channel.epoll;

import io.netty.channel.socket.SocketChannel;

/**
 * Clients of epoll made from descriptors of sockets that are not connected yet. Netty's public
 * constructor (as of 4.2.18) takes a descriptor for a connection; the one that does not is visible
 * to its package only. Nothing else of Signet is in this package.
 */
public final class EpollClientSockets {
  private EpollClientSockets() {}

  /**
   * A channel that is not connected.
   *
   * @param descriptor a TCP socket, not blocking; it belongs to the channel from now on
   */
  public static SocketChannel of(int descriptor) {
    return new EpollSocketChannel(new LinuxSocket(descriptor), false);
  }
}
