package io.signetmesh.bench;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;

/** A client proxy and a server proxy with mTLS between them, in front of the backend. */
public interface ProxyPair extends AutoCloseable {
  /** Where the load of a protocol enters the client proxy. */
  Endpoint entry(Protocol protocol);

  /** Where the server proxy takes mTLS from the client proxy. */
  MutualTls mutualTls();

  /** Process ids of the two proxies, the server's last. */
  List<Long> pids();

  /** {@link System#nanoTime} at which the first of the two was started. */
  long startedNanos();

  /** Throws when one of the processes has ended. */
  void expectAlive() throws IOException;

  /** Ends the processes. */
  @Override
  void close();

  /**
   * What a client needs for a handshake.
   *
   * @param address where the server proxy listens
   * @param serverName SNI to send
   * @param chain client certificate and its issuers, PEM
   * @param key client key, PKCS #8 PEM
   */
  record MutualTls(InetSocketAddress address, String serverName, Path chain, Path key) {}
}
