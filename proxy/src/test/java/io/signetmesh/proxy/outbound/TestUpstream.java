package io.signetmesh.proxy.outbound;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.ImmediateEventExecutor;
import io.netty.util.concurrent.Promise;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.Upstream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;

/** A destination with one endpoint that is always ready; counts what is not given back. */
final class TestUpstream implements Upstream {
  private final Protocol protocol;
  private final boolean takesBytesOnly;
  private int leases;
  private int failures;

  TestUpstream(Protocol protocol, boolean takesBytesOnly) {
    this.protocol = protocol;
    this.takesBytesOnly = takesBytesOnly;
  }

  /** Leases that have not been released. */
  int leases() {
    return leases;
  }

  /** How often the endpoint was said to have failed. */
  int failures() {
    return failures;
  }

  @Override
  public Protocol protocol() {
    return protocol;
  }

  @Override
  public boolean takesBytesOnly() {
    return takesBytesOnly;
  }

  @Override
  public String authority() {
    return "web.shop:80";
  }

  @Override
  public Lease pick() {
    leases++;
    return new Lease() {
      @Override
      public Endpoint endpoint() {
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 80);
        return new Endpoint(address, null, Endpoint.Hint.OPAQUE, 0, null, Map.of());
      }

      @Override
      public void responded(long latencyNanos) {}

      @Override
      public void failed() {
        failures++;
      }

      @Override
      public void release() {
        leases--;
      }
    };
  }

  @Override
  public Future<Lease> awaitPick(EventExecutor executor) {
    Promise<Lease> picking = ImmediateEventExecutor.INSTANCE.newPromise();
    return picking.setSuccess(pick());
  }
}
