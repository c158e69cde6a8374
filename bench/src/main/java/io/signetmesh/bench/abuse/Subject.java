package io.signetmesh.bench.abuse;

import java.io.IOException;
import java.net.InetSocketAddress;

/** A proxy under attack: the proxy of a server, called without TLS. */
interface Subject extends AutoCloseable {
  /** Speaks HTTP/1.1; everybody on the loopback interface may call. */
  InetSocketAddress http1();

  /** Speaks HTTP/2 by prior knowledge; everybody on the loopback interface may call. */
  InetSocketAddress http2();

  /** Speaks HTTP/1.1; nobody may call. */
  InetSocketAddress closedHttp1();

  /** Speaks HTTP/2 by prior knowledge; nobody may call. */
  InetSocketAddress closedHttp2();

  long pid();

  /** Throws when the process has ended. */
  void expectAlive() throws IOException;

  @Override
  void close();

  /** A make of proxies. */
  interface Make {
    String name();

    /** Starts one; returns without waiting until it serves. */
    Subject start(Application application, java.nio.file.Path directory)
        throws IOException, InterruptedException;
  }
}
