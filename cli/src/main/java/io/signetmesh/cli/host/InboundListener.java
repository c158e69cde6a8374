package io.signetmesh.cli.host;

import java.util.ArrayList;
import java.util.List;

/**
 * A listener of a workload's proxy that replaces the redirection of packets. A connection to {@code
 * listenPort} of the workload's address is handled as one to {@code port}.
 *
 * @param listenPort port that the proxy listens on, 1 to 65535
 * @param port port of the application, 1 to 65535
 */
public record InboundListener(int listenPort, int port) {
  /** Pod annotation with the listeners: {@code listenPort=port}, separated by commas. */
  public static final String ANNOTATION = "proxy.signetmesh.io/inbound";

  /**
   * Parses the value of {@value #ANNOTATION}.
   *
   * @throws IllegalArgumentException when an entry is not {@code port=port}; the message quotes it
   */
  public static List<InboundListener> parse(String value) {
    List<InboundListener> listeners = new ArrayList<>();
    for (String entry : AnnotationList.of(value)) {
      int equals = entry.indexOf('=');
      if (equals < 0) {
        throw new IllegalArgumentException(
            "\"" + entry + "\": expected listen-port=application-port, e.g. 18080=8080");
      }
      int listenPort = ListenAddress.port(entry, entry.substring(0, equals).strip());
      int port = ListenAddress.port(entry, entry.substring(equals + 1).strip());
      if (listenPort == port) {
        throw new IllegalArgumentException(
            "\"" + entry + "\": the proxy and the application cannot both have port " + port);
      }
      listeners.add(new InboundListener(listenPort, port));
    }
    return List.copyOf(listeners);
  }

  /** One entry of the annotation. */
  @Override
  public String toString() {
    return listenPort + "=" + port;
  }
}
