package io.signetmesh.proxy.loop;

import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.Socket;
import io.signetmesh.proxy.netns.NetworkNamespace;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;

/** Sockets that listen, made inside a network namespace or handed over. */
public final class ListeningSockets {
  /** Connections that may wait for a loop to accept them. */
  static final int BACKLOG = 4096;

  /** Linux's numbers, socket(7). */
  private static final int SOL_SOCKET = 1;

  private static final int SO_ACCEPTCONN = 30;

  private ListeningSockets() {}

  /**
   * Makes sockets inside a network namespace that listen on an address. Several share the address
   * by SO_REUSEPORT. Blocks.
   *
   * @param count number of sockets, 1 or more
   * @return the sockets, which are the caller's; with port 0 all have the port of the first
   * @throws IOException when the address cannot be bound; the message names it and the namespace
   */
  public static List<FileDescriptor> in(
      NetworkNamespace namespace, InetSocketAddress address, int count) throws IOException {
    boolean shared = count > 1;
    // One more finds out whether the address is free: the others would share it with anybody.
    boolean tries = shared && address.getPort() != 0;
    List<FileDescriptor> made =
        new ArrayList<>(
            namespace.awaitSockets(
                tries ? count + 1 : count, address.getAddress() instanceof Inet6Address));
    boolean listening = false;
    try {
      if (tries) {
        bind(made.getLast(), address, false);
        made.removeLast().close();
      }
      InetSocketAddress wanted = address;
      for (FileDescriptor descriptor : made) {
        Socket socket = bind(descriptor, wanted, shared);
        socket.listen(BACKLOG);
        wanted = socket.localAddress();
      }
      listening = true;
      return made;
    } catch (IOException e) {
      throw new IOException(cannotListen(address, e).getMessage() + " in " + namespace.name(), e);
    } finally {
      if (!listening) {
        close(made);
      }
    }
  }

  private static Socket bind(FileDescriptor descriptor, InetSocketAddress address, boolean shared)
      throws IOException {
    Socket socket = new Socket(descriptor.intValue());
    socket.setReuseAddress(true);
    if (shared) {
      socket.setReusePort(true);
    }
    socket.bind(address);
    return socket;
  }

  /** The address of a socket that is bound. */
  public static InetSocketAddress address(FileDescriptor descriptor) {
    return new Socket(descriptor.intValue()).localAddress();
  }

  /** Whether a descriptor is a TCP socket that listens on an address. */
  static boolean listensAt(FileDescriptor descriptor, InetSocketAddress address) {
    Socket socket = new Socket(descriptor.intValue());
    try {
      InetSocketAddress local = socket.localAddress();
      return socket.getIntOpt(SOL_SOCKET, SO_ACCEPTCONN) != 0
          && local != null
          && local.getPort() == address.getPort()
          && (local.getAddress().equals(address.getAddress())
              || (local.getAddress().isAnyLocalAddress()
                  && address.getAddress().isAnyLocalAddress()));
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Loops share an address by SO_REUSEPORT, and so would another process of the same user, unasked:
   * it would get a part of the connections. Binding without that option finds out.
   */
  static void expectFree(InetSocketAddress address) throws IOException {
    if (address.getPort() == 0) {
      return;
    }
    try (SocketChannel trial = SocketChannel.open()) {
      trial.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      trial.bind(address);
    } catch (IOException e) {
      throw cannotListen(address, e);
    }
  }

  static IOException cannotListen(InetSocketAddress address, Throwable cause) {
    return new IOException(
        "cannot listen on "
            + address.getAddress().getHostAddress()
            + ":"
            + address.getPort()
            + ": "
            + cause.getMessage(),
        cause);
  }

  static void close(List<FileDescriptor> descriptors) {
    for (FileDescriptor descriptor : descriptors) {
      try {
        descriptor.close();
      } catch (IOException e) {
        // It is closed all the same.
      }
    }
  }
}
