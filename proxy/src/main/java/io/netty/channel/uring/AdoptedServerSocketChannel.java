package io.netty.channel.uring;

import io.netty.channel.Channel;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.ServerSocketChannelConfig;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A listener of io_uring made from the descriptor of a socket that listens already. Netty's epoll
 * transport has a constructor for that, its io_uring transport (as of 4.2.18) has none; the parts
 * are there, visible to their package only. Nothing else of Signet is in this package.
 */
public final class AdoptedServerSocketChannel extends AbstractIoUringServerChannel
    implements ServerSocketChannel {
  private final IoUringServerSocketChannelConfig config;

  /**
   * @param descriptor a listening TCP socket; it belongs to the channel from now on
   */
  public AdoptedServerSocketChannel(int descriptor) {
    super(new LinuxSocket(descriptor), true);
    config = new IoUringServerSocketChannelConfig(this);
  }

  @Override
  Channel newChildChannel(int descriptor, @Nullable ByteBuffer acceptedAddress) {
    // The client's address is asked of the kernel, not read from what accept has written.
    return new IoUringSocketChannel(this, new LinuxSocket(descriptor));
  }

  @Override
  public ServerSocketChannelConfig config() {
    return config;
  }

  @Override
  public InetSocketAddress localAddress() {
    return (InetSocketAddress) super.localAddress();
  }

  @Override
  public InetSocketAddress remoteAddress() {
    return (InetSocketAddress) super.remoteAddress();
  }
}
