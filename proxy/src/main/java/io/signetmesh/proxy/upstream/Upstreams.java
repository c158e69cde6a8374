package io.signetmesh.proxy.upstream;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;

/** Destinations by authority or by original destination address; resolved on first use. */
public interface Upstreams {
  /** Resolves {@code name:port}; completes on {@code executor} when the destination is known. */
  Future<Upstream> forAuthority(String authority, EventExecutor executor);

  /**
   * Resolves an original destination: a service address, an endpoint, or neither, in which case the
   * upstream is the address itself in plaintext.
   */
  Future<Upstream> forAddress(InetSocketAddress address, EventExecutor executor);
}
