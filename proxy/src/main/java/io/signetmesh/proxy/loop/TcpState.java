package io.signetmesh.proxy.loop;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.uring.IoUringSocketChannel;
import java.io.UncheckedIOException;

/** What the kernel says of a TCP connection. */
public final class TcpState {
  /** TCP_CLOSE of the kernel: the connection is no more. */
  private static final int CLOSED = 7;

  private TcpState() {}

  /**
   * Whether a connection whose input ends now was reset, or is closed already. A read tells of a
   * reset only when no write has told of it before; then it looks like the end of input. NIO does
   * not say: false.
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
