package io.signetmesh.proxy.upstream;

import static io.signetmesh.proxy.upstream.DiscoveryMessages.add;
import static io.signetmesh.proxy.upstream.FakeControlPlane.next;
import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.destination.Update;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.TrafficSpec;
import io.netty.util.concurrent.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A destination that a client has asked for, with its two streams at the control plane. */
final class WatchedDestination {
  final FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies;
  final FakeControlPlane.Call<GetDestination, Update> endpoints;
  final Upstream upstream;

  private WatchedDestination(
      FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies,
      FakeControlPlane.Call<GetDestination, Update> endpoints,
      Upstream upstream) {
    this.policies = policies;
    this.endpoints = endpoints;
    this.upstream = upstream;
  }

  /**
   * Answers what a client has asked for.
   *
   * @param policy a policy that leads to a balancer, so that the client asks for endpoints
   */
  static WatchedDestination answer(
      FakeControlPlane controlPlane, Future<Upstream> asked, OutboundPolicy policy)
      throws Exception {
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    policies.send(policy);
    return new WatchedDestination(policies, next(controlPlane.destinations), get(asked));
  }

  /**
   * Adds endpoints, and waits until they are picked.
   *
   * @param lastBytes as {@link DiscoveryMessages#add} takes them
   */
  WatchedDestination with(int... lastBytes) throws Exception {
    endpoints.send(add(lastBytes));
    picks(upstream, lastBytes);
    return this;
  }

  /** Waits until these endpoints are picked, and no others. */
  void picks(int... lastBytes) throws Exception {
    picks(upstream, lastBytes);
  }

  /** Waits until an upstream picks these endpoints, and no others. */
  static void picks(Upstream upstream, int... lastBytes) throws Exception {
    Set<String> expected = new TreeSet<>();
    for (int lastByte : lastBytes) {
      expected.add("10.0.0." + lastByte);
    }
    eventually(() -> picked(upstream).equals(expected));
  }

  /** Addresses that many requests at a time lead to. */
  static Set<String> picked(Upstream upstream) {
    Set<String> addresses = new TreeSet<>();
    List<Upstream.Lease> leases = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      Upstream.Lease lease = upstream.pick();
      if (lease != null) {
        addresses.add(lease.endpoint().address().getAddress().getHostAddress());
        leases.add(lease);
      }
    }
    leases.forEach(Upstream.Lease::release);
    return addresses;
  }

  /** What a client has asked for; waits 15 s at most. */
  static Upstream get(Future<Upstream> future) throws Exception {
    return future.get(15, TimeUnit.SECONDS);
  }

  /** Waits until a condition holds; fails after 10 s. */
  static void eventually(Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!condition.call()) {
      assertThat(System.nanoTime() - deadline).as("not true in 10 s").isNegative();
      LockSupport.parkNanos(2_000_000);
    }
  }
}
