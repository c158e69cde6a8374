package io.signetmesh.proxy.loop;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.uring.IoUringSocketChannel;
import java.io.UncheckedIOException;

/** The kernel's state of a TCP connection. */
public final class TcpState {
  /** TCP_CLOSE of the kernel: the connection is no more. */
  private static final int CLOSED = 7;

  private TcpState() {}

  /**
   * Whether a connection whose input ends was reset, or is closed already. The kernel reports a
   * reset once: after a write has reported it, a read sees an end of input. Always false with NIO,
   * which does not expose the state.
   */
  public static boolean isReset(Channel channel) {
    try {
      if (channel instanceof EpollSocketChannel epoll) {
        return epoll.tcpInfo().state() == CLOSED;
      }
      return channel instanceof IoUringSocketChannel ring && ring.tcpInfo().state() == CLOSED;
    } catch (ChannelException | UncheckedIOException e) {
      return true;
    }
  }
}
