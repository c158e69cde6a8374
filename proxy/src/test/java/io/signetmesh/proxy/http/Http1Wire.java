package io.signetmesh.proxy.http;

import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.loop.IoTransport;
import java.io.IOException;
import java.util.function.UnaryOperator;

/** A client of HTTP/1 in front of an inbound proxy in front of an application. */
final class Http1Wire implements AutoCloseable {
  final Http1Application app;
  final ProxyFixture proxy;
  final Http1Client client;

  private Http1Wire(
      IoTransport transport, Http1Application app, UnaryOperator<HttpConfig.Builder> configure)
      throws IOException {
    this.app = app;
    this.proxy = new ProxyFixture(transport, app.port(), configure);
    this.client = new Http1Client(proxy.inbound(null));
  }

  /**
   * Connects the client to a proxy of its own.
   *
   * @param app closed with the rest
   */
  static Http1Wire open(IoTransport transport, Http1Application app) throws IOException {
    return open(transport, app, UnaryOperator.identity());
  }

  /** The same with another configuration of the proxy. */
  static Http1Wire open(
      IoTransport transport, Http1Application app, UnaryOperator<HttpConfig.Builder> configure)
      throws IOException {
    return new Http1Wire(transport, app, configure);
  }

  @Override
  public void close() throws Exception {
    try (app;
        proxy) {
      client.close();
    }
  }
}
