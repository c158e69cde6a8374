package io.signetmesh.cli.host;

import java.net.InetAddress;
import java.net.InetSocketAddress;

/** Parses {@code ip:port}, without ever asking a name server. */
public final class ListenAddress {
  private ListenAddress() {}

  /**
   * Parses {@code ip:port}. An IPv6 address is in brackets: {@code [::1]:8080}. The port is 1 to
   * 65535.
   *
   * @throws IllegalArgumentException when the text has another form; the message quotes it
   */
  public static InetSocketAddress parse(String text) {
    int colon = text.lastIndexOf(':');
    if (colon <= 0) {
      throw new IllegalArgumentException("\"" + text + "\": expected ip:port");
    }
    String host = text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    } else if (host.indexOf(':') >= 0) {
      throw new IllegalArgumentException(
          "\"" + text + "\": expected an IPv6 address in brackets, as in [::1]:8080");
    }
    InetAddress address;
    try {
      address = InetAddress.ofLiteral(host);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("\"" + text + "\": \"" + host + "\" is no IP address", e);
    }
    return new InetSocketAddress(address, port(text, text.substring(colon + 1)));
  }

  /**
   * Parses a port from 1 to 65535.
   *
   * @param whole text that contains the port, for the message
   * @param text the port
   * @throws IllegalArgumentException when the text is not a port
   */
  public static int port(String whole, String text) {
    if (!text.isEmpty() && text.length() <= 5 && text.chars().allMatch(c -> c >= '0' && c <= '9')) {
      int port = Integer.parseInt(text);
      if (port >= 1 && port <= 65_535) {
        return port;
      }
    }
    throw new IllegalArgumentException(
        "\"" + whole + "\": \"" + text + "\" is no port from 1 to 65535");
  }

  /** Formats an address so that {@link #parse} can read it. */
  public static String text(InetSocketAddress address) {
    String ip = address.getAddress().getHostAddress();
    return (ip.indexOf(':') >= 0 ? "[" + ip + "]" : ip) + ":" + address.getPort();
  }
}
