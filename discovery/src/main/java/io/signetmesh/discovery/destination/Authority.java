package io.signetmesh.discovery.destination;

import io.signetmesh.cluster.Addresses;
import io.signetmesh.discovery.topology.ObjectKey;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Locale;

/** What a destination path names. */
sealed interface Authority {
  /** A DNS name has at most 253 characters; what is asked for is kept as long as it is followed. */
  int MAX_LENGTH = 512;

  /** Port of the path. */
  int port();

  /**
   * An address.
   *
   * @param address address and port
   */
  record Address(InetSocketAddress address) implements Authority {
    @Override
    public int port() {
      return address.getPort();
    }
  }

  /**
   * A service or one named endpoint of it.
   *
   * @param service namespace and name
   * @param instance host name of one endpoint; empty for all
   * @param port port
   */
  record Name(ObjectKey service, String instance, int port) implements Authority {}

  /**
   * Reads {@code host[:port]}, the port being 80 when it is not there. The host is an IP address
   * (IPv6 in brackets) or {@code [<instance>.]<service>.<namespace>.svc.<cluster domain>}.
   *
   * @throws IllegalArgumentException when the path has another form
   */
  static Authority parse(String path, String clusterDomain) {
    if (path.length() > MAX_LENGTH) {
      throw new IllegalArgumentException(
          "path of " + path.length() + " characters: expected at most " + MAX_LENGTH);
    }
    String host = path;
    int port = 80;
    int bracket = path.lastIndexOf(']');
    int colon = path.lastIndexOf(':');
    if (colon > bracket && path.indexOf(':') == colon || bracket >= 0 && colon > bracket) {
      host = path.substring(0, colon);
      port = port(path, path.substring(colon + 1));
    }
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    }
    InetAddress ip = Addresses.parse(host).orElse(null);
    if (ip != null) {
      return new Address(new InetSocketAddress(ip, port));
    }
    String name = host.toLowerCase(Locale.ROOT);
    if (name.endsWith(".")) {
      name = name.substring(0, name.length() - 1);
    }
    String suffix = ".svc." + clusterDomain;
    if (name.endsWith(suffix)) {
      String[] labels = name.substring(0, name.length() - suffix.length()).split("\\.", -1);
      if (labels.length == 2 && !labels[0].isEmpty() && !labels[1].isEmpty()) {
        return new Name(new ObjectKey(labels[1], labels[0]), "", port);
      }
      if (labels.length == 3
          && !labels[0].isEmpty()
          && !labels[1].isEmpty()
          && !labels[2].isEmpty()) {
        return new Name(new ObjectKey(labels[2], labels[1]), labels[0], port);
      }
    }
    throw new IllegalArgumentException(
        "path \""
            + path
            + "\": expected [<instance>.]<service>.<namespace>"
            + suffix
            + " or an IP address, with an optional port");
  }

  private static int port(String path, String text) {
    if (text.matches("[0-9]{1,5}")) {
      int port = Integer.parseInt(text);
      if (port >= 1 && port <= 65_535) {
        return port;
      }
    }
    throw new IllegalArgumentException("port in path \"" + path + "\": expected 1 to 65535");
  }
}
