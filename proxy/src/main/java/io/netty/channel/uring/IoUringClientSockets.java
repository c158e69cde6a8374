package io.netty.channel.uring;

import io.netty.channel.socket.SocketChannel;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.SocketAddress;

/**
 * Clients of io_uring made from descriptors of sockets that are not connected yet. Netty (as of
 * 4.2.18) takes descriptors for connections only: what it has noted of a connection is taken back.
 */
public final class IoUringClientSockets {
  /** The own address, which Netty asks the kernel for at the connect if it is not known. */
  private static final VarHandle LOCAL = local();

  private IoUringClientSockets() {}

  private static VarHandle local() {
    try {
      return MethodHandles.privateLookupIn(AbstractIoUringChannel.class, MethodHandles.lookup())
          .findVarHandle(AbstractIoUringChannel.class, "local", SocketAddress.class);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this version of Netty has other channels of io_uring", e);
    }
  }

  /**
   * A channel that is not connected.
   *
   * @param descriptor a TCP socket; it belongs to the channel from now on
   */
  @SuppressWarnings("NullAway") // A channel that nobody has accepted has no parent.
  public static SocketChannel of(int descriptor) {
    IoUringSocketChannel channel = new IoUringSocketChannel(null, new LinuxSocket(descriptor));
    channel.active = false;
    LOCAL.setVolatile(channel, null);
    return channel;
  }
}
