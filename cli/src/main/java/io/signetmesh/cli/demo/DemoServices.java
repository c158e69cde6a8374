package io.signetmesh.cli.demo;

import java.io.IOException;
import java.net.InetSocketAddress;

/** The applications of the demo: real servers that know nothing of the mesh. */
public final class DemoServices {
  /** What a service speaks. */
  public enum Kind {
    /** HTTP/1.1: a shop window. */
    HTTP,
    /** gRPC: greets, and chats both ways. */
    GRPC,
    /** A protocol of its own on TCP: answers questions about balances. */
    TCP
  }

  private DemoServices() {}

  /** Starts a service; closing it ends it. */
  public static AutoCloseable start(Kind kind, InetSocketAddress listen) throws IOException {
    return switch (kind) {
      case HTTP -> WebService.start(listen);
      case GRPC -> GreeterService.start(listen);
      case TCP -> LedgerService.start(listen);
    };
  }
}
