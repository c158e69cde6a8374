package io.signetmesh.proxy.upstream;

import io.grpc.Channel;
import io.linkerd.proxy.destination.DestinationGrpc;
import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.destination.Update;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;

/**
 * One balancer per concrete destination, shared by all upstreams that lead to it, with the stream
 * of its endpoints. Safe from any thread.
 */
final class SharedBalancers {
  private final Channel channel;
  private final String context;
  private final Duration failFast;
  private final ScheduledExecutorService scheduler;
  private final Map<Plan.Balanced, SharedBalancer> balancers = new ConcurrentHashMap<>();

  /**
   * @param channel to the discovery port
   * @param context context token for destinations
   * @param failFast longest wait of a request for an endpoint
   */
  SharedBalancers(
      Channel channel, String context, Duration failFast, ScheduledExecutorService scheduler) {
    this.channel = channel;
    this.context = context;
    this.failFast = failFast;
    this.scheduler = scheduler;
  }

  /** The balancer of a concrete destination and its stream. */
  final class SharedBalancer {
    private final Plan.Balanced key;
    private final Balancer balancer;
    private final Subscription<GetDestination, Update> watch;
    // Guarded by the map.
    private int users;

    private SharedBalancer(Plan.Balanced key) {
      this.key = key;
      this.balancer = newBalancer(key);
      this.watch =
          new Subscription<>(
              channel,
              DestinationGrpc.getGetMethod(),
              destination(key.path()),
              scheduler,
              new DestinationSink(key.path(), balancer));
    }
  }

  /** Finds or makes the balancers of a plan's backends; to be given back. */
  BoundPlan bind(Plan plan, String authority) {
    List<BoundPlan.Share> shares = new ArrayList<>();
    long total = 0;
    for (Plan.Weighted weighted : plan.backends()) {
      total += weighted.weight();
      shares.add(
          switch (weighted.backend()) {
            case Plan.Balanced balanced -> {
              SharedBalancer shared = acquire(balanced);
              yield new BoundPlan.Share(weighted.weight(), shared.balancer, shared);
            }
            case Plan.Forward(Endpoint endpoint) -> {
              Balancer single = newBalancer(Plan.Balanced.of(authority));
              single.update(List.of(endpoint));
              yield new BoundPlan.Share(weighted.weight(), single, null);
            }
            case Plan.Invalid() -> new BoundPlan.Share(weighted.weight(), null, null);
          });
    }
    return new BoundPlan(plan, total, List.copyOf(shares));
  }

  /** Opens the streams of a plan's endpoints. */
  void open(BoundPlan plan) {
    for (BoundPlan.Share share : plan.shares()) {
      SharedBalancer shared = share.shared();
      if (shared != null) {
        shared.watch.open();
      }
    }
  }

  /** Gives the balancers of a plan back; those that nobody uses are watched no more. */
  void release(BoundPlan plan) {
    for (BoundPlan.Share share : plan.shares()) {
      SharedBalancer shared = share.shared();
      if (shared != null) {
        release(shared);
      }
    }
  }

  /** Concrete destinations that are watched; for tests. */
  int size() {
    return balancers.size();
  }

  /** The request for a destination. */
  GetDestination destination(String path) {
    return GetDestination.newBuilder().setPath(path).setContextToken(context).build();
  }

  private SharedBalancer acquire(Plan.Balanced backend) {
    return balancers.compute(
        backend,
        (key, present) -> {
          SharedBalancer shared = present == null ? new SharedBalancer(key) : present;
          shared.users++;
          return shared;
        });
  }

  private void release(SharedBalancer shared) {
    balancers.computeIfPresent(shared.key, (key, present) -> --present.users == 0 ? null : present);
    if (balancers.get(shared.key) != shared) {
      shared.watch.close();
    }
  }

  private Balancer newBalancer(Plan.Balanced parameters) {
    return new Balancer(failFast, parameters.rtt(), parameters.decay());
  }
}
