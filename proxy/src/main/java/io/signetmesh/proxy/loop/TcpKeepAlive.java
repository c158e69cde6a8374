package io.signetmesh.proxy.loop;

import java.time.Duration;

/**
 * How the kernel detects the dead peer of a connection (tcp(7)): it probes an idle connection, and
 * limits how long sent bytes may stay unacknowledged.
 *
 * @param idleSeconds TCP_KEEPIDLE, the silence after which the peer is probed, 1 to {@value
 *     #MAX_IDLE_SECONDS} s; 0: no probes
 * @param userTimeoutMillis TCP_USER_TIMEOUT in ms, 0 or more. Also limits how long a peer's window
 *     may stay closed. 0: the kernel's limit of about 15 min, and none for closed windows
 */
public record TcpKeepAlive(int idleSeconds, int userTimeoutMillis) {
  /** The kernel's limit of TCP_KEEPIDLE. */
  public static final int MAX_IDLE_SECONDS = 32_767;

  /** Probes after 10 s, 30 s for acknowledgements. */
  public static final TcpKeepAlive DEFAULT = new TcpKeepAlive(10, 30_000);

  /** Checks the ranges. */
  public TcpKeepAlive {
    if (idleSeconds < 0 || idleSeconds > MAX_IDLE_SECONDS || userTimeoutMillis < 0) {
      throw new IllegalArgumentException(
          "TCP keep-alive of "
              + idleSeconds
              + " s, user timeout of "
              + userTimeoutMillis
              + " ms: expected 0 to "
              + MAX_IDLE_SECONDS
              + " s, 0 ms or more");
    }
  }

  /** From durations within the ranges. Fractions of a second of {@code idle} are dropped. */
  public static TcpKeepAlive of(Duration idle, Duration userTimeout) {
    return new TcpKeepAlive(
        Math.toIntExact(idle.toSeconds()), Math.toIntExact(userTimeout.toMillis()));
  }
}
