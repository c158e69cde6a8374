package io.signetmesh.cluster;

import io.signetmesh.crds.network.IpLiteral;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Parses addresses in Kubernetes objects. Only literal addresses count; names are never looked up.
 */
public final class Addresses {
  private Addresses() {}

  /**
   * Parses an address; empty for null and for text that is not a literal address, such as "None".
   */
  public static Optional<InetAddress> parse(@Nullable String text) {
    byte[] bytes = text == null ? null : IpLiteral.parse(text);
    if (bytes == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(InetAddress.getByAddress(bytes));
    } catch (UnknownHostException e) {
      throw new IllegalStateException("an address of " + bytes.length + " bytes", e);
    }
  }
}
