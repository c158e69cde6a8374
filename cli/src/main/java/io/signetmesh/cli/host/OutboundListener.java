package io.signetmesh.cli.host;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;

/**
 * A listener of a workload's proxy for one upstream, where packets are not redirected.
 *
 * @param listen address that the proxy listens on
 * @param authority upstream as {@code name:port}, as a client names it
 */
public record OutboundListener(InetSocketAddress listen, String authority) {
  /** Pod annotation with the listeners: {@code ip:port=name:port}, separated by commas. */
  public static final String ANNOTATION = "proxy.signetmesh.io/outbound";

  /**
   * Parses the value of {@value #ANNOTATION}.
   *
   * @throws IllegalArgumentException when an entry is not {@code ip:port=name:port}; the message
   *     quotes it
   */
  public static List<OutboundListener> parse(String value) {
    List<OutboundListener> listeners = new ArrayList<>();
    for (String entry : AnnotationList.of(value)) {
      int equals = entry.indexOf('=');
      if (equals < 0) {
        throw new IllegalArgumentException(
            "\""
                + entry
                + "\": expected ip:port=name:port, e.g."
                + " 127.0.1.10:18080=web.shop.svc.cluster.local:80");
      }
      InetSocketAddress listen = ListenAddress.parse(entry.substring(0, equals).strip());
      String authority = entry.substring(equals + 1).strip();
      int colon = authority.lastIndexOf(':');
      if (colon <= 0) {
        throw new IllegalArgumentException("\"" + authority + "\": expected name:port");
      }
      ListenAddress.port(authority, authority.substring(colon + 1));
      listeners.add(new OutboundListener(listen, authority));
    }
    return List.copyOf(listeners);
  }

  /** One entry of the annotation. */
  @Override
  public String toString() {
    return ListenAddress.text(listen) + "=" + authority;
  }
}
