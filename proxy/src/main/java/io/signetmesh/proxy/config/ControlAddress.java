package io.signetmesh.proxy.config;

/**
 * Address of a control-plane service.
 *
 * @param host IP address or DNS name
 * @param port port, 1 to 65535
 * @param name identity that the server's certificate must have
 */
public record ControlAddress(String host, int port, String name) {
  /** {@code host:port} as configured. */
  public String authority() {
    return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
  }
}
