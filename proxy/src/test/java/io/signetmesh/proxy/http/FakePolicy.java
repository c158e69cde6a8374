package io.signetmesh.proxy.http;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.policy.PortPolicy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** A port whose policy a test sets by hand. */
final class FakePolicy implements PortPolicy {
  private final ConcurrentHashMap<Recheck, EventExecutor> rechecks = new ConcurrentHashMap<>();
  private volatile @Nullable ServerPolicy current = new Rules(List.of("/"), List.of(), List.of());

  /**
   * A policy in a few words.
   *
   * @param routed path prefixes with a route; everything else has none
   * @param denied path prefixes that are refused
   * @param filters what every route does
   */
  record Rules(List<String> routed, List<String> denied, List<Route.Filter> filters)
      implements ServerPolicy {
    @Override
    public ResourceRef server() {
      return new ResourceRef("policy.linkerd.io", "server", "web");
    }

    @Override
    public long generation() {
      return 7;
    }

    @Override
    public Protocol protocol() {
      return Protocol.DETECT;
    }

    @Override
    public Duration detectTimeout() {
      return Duration.ofSeconds(5);
    }

    @Override
    public Decision decideConnection(Client client) {
      return decide(denied.isEmpty());
    }

    @Override
    public @Nullable Route route(RequestAttributes request) {
      String path = request.path().toString();
      if (routed.stream().noneMatch(path::startsWith) && !path.equals("*")) {
        return null;
      }
      return new PathRoute(denied.stream().noneMatch(path::startsWith), filters);
    }

    @Override
    public Decision decideRequest(Client client, Route route) {
      return decide(((PathRoute) route).allowed());
    }

    private static Decision decide(boolean allowed) {
      return allowed
          ? new Decision(
              true, Reason.AUTHORIZED, new ResourceRef("", "default", "test"), null, null)
          : new Decision(
              false,
              Reason.IDENTITY_MISMATCH,
              new ResourceRef("", "default", "test"),
              "identity",
              "wants another");
    }
  }

  private record PathRoute(boolean allowed, List<Route.Filter> filters) implements Route {
    @Override
    public ResourceRef ref() {
      return new ResourceRef("", "default", "route");
    }
  }

  /** Swaps the policy and returns once every live connection has looked at it. */
  void set(ServerPolicy policy) throws InterruptedException {
    current = policy;
    Map<Recheck, EventExecutor> live = Map.copyOf(rechecks);
    CountDownLatch seen = new CountDownLatch(live.size());
    live.forEach(
        (recheck, executor) ->
            executor.execute(
                () -> {
                  recheck.policyChanged(policy);
                  seen.countDown();
                }));
    if (!seen.await(20, TimeUnit.SECONDS)) {
      throw new AssertionError("rechecks did not run");
    }
  }

  /** Takes the policy away, as before the controller's first message. */
  void forget() {
    current = null;
  }

  int registrations() {
    return rechecks.size();
  }

  @Override
  public int port() {
    return 8080;
  }

  @Override
  public @Nullable ServerPolicy current() {
    return current;
  }

  @Override
  public Future<ServerPolicy> await(EventExecutor executor) {
    ServerPolicy policy = current;
    return policy == null
        ? executor.newFailedFuture(new TimeoutException("no policy"))
        : executor.newSucceededFuture(policy);
  }

  @Override
  public Registration onChange(EventExecutor executor, Recheck recheck) {
    rechecks.put(recheck, executor);
    return () -> rechecks.remove(recheck);
  }
}
