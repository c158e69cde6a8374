package io.signetmesh.discovery.outbound;

import io.linkerd.proxy.outbound.TrafficSpec;
import io.signetmesh.discovery.topology.IpAddresses;
import io.signetmesh.discovery.topology.ObjectKey;
import java.net.InetSocketAddress;
import java.util.Locale;

/** What an outbound policy is asked for. */
sealed interface OutboundTarget {
  /** A DNS name has at most 253 characters; what is asked for is kept as long as it is followed. */
  int MAX_LENGTH = 512;

  /**
   * An original destination.
   *
   * @param address address and port
   */
  record Address(InetSocketAddress address) implements OutboundTarget {}

  /**
   * A service by name, which need not exist.
   *
   * @param service namespace and name
   * @param port port
   */
  record Name(ObjectKey service, int port) implements OutboundTarget {}

  /**
   * A name that is no service's.
   *
   * @param authority as it was asked for
   */
  record Unknown(String authority) implements OutboundTarget {}

  /**
   * Reads the target of a question.
   *
   * @throws IllegalArgumentException when there is none or it cannot be read
   */
  static OutboundTarget of(TrafficSpec spec, String clusterDomain) {
    return switch (spec.getTargetCase()) {
      case ADDR -> {
        InetSocketAddress address = IpAddresses.ofWire(spec.getAddr());
        if (address == null) {
          throw new IllegalArgumentException(
              "target address with port "
                  + Integer.toUnsignedString(spec.getAddr().getPort())
                  + ": expected an IP address and a port from 1 to 65535");
        }
        yield new Address(address);
      }
      case AUTHORITY -> ofAuthority(spec.getAuthority(), clusterDomain);
      case TARGET_NOT_SET ->
          throw new IllegalArgumentException("target is missing: expected addr or authority");
    };
  }

  private static OutboundTarget ofAuthority(String authority, String clusterDomain) {
    if (authority.length() > MAX_LENGTH) {
      throw new IllegalArgumentException(
          "authority of " + authority.length() + " characters: expected at most " + MAX_LENGTH);
    }
    int colon = authority.lastIndexOf(':');
    int port = 80;
    if (colon >= 0) {
      String text = authority.substring(colon + 1);
      port = text.matches("[0-9]{1,5}") ? Integer.parseInt(text) : 0;
    }
    String host = (colon < 0 ? authority : authority.substring(0, colon)).toLowerCase(Locale.ROOT);
    if (host.endsWith(".")) {
      host = host.substring(0, host.length() - 1);
    }
    if (host.isEmpty() || host.indexOf(':') >= 0 || port < 1 || port > 65_535) {
      throw new IllegalArgumentException(
          "authority \"" + authority + "\": expected <name>[:<port>] with a port from 1 to 65535");
    }
    if (host.endsWith("." + clusterDomain)) {
      host = host.substring(0, host.length() - clusterDomain.length() - 1);
    }
    String[] labels = host.split("\\.", -1);
    if (labels.length < 3
        || labels[0].isEmpty()
        || labels[1].isEmpty()
        || !labels[2].equals("svc")) {
      return new Unknown(authority);
    }
    return new Name(new ObjectKey(labels[1], labels[0]), port);
  }
}
