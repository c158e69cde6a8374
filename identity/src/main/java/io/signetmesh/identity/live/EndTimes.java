package io.signetmesh.identity.live;

import io.signetmesh.identity.live.LiveConnection.Notice;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * When a connection is told of the end of its certificates. The room for that is 15 % of the time
 * that the leaf is valid, 10 minutes at most, and at most half of what is left: leaves are renewed
 * at 70 % of their life, so the next connection is made with another leaf. The side that dialled
 * goes first, because only it can begin anew without a request that fails.
 *
 * <p>All times are milliseconds since 1970.
 *
 * @param soon when {@link Notice#ENDS_SOON} is due
 * @param now when {@link Notice#ENDS_NOW} is due
 * @param end when the certificates end
 */
record EndTimes(long soon, long now, long end) {
  private static final long MAX_ROOM = Duration.ofMinutes(10).toMillis();
  private static final double SHARE = 0.15;

  /**
   * @param made when the connection was made
   * @param valid time that the leaf is valid in all, milliseconds
   * @param jitter from 0 to 1, so that connections made together do not end together
   */
  static EndTimes of(LivePeers.Side side, long made, long end, long valid, double jitter) {
    double room = Math.max(0, Math.min(Math.min(MAX_ROOM, SHARE * valid), (end - made) / 2.0));
    return switch (side) {
      case DIALLED -> before(end, room * (0.8 + 0.2 * jitter), room * 0.7);
      case ACCEPTED -> before(end, room * (0.4 + 0.2 * jitter), room * 0.15);
    };
  }

  private static EndTimes before(long end, double soon, double now) {
    return new EndTimes(end - (long) soon, end - (long) now, end);
  }

  /** The notice after another one; null: none. */
  static @Nullable Notice after(@Nullable Notice last) {
    return last == null ? Notice.ENDS_SOON : last == Notice.ENDS_SOON ? Notice.ENDS_NOW : null;
  }

  /** When a notice is due. */
  long due(Notice notice) {
    return notice == Notice.ENDS_SOON ? soon : now;
  }
}
