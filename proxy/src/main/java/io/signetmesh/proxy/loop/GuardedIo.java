package io.signetmesh.proxy.loop;

import io.netty.channel.Channel;
import io.netty.channel.IoEvent;
import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.nio.NioIoHandle;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.uring.IoUringIoEvent;
import io.netty.channel.uring.IoUringIoHandle;
import io.netty.util.concurrent.ThreadAwareExecutor;
import java.nio.channels.SelectableChannel;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what goes wrong with one connection from ending the event loop. Netty's transports (as of
 * 4.2.18) allocate read buffers outside the pipeline and let an {@link Error} there, such as an
 * {@link OutOfMemoryError}, end the loop and with it every connection. Here it closes the
 * connection that it came from.
 */
final class GuardedIo implements IoHandler {
  private static final Logger log = LoggerFactory.getLogger(GuardedIo.class);

  private final IoHandler io;
  private final @Nullable FairEventLoop loop;

  /** Of io_uring only; made with its listener, before there are connections. */
  private @Nullable HalfClosedWrites halfClosedWrites;

  private GuardedIo(IoHandler io, @Nullable FairEventLoop loop) {
    this.io = io;
    this.loop = loop;
  }

  static IoHandlerFactory around(IoHandlerFactory factory) {
    return new IoHandlerFactory() {
      @Override
      public IoHandler newHandler(ThreadAwareExecutor executor) {
        return new GuardedIo(
            factory.newHandler(executor), executor instanceof FairEventLoop fair ? fair : null);
      }

      @Override
      public boolean isChangingThreadSupported() {
        return factory.isChangingThreadSupported();
      }
    };
  }

  @Override
  public IoRegistration register(IoHandle handle) throws Exception {
    return switch (handle) {
      case IoUringIoHandle uring -> {
        HalfClosedWrites writes = halfClosedWrites;
        if (writes == null) {
          writes = new HalfClosedWrites();
          halfClosedWrites = writes;
        }
        if (uring instanceof Channel.Unsafe unsafe) {
          writes.limit(unsafe);
        }
        yield io.register(new Uring(loop, uring, writes));
      }
      case EpollIoHandle epoll -> io.register(new Epoll(loop, epoll));
      case NioIoHandle nio -> io.register(new Nio(loop, nio));
      default -> io.register(handle);
    };
  }

  @Override
  public void initialize() {
    io.initialize();
  }

  /**
   * A loop that ends by an exception closes its sockets, too: Netty does not in that case. io_uring
   * closes sockets by requests to the ring, which does not always take them any more.
   */
  @Override
  public int run(IoHandlerContext context) {
    try {
      return io.run(context);
    } catch (Throwable thrown) {
      log.error("an event loop ends", thrown);
      try {
        io.prepareToDestroy();
      } catch (Throwable again) {
        log.error("not all sockets of an event loop that ends are closed", again);
      }
      throw thrown;
    }
  }

  @Override
  public void prepareToDestroy() {
    io.prepareToDestroy();
  }

  @Override
  public void destroy() {
    io.destroy();
  }

  @Override
  public void wakeup() {
    io.wakeup();
  }

  @Override
  public boolean isCompatible(Class<? extends IoHandle> handleType) {
    return io.isCompatible(handleType);
  }

  /** Ends the loop, as only an {@link Error} does. */
  private static final class ListenerFailure extends Error {
    private static final long serialVersionUID = 1L;

    ListenerFailure(Throwable cause) {
      super("event of a listener", cause);
    }
  }

  /** Handles events of one connection, or of one listener. */
  private abstract static class Guarded implements IoHandle {
    private final @Nullable FairEventLoop loop;
    private final IoHandle handle;

    Guarded(@Nullable FairEventLoop loop, IoHandle handle) {
      this.loop = loop;
      this.handle = handle;
    }

    IoHandle handle() {
      return handle;
    }

    @Override
    public void handle(IoRegistration registration, IoEvent event) {
      try {
        handle.handle(registration, event);
      } catch (Throwable thrown) {
        failed(thrown);
      }
      FairEventLoop fair = loop;
      if (fair != null) {
        fair.eventHandled();
      }
    }

    private void failed(Throwable thrown) {
      if (handle instanceof Channel.Unsafe unsafe && unsafe.remoteAddress() != null) {
        log.warn("connection with {} is closed: {}", unsafe.remoteAddress(), thrown.toString());
        try {
          unsafe.close(unsafe.voidPromise());
        } catch (Throwable again) {
          log.error("connection with {} cannot be closed", unsafe.remoteAddress(), again);
        }
        return;
      }
      // A listener that has missed its turn takes no connections any more: the loop ends, and the
      // proxy with it. An exception would not end it: Netty's transports sleep and go on.
      throw new ListenerFailure(thrown);
    }

    @Override
    public void registered() {
      handle.registered();
    }

    @Override
    public void unregistered() {
      handle.unregistered();
    }

    @Override
    public void close() throws Exception {
      handle.close();
    }
  }

  private static final class Uring extends Guarded implements IoUringIoHandle {
    private final HalfClosedWrites halfClosedWrites;

    Uring(@Nullable FairEventLoop loop, IoUringIoHandle handle, HalfClosedWrites halfClosedWrites) {
      super(loop, handle);
      this.halfClosedWrites = halfClosedWrites;
    }

    @Override
    public void handle(IoRegistration registration, IoEvent event) {
      // Netty uses the event again for the next one.
      boolean halfClosed =
          event instanceof IoUringIoEvent uring && HalfClosedWrites.concerns(uring);
      super.handle(registration, event);
      if (halfClosed && handle() instanceof Channel.Unsafe unsafe) {
        halfClosedWrites.watch(registration, this, unsafe);
      }
    }
  }

  private static final class Epoll extends Guarded implements EpollIoHandle {
    private final EpollIoHandle handle;

    Epoll(@Nullable FairEventLoop loop, EpollIoHandle handle) {
      super(loop, handle);
      this.handle = handle;
    }

    @Override
    public FileDescriptor fd() {
      return handle.fd();
    }
  }

  private static final class Nio extends Guarded implements NioIoHandle {
    private final NioIoHandle handle;

    Nio(@Nullable FairEventLoop loop, NioIoHandle handle) {
      super(loop, handle);
      this.handle = handle;
    }

    @Override
    public SelectableChannel selectableChannel() {
      return handle.selectableChannel();
    }
  }
}
