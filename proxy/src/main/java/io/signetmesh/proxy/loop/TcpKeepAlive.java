package io.signetmesh.proxy.loop;

import java.time.Duration;

/**
 * How the kernel notices that the peer of a connection is gone (tcp(7)): it probes a connection on
 * which nothing comes, and limits how long what was sent may wait to be acknowledged.
 *
 * @param idleSeconds TCP_KEEPIDLE, the silence after which the peer is probed, 1 to {@value
 *     #MAX_IDLE_SECONDS} s; 0: it is not
 * @param userTimeoutMillis TCP_USER_TIMEOUT, ms, 0 or more; also ends a peer whose window has been
 *     closed for so long. 0: the kernel's limit of about 15 min, and none for closed windows
 */
public record TcpKeepAlive(int idleSeconds, int userTimeoutMillis) {
  /** The kernel's limit of TCP_KEEPIDLE. */
  public static final int MAX_IDLE_SECONDS = 32_767;

  /** 10 s and 30 s. */
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

  /** Of durations that are within the ranges; parts of a second of {@code idle} do not count. */
  public static TcpKeepAlive of(Duration idle, Duration userTimeout) {
    return new TcpKeepAlive(
        Math.toIntExact(idle.toSeconds()), Math.toIntExact(userTimeout.toMillis()));
  }
}
