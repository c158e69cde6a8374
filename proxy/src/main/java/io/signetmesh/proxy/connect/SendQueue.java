package io.signetmesh.proxy.connect;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.unix.RawUnixChannelOption;
import io.netty.channel.unix.UnixChannel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** How many of a connection's bytes the peer has acknowledged, from {@code TCP_INFO} (tcp(7)). */
public final class SendQueue {
  private static final int IPPROTO_TCP = 6;
  private static final int TCP_INFO = 11;

  /** Offsets in {@code struct tcp_info}: {@code tcpi_snd_mss}, {@code tcpi_unacked}. */
  private static final int SEGMENT_SIZE = 16;

  private static final int UNACKED = 24;

  /** {@code tcpi_bytes_acked}, {@code tcpi_notsent_bytes}. */
  private static final int ACKNOWLEDGED = 120;

  private static final int NOT_SENT = 144;
  private static final RawUnixChannelOption OPTION =
      new RawUnixChannelOption("TCP_INFO", IPPROTO_TCP, TCP_INFO, NOT_SENT + 4);

  private SendQueue() {}

  /** Whether the transport of the channel has {@code TCP_INFO}. */
  public static boolean known(Channel channel) {
    return channel instanceof UnixChannel;
  }

  /** Approximate number of bytes not acknowledged; 0 when the connection has ended. */
  public static long bytes(Channel channel) {
    ByteBuffer info = info(channel);
    return info == null
        ? 0
        : (long) info.getInt(UNACKED) * Math.max(1, info.getInt(SEGMENT_SIZE))
            + info.getInt(NOT_SENT);
  }

  /** Bytes acknowledged since the connection was established; 0 when unknown. */
  public static long acknowledged(Channel channel) {
    ByteBuffer info = known(channel) ? info(channel) : null;
    return info == null ? 0 : info.getLong(ACKNOWLEDGED);
  }

  private static @Nullable ByteBuffer info(Channel channel) {
    try {
      ByteBuffer info = channel.config().getOption(OPTION);
      return info == null ? null : info.order(ByteOrder.nativeOrder());
    } catch (ChannelException e) {
      return null;
    }
  }
}
