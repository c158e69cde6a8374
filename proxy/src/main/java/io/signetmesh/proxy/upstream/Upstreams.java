package io.signetmesh.proxy.upstream;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;

/** Resolves destinations by authority or by original destination address, on first use. */
public interface Upstreams {
  /** Resolves {@code name:port}; completes on {@code executor} when the destination is known. */
  Future<Upstream> forAuthority(String authority, EventExecutor executor);

  /**
   * Resolves an original destination, which may be the address of a service or of an endpoint. If
   * it is neither, the upstream is the address itself, in plaintext.
   */
  Future<Upstream> forAddress(InetSocketAddress address, EventExecutor executor);
}
