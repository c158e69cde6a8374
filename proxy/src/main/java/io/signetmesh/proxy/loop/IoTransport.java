package io.signetmesh.proxy.loop;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelOption;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollClientSockets;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.IntegerUnixChannelOption;
import io.netty.channel.uring.AdoptedServerSocketChannel;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringChannelOption;
import io.netty.channel.uring.IoUringClientSockets;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringIoHandlerConfig;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.netty.channel.uring.IoUringSocketChannel;
import java.util.Locale;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;

/** The I/O transport of the event loops. */
public enum IoTransport {
  /** Linux io_uring: fewest system calls; container runtimes often forbid it. */
  IO_URING("io_uring"),
  EPOLL("epoll"),
  /** Fallback for systems that are not Linux. */
  NIO("nio");

  private static final int PROBE_SECONDS = 5;
  private static final int PROBES = 3;

  /** {@code IP_BIND_ADDRESS_NO_PORT} of level {@code IPPROTO_IP}, ip(7). */
  private static final IntegerUnixChannelOption BIND_ADDRESS_NO_PORT =
      new IntegerUnixChannelOption("IP_BIND_ADDRESS_NO_PORT", 0, 24);

  static {
    // Netty's multi-shot poll of io_uring (4.2.18) tells of a change once. A reset that comes
    // together with bytes is lost by that: the read that takes the bytes uses the poll up, and the
    // connection, which is gone, waits forever. A poll for each wait looks at the state as it is.
    String multishot = "io.netty.iouring.pollAddMultishotEnabled";
    if (System.getProperty(multishot) == null) {
      System.setProperty(multishot, "false");
    }
  }

  private final String label;

  IoTransport(String label) {
    this.label = label;
  }

  /** Name in configuration, logs and metrics: {@code io_uring}, {@code epoll} or {@code nio}. */
  public String label() {
    return label;
  }

  /**
   * Selects a transport, or the best one that works here.
   *
   * @param wanted label of a transport, or null for the best
   * @throws IllegalArgumentException when the wanted one is unknown or does not work here
   */
  public static IoTransport select(@Nullable String wanted) {
    if (wanted != null) {
      for (IoTransport transport : values()) {
        if (transport.label.equals(wanted.toLowerCase(Locale.ROOT))) {
          Throwable cause = transport.unavailability();
          if (cause != null) {
            throw new IllegalArgumentException(
                "transport " + wanted + " does not work here: " + cause.getMessage(), cause);
          }
          return transport;
        }
      }
      throw new IllegalArgumentException(
          "transport '" + wanted + "': expected io_uring, epoll or nio");
    }
    for (IoTransport transport : values()) {
      if (transport.unavailability() == null) {
        return transport;
      }
    }
    return NIO;
  }

  private @Nullable Throwable unavailability() {
    return switch (this) {
      case IO_URING -> IoUring.isAvailable() ? null : IoUring.unavailabilityCause();
      case EPOLL -> Epoll.isAvailable() ? null : Epoll.unavailabilityCause();
      case NIO -> null;
    };
  }

  IoHandlerFactory handlerFactory() {
    return GuardedIo.around(
        switch (this) {
          case IO_URING ->
              IoUringIoHandler.newFactory(
                  new IoUringIoHandlerConfig().setMaxUnboundedWorker(HalfClosedWrites.WORKERS));
          case EPOLL -> HalfCloseableEpoll.newFactory();
          case NIO -> NioIoHandler.newFactory();
        });
  }

  /** Channel class of clients. */
  public Class<? extends SocketChannel> socketChannel() {
    return switch (this) {
      case IO_URING -> IoUringSocketChannel.class;
      case EPOLL -> EpollSocketChannel.class;
      case NIO -> NioSocketChannel.class;
    };
  }

  /**
   * Makes clients that bind a source address get their port at connect (IP_BIND_ADDRESS_NO_PORT). A
   * port is then used per pair of addresses, so that binding does not reduce the number of
   * connections.
   */
  public void bindWithoutPort(Bootstrap client) {
    if (this != NIO) {
      client.option(BIND_ADDRESS_NO_PORT, 1);
    }
  }

  /**
   * Has the kernel notice a peer that is gone: three probes of a silent connection, 5 s apart, and
   * a limit on bytes that are not acknowledged. With NIO, which cannot set that limit, the probes
   * only.
   */
  void noticeDeadPeers(TcpKeepAlive keepAlive, OptionSetter set) {
    boolean probed = keepAlive.idleSeconds() > 0;
    set.option(ChannelOption.SO_KEEPALIVE, probed);
    switch (this) {
      case IO_URING -> {
        if (probed) {
          set.option(IoUringChannelOption.TCP_KEEPIDLE, keepAlive.idleSeconds());
          set.option(IoUringChannelOption.TCP_KEEPINTVL, PROBE_SECONDS);
          set.option(IoUringChannelOption.TCP_KEEPCNT, PROBES);
        }
        set.option(IoUringChannelOption.TCP_USER_TIMEOUT, keepAlive.userTimeoutMillis());
      }
      case EPOLL -> {
        if (probed) {
          set.option(EpollChannelOption.TCP_KEEPIDLE, keepAlive.idleSeconds());
          set.option(EpollChannelOption.TCP_KEEPINTVL, PROBE_SECONDS);
          set.option(EpollChannelOption.TCP_KEEPCNT, PROBES);
        }
        set.option(EpollChannelOption.TCP_USER_TIMEOUT, keepAlive.userTimeoutMillis());
      }
      case NIO -> {
        if (probed) {
          set.option(
              NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPIDLE), keepAlive.idleSeconds());
          set.option(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPINTERVAL), PROBE_SECONDS);
          set.option(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPCOUNT), PROBES);
        }
      }
    }
  }

  /** Sets an option of connections. */
  @FunctionalInterface
  interface OptionSetter {
    <T> void option(ChannelOption<T> option, T value);
  }

  /** Channel class of listeners. */
  public Class<? extends ServerSocketChannel> serverSocketChannel() {
    return switch (this) {
      case IO_URING -> IoUringServerSocketChannel.class;
      case EPOLL -> EpollServerSocketChannel.class;
      case NIO -> NioServerSocketChannel.class;
    };
  }

  /**
   * A listener that another process, or another part of this one, has bound.
   *
   * @param descriptor a listening TCP socket; it belongs to the channel from now on
   * @throws UnsupportedOperationException with NIO
   */
  ServerSocketChannel adopt(FileDescriptor descriptor) {
    return switch (this) {
      case IO_URING -> new AdoptedServerSocketChannel(descriptor.intValue());
      case EPOLL -> new EpollServerSocketChannel(descriptor.intValue());
      case NIO -> throw new UnsupportedOperationException("nio cannot take over listeners");
    };
  }

  /**
   * A client that is not connected, made from a socket.
   *
   * @param descriptor a TCP socket, not blocking; it belongs to the channel from now on
   * @throws UnsupportedOperationException with NIO
   */
  SocketChannel client(FileDescriptor descriptor) {
    return switch (this) {
      case IO_URING -> IoUringClientSockets.of(descriptor.intValue());
      case EPOLL -> EpollClientSockets.of(descriptor.intValue());
      case NIO -> throw new UnsupportedOperationException("nio makes its sockets itself");
    };
  }
}
