package io.signetmesh.proxy.authorize;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * What a decision may know of a client: made once per connection.
 *
 * @param address source address of the connection
 * @param meshTls whether this proxy terminated mesh TLS on the connection
 * @param identity first DNS or URI SAN of the verified client certificate; null when the client
 *     showed none. Never non-null without {@code meshTls}.
 */
public record Client(InetAddress address, boolean meshTls, @Nullable String identity) {

  /** Refuses an identity that no TLS session vouches for. */
  public Client {
    if (identity != null && !meshTls) {
      throw new IllegalArgumentException(
          "identity " + identity + " without mesh TLS: expected none");
    }
  }
}
