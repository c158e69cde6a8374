package io.signetmesh.cli.simulate;

import io.signetmesh.policy.clients.ClientWorkload;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * Who calls.
 *
 * @param identity identity in its certificate; null when it shows none
 * @param ip address that it calls from
 * @param tls whether its connection is mesh TLS
 * @param assumedIp why that address was chosen when none was given; null when it was given
 * @param at the workload that has that address, when the caller shows no identity and might be it;
 *     else null
 */
public record Caller(
    @Nullable String identity,
    InetAddress ip,
    boolean tls,
    @Nullable String assumedIp,
    @Nullable ClientWorkload at) {
  /** Refuses an identity that no mesh TLS vouches for. */
  public Caller {
    if (identity != null && !tls) {
      throw new IllegalArgumentException(
          "identity " + identity + " without mesh TLS: an identity is shown in mesh TLS only");
    }
  }

  /** Who calls, in words: {@code frontend.shop… from 10.0.0.7 with mesh TLS}. */
  public String text() {
    String who = identity != null ? identity : tls ? "a client without identity" : "a client";
    return who + " from " + ip.getHostAddress() + (tls ? " with mesh TLS" : " without mesh TLS");
  }

  /** What was assumed of the caller, and what was not though it might be; null for nothing. */
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
