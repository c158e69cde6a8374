package io.signetmesh.cli.simulate;

import io.signetmesh.policy.clients.ClientWorkload;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * A client.
 *
 * @param identity identity in its certificate; null without one
 * @param ip address of the client
 * @param tls whether the connection uses mesh TLS
 * @param assumedIp why this address was assumed; null when the address was given
 * @param at workload that has this address, if the client has no identity and may be that workload;
 *     else null
 */
public record Caller(
    @Nullable String identity,
    InetAddress ip,
    boolean tls,
    @Nullable String assumedIp,
    @Nullable ClientWorkload at) {
  /**
   * Checks that an identity comes with mesh TLS.
   *
   * @throws IllegalArgumentException when there is an identity without mesh TLS
   */
  public Caller {
    if (identity != null && !tls) {
      throw new IllegalArgumentException(
          "identity " + identity + " without mesh TLS: an identity is shown in mesh TLS only");
    }
  }

  /** The caller in words: {@code frontend.shop… from 10.0.0.7 with mesh TLS}. */
  public String text() {
    String who = identity != null ? identity : tls ? "a client without identity" : "a client";
    return who + " from " + ip.getHostAddress() + (tls ? " with mesh TLS" : " without mesh TLS");
  }

  /** What was assumed about the caller, and what was not although it may hold; null for nothing. */
  public @Nullable String assumptions() {
    if (assumedIp != null) {
      return "address assumed: " + assumedIp;
    }
    if (at == null) {
      return null;
    }
    return at.identity() == null
        ? "no identity assumed: " + at.ref() + ", which has that address, has none"
        : "no identity assumed: that is the address of "
            + at.ref()
            + "; to call as it, add --client-identity "
            + at.identity();
  }
}
