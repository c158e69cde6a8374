package io.signetmesh.proxy.loop;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.IoHandle;
import io.netty.channel.IoRegistration;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.unix.RawUnixChannelOption;
import io.netty.channel.unix.UnixChannel;
import io.netty.channel.uring.IoUringIoEvent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Has writes go on, with io_uring, to a peer that has ended its own direction. The kernel adds
 * {@code POLLRDHUP} to what each poll of a ring waits for ({@code IO_POLL_UNMASK}), and after a FIN
 * that is always so: a poll for {@code POLLOUT} completes at once, without {@code POLLOUT}. Two
 * things follow.
 *
 * <ul>
 *   <li>Netty (as of 4.2.18) takes that completion for one of its poll for {@code POLLRDHUP}, and
 *       never writes again. Here the socket is asked instead, after 1 ms and then at most every 128
 *       ms, until it is writable; Netty is told so as if the poll had said it.
 *   <li>A write cannot wait in the ring: the kernel hands it to a worker thread, which blocks in
 *       it. A thread for each connection that does not read is more than a stranger may take:
 *       {@link #SEND_TIMEOUT} has the worker return at once.
 * </ul>
 *
 * <p>Belongs to one event loop.
 */
final class HalfClosedWrites {
  /**
   * {@code SO_SNDTIMEO} of level {@code SOL_SOCKET}, socket(7): how long a write may block. A
   * {@code struct timeval} of two 64-bit numbers. It does not concern writes that wait in the ring.
   */
  private static final RawUnixChannelOption SEND_TIMEOUT =
      new RawUnixChannelOption("SO_SNDTIMEO", 1, 21, 2 * Long.BYTES);

  /**
   * Worker threads of a ring at most. Work that finds none waits for one: with {@link
   * #SEND_TIMEOUT} for the time of one tick of the kernel's clock each.
   */
  static final int WORKERS = 4;

  private static final long FIRST_MILLIS = 1;
  private static final long LAST_MILLIS = 128;

  /** Of linux/io_uring.h and asm-generic/poll.h. */
  private static final byte POLL_ADD = 6;

  private static final int POLLOUT = 0x4;
  private static final int POLLRDHUP = 0x2000;

  private final WriteReadiness readiness = new WriteReadiness();

  /** One millisecond; the kernel rounds it up to a tick of its clock. */
  private final ByteBuffer sendTimeout =
      ByteBuffer.allocateDirect(2 * Long.BYTES)
          .order(ByteOrder.nativeOrder())
          .putLong(0, 0)
          .putLong(Long.BYTES, 1_000);

  private final Set<Channel> waiting = new HashSet<>();

  /** Keeps the writes of a connection from blocking threads of the kernel. */
  void limit(Channel.Unsafe unsafe) {
    Channel channel = unsafe.voidPromise().channel();
    if (channel instanceof SocketChannel) {
      channel.config().setOption(SEND_TIMEOUT, sendTimeout.clear());
    }
  }

  /** True for an event that tells of a peer's end, and not that bytes can be written to it. */
  static boolean concerns(IoUringIoEvent event) {
    int result = event.res();
    return event.opcode() == POLL_ADD
        && result > 0
        && (result & POLLRDHUP) != 0
        && (result & POLLOUT) == 0;
  }

  /**
   * Has what is queued for a connection written once its socket is writable. To be called after the
   * connection has handled an event that {@link #concerns} this.
   *
   * @param handle is told of writability
   */
  void watch(IoRegistration registration, IoHandle handle, Channel.Unsafe unsafe) {
    Channel channel = unsafe.voidPromise().channel();
    if (hasToWrite(channel, unsafe) && waiting.add(channel)) {
      askLater(registration, handle, channel, unsafe, FIRST_MILLIS);
    }
  }

  private void askLater(
      IoRegistration registration,
      IoHandle handle,
      Channel channel,
      Channel.Unsafe unsafe,
      long millis) {
    channel
        .eventLoop()
        .schedule(
            () -> {
              if (!hasToWrite(channel, unsafe)) {
                waiting.remove(channel);
              } else if (readiness.isWritable(((UnixChannel) channel).fd().intValue())) {
                waiting.remove(channel);
                handle.handle(registration, new IoUringIoEvent(POLLOUT, 0, POLL_ADD, (short) 0));
              } else {
                askLater(registration, handle, channel, unsafe, Math.min(LAST_MILLIS, 2 * millis));
              }
            },
            millis,
            TimeUnit.MILLISECONDS);
  }

  private static boolean hasToWrite(Channel channel, Channel.Unsafe unsafe) {
    ChannelOutboundBuffer queue = unsafe.outboundBuffer();
    return channel.isActive() && queue != null && !queue.isEmpty();
  }
}
