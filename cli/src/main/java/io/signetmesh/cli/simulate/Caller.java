package io.signetmesh.cli.simulate;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * Who calls.
 *
 * @param identity identity in its certificate; null when it shows none
 * @param ip address that it calls from
 * @param tls whether its connection is mesh TLS
 * @param assumedIp why that address was chosen when none was given; null when it was given
 */
public record Caller(
    @Nullable String identity, InetAddress ip, boolean tls, @Nullable String assumedIp) {
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
}
