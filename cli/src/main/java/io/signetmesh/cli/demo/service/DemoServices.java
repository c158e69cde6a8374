package io.signetmesh.cli.demo.service;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Clock;

/** The applications of the demo. They are real servers that know nothing of the mesh. */
public final class DemoServices {
  /** Protocol of a service. */
  public enum Kind {
    /** HTTP/1.1: a shop window. */
    HTTP,
    /** gRPC: a unary greeting, and a bidirectional chat. */
    GRPC,
    /** A line protocol on TCP: answers with account balances. */
    TCP,
    /** Not a service of the shop, but who its customers' tokens are from. */
    ISSUER
  }

  private DemoServices() {}

  /**
   * Starts a service. Closing the result stops it.
   *
   * @throws IOException when the address cannot be bound
   */
  public static AutoCloseable start(Kind kind, InetSocketAddress listen) throws IOException {
    return switch (kind) {
      case HTTP -> WebService.start(listen);
      case GRPC -> GreeterService.start(listen);
      case TCP -> LedgerService.start(listen);
      case ISSUER -> DemoIssuer.start(listen, Clock.systemUTC());
    };
  }
}
