package io.signetmesh.proxy.upstream;

import io.grpc.Channel;
import io.grpc.Status;
import io.linkerd.proxy.destination.DestinationGrpc;
import io.linkerd.proxy.destination.DestinationProfile;
import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.outbound.OutboundPoliciesGrpc;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.TrafficSpec;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Resolves destinations from the streams of outbound policy, profiles and endpoints. There is one
 * upstream for each address or authority. It is watched while it is used, and for {@link
 * Config#idle} after that. Upstreams that lead to the same concrete destination share its balancer.
 * While the control plane is away, the last state stays in use. Safe from any thread.
 */
public final class DiscoveryClient implements Upstreams, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DiscoveryClient.class);

  private final Channel policy;
  private final Channel destination;
  private final String workload;
  private final String context;
  private final Config config;
  private final ScheduledExecutorService scheduler;
  private final Map<DestinationKey, Entry> entries = new ConcurrentHashMap<>();
  private final SharedBalancers balancers;
  private volatile boolean closed;

  /**
   * Times of discovery.
   *
   * @param idle how long an upstream is watched after its last use
   * @param resolve longest wait for the first response about a destination
   * @param failFast longest wait of a request for a ready endpoint; then 504
   */
  public record Config(Duration idle, Duration resolve, Duration failFast) {
    /** 5 s after the last use, 10 s for a response, 3 s for an endpoint. */
    public static Config defaults() {
      return new Config(Duration.ofSeconds(5), Duration.ofSeconds(10), Duration.ofSeconds(3));
    }
  }

  /**
   * @param policy channel to the service of outbound policies
   * @param destination channel to the service of destinations and profiles
   * @param workload workload as the service expects it: JSON or {@code namespace:pod}
   * @param context context token for destinations
   */
  public DiscoveryClient(
      Channel policy,
      Channel destination,
      String workload,
      String context,
      Config config,
      ScheduledExecutorService scheduler) {
    this.policy = policy;
    this.destination = destination;
    this.workload = workload;
    this.context = context;
    this.config = config;
    this.scheduler = scheduler;
    this.balancers = new SharedBalancers(destination, context, config.failFast(), scheduler);
  }

  @Override
  public Future<Upstream> forAuthority(String authority, EventExecutor executor) {
    return entry(new DestinationKey(authority, null)).await(executor);
  }

  @Override
  public Future<Upstream> forAddress(InetSocketAddress address, EventExecutor executor) {
    return entry(DestinationKey.of(address)).await(executor);
  }

  /** Watches a destination until this client is closed, whether it is used or not. */
  public void keep(String authority) {
    Entry entry = entries.computeIfAbsent(new DestinationKey(authority, null), Entry::new);
    entry.kept = true;
    entry.open();
  }

  @Override
  public void close() {
    closed = true;
    for (Entry entry : List.copyOf(entries.values())) {
      entry.stop();
    }
  }

  /** Upstreams that are watched; for tests. */
  int watched() {
    return entries.size();
  }

  /** Concrete destinations that are watched; for tests. */
  int balanced() {
    return balancers.size();
  }

  /** The live entry of a destination, watched from now on if it was not. */
  private Entry entry(DestinationKey key) {
    Entry entry = entries.computeIfAbsent(key, Entry::new);
    entry.touch();
    entry.open();
    return entry;
  }

  private final class Entry implements Upstream {
    private final DestinationKey key;
    private final Subscription<TrafficSpec, OutboundPolicy> policies;
    private final List<Promise<Upstream>> waiting = new ArrayList<>();
    private @Nullable Subscription<GetDestination, DestinationProfile> profiles;
    private boolean hasPolicy;
    private boolean opened;
    private @Nullable Status failure;
    private volatile @Nullable BoundPlan bound;
    private volatile @Nullable Entry successor;
    private volatile long usedAt = System.nanoTime();
    private volatile boolean kept;
    private volatile boolean stopped;

    Entry(DestinationKey key) {
      this.key = key;
      this.policies =
          new Subscription<>(
              policy,
              OutboundPoliciesGrpc.getWatchMethod(),
              key.request(workload),
              scheduler,
              new PolicySink());
    }

    void touch() {
      usedAt = System.nanoTime();
    }

    void open() {
      synchronized (this) {
        if (opened) {
          return;
        }
        opened = true;
      }
      if (closed) {
        stop();
        return;
      }
      policies.open();
      scheduleEviction(config.idle().toNanos());
    }

    private void scheduleEviction(long delayNanos) {
      try {
        var unused = scheduler.schedule(this::evictIfIdle, delayNanos, TimeUnit.NANOSECONDS);
      } catch (RejectedExecutionException e) {
        stop();
      }
    }

    private void evictIfIdle() {
      if (stopped) {
        return;
      }
      long left = config.idle().toNanos() - (System.nanoTime() - usedAt);
      boolean needed;
      synchronized (this) {
        // While the controller is away, what is known could not be found out again.
        needed = kept || !waiting.isEmpty() || (bound != null && !isLive());
      }
      if (left > 0) {
        scheduleEviction(left);
      } else if (needed) {
        scheduleEviction(config.idle().toNanos());
      } else {
        stop();
      }
    }

    private boolean isLive() {
      Subscription<GetDestination, DestinationProfile> profile = profiles;
      return policies.isLive() || (profile != null && profile.isLive());
    }

    /**
     * Watches no more. Connections that still hold this upstream have a new one found when they use
     * it.
     */
    void stop() {
      entries.remove(key, this);
      Subscription<GetDestination, DestinationProfile> open;
      BoundPlan last;
      synchronized (this) {
        if (stopped) {
          return;
        }
        stopped = true;
        open = profiles;
        last = bound;
      }
      policies.close();
      if (open != null) {
        open.close();
      }
      if (last != null) {
        balancers.release(last);
      }
      fail(Status.CANCELLED.withDescription(key.authority() + " is watched no more"));
    }

    // ---- what is known

    private void publish(Plan plan, boolean ofPolicy) {
      List<Promise<Upstream>> released;
      BoundPlan used = null;
      BoundPlan unused = null;
      synchronized (this) {
        BoundPlan before = bound;
        if (stopped || (hasPolicy && !ofPolicy)) {
          return;
        }
        failure = null;
        if (before == null || !before.plan().equals(plan)) {
          used = balancers.bind(plan, key.authority());
          bound = used;
          unused = before;
        }
        released = List.copyOf(waiting);
        waiting.clear();
      }
      if (used != null) {
        balancers.open(used);
      }
      if (unused != null) {
        balancers.release(unused);
      }
      released.forEach(promise -> promise.trySuccess(this));
    }

    /** Nothing can be known for now: whoever waits for the first answer fails. */
    private void fail(Status status) {
      List<Promise<Upstream>> failed;
      boolean news;
      synchronized (this) {
        news = failure == null || failure.getCode() != status.getCode();
        failure = status;
        failed = List.copyOf(waiting);
        waiting.clear();
      }
      if (news && !stopped) {
        log.warn("destination {}: {}", key.authority(), status);
      }
      failed.forEach(promise -> promise.tryFailure(status.asRuntimeException()));
    }

    private final class PolicySink implements Subscription.Sink<OutboundPolicy> {
      @Override
      public void message(OutboundPolicy message) {
        Subscription<GetDestination, DestinationProfile> open;
        synchronized (Entry.this) {
          hasPolicy = true;
          open = profiles;
          profiles = null;
        }
        if (open != null) {
          open.close();
        }
        publish(PlanReader.policy(message), true);
      }

      @Override
      public boolean ended(Status status) {
        switch (status.getCode()) {
          case NOT_FOUND, UNIMPLEMENTED -> absent(status);
          case INVALID_ARGUMENT, FAILED_PRECONDITION, PERMISSION_DENIED, UNAUTHENTICATED ->
              fail(status);
          default -> {}
        }
        return true;
      }

      /**
       * No outbound policy: the profile of an address may know an endpoint, else bytes go where
       * they were going. An authority without policy has nowhere to go.
       */
      private void absent(Status status) {
        synchronized (Entry.this) {
          if (hasPolicy) {
            // A controller that has just started may not know yet what it knew before.
            return;
          }
        }
        if (key.address() != null) {
          openProfile(key.address());
        } else if (status.getCode() == Status.Code.UNIMPLEMENTED) {
          publish(Plan.of(false, Plan.Balanced.of(key.authority())), false);
        } else {
          fail(status);
        }
      }
    }

    private void openProfile(InetSocketAddress address) {
      Subscription<GetDestination, DestinationProfile> fresh;
      synchronized (this) {
        if (stopped || profiles != null) {
          return;
        }
        fresh =
            new Subscription<>(
                destination,
                DestinationGrpc.getGetProfileMethod(),
                balancers.destination(key.authority()),
                scheduler,
                new ProfileSink(address));
        profiles = fresh;
      }
      fresh.open();
    }

    private final class ProfileSink implements Subscription.Sink<DestinationProfile> {
      private final InetSocketAddress address;

      ProfileSink(InetSocketAddress address) {
        this.address = address;
      }

      @Override
      public void message(DestinationProfile profile) {
        publish(PlanReader.profile(profile, address), false);
      }

      @Override
      public boolean ended(Status status) {
        switch (status.getCode()) {
          case NOT_FOUND, INVALID_ARGUMENT, FAILED_PRECONDITION, UNIMPLEMENTED -> {
            if (bound == null) {
              publish(PlanReader.unknown(address), false);
            }
          }
          case PERMISSION_DENIED, UNAUTHENTICATED -> fail(status);
          default -> {}
        }
        return true;
      }
    }

    Future<Upstream> await(EventExecutor executor) {
      if (bound != null) {
        return executor.newSucceededFuture(this);
      }
      Promise<Upstream> promise = executor.newPromise();
      Status known;
      synchronized (this) {
        known = failure;
        if (bound == null && known == null) {
          waiting.add(promise);
        }
      }
      if (bound != null) {
        promise.trySuccess(this);
        return promise;
      }
      if (known != null) {
        return promise.setFailure(known.asRuntimeException());
      }
      var timer =
          executor.schedule(
              () ->
                  promise.tryFailure(
                      new TimeoutException(
                          "nothing is known of " + key.authority() + " after " + config.resolve())),
              config.resolve().toMillis(),
              TimeUnit.MILLISECONDS);
      promise.addListener(
          done -> {
            timer.cancel(false);
            synchronized (this) {
              waiting.remove(promise);
            }
          });
      return promise;
    }

    // ---- as an upstream

    private BoundPlan current() {
      Entry live = live();
      // While the new watch has no answer, what was known last is better than nothing.
      BoundPlan now = live.bound == null ? bound : live.bound;
      if (now == null) {
        throw new IllegalStateException("upstream " + key.authority() + " used before resolved");
      }
      return now;
    }

    /** Whoever watches this destination now. */
    private Entry live() {
      if (!stopped || closed) {
        touch();
        return this;
      }
      Entry next = successor;
      if (next == null || next.stopped) {
        next = entry(key);
        successor = next;
      }
      next.touch();
      return next;
    }

    @Override
    public Protocol protocol() {
      return current().plan().protocol();
    }

    @Override
    public boolean takesBytesOnly() {
      return current().takesBytesOnly();
    }

    @Override
    public boolean leadsTo(Endpoint endpoint) {
      return current().leadsTo(endpoint);
    }

    @Override
    public String authority() {
      return key.authority();
    }

    @Override
    public @Nullable Lease pick() {
      Entry live = live();
      // While the new watch has no answer, what was known last is better than to wait.
      Balancer balancer = (live.bound == null ? this : live).choose();
      return balancer == null ? null : balancer.pick();
    }

    @Override
    public Future<Lease> awaitPick(EventExecutor executor) {
      Entry live = live();
      if (live != this && live.bound == null) {
        Promise<Lease> promise = executor.newPromise();
        live.await(executor)
            .addListener(
                (Future<Upstream> resolved) -> {
                  if (resolved.isSuccess()) {
                    live.awaitPick(executor)
                        .addListener((Future<Lease> picked) -> relay(picked, promise));
                  } else {
                    promise.tryFailure(resolved.cause());
                  }
                });
        return promise;
      }
      Balancer balancer = live.choose();
      if (balancer == null) {
        return executor.newFailedFuture(
            new TimeoutException("no backend of " + key.authority() + " is valid"));
      }
      return balancer.awaitPick(executor);
    }

    private static void relay(Future<Lease> picked, Promise<Lease> promise) {
      if (!picked.isSuccess()) {
        promise.tryFailure(picked.cause());
      } else if (!promise.trySuccess(picked.getNow())) {
        picked.getNow().release();
      }
    }

    private @Nullable Balancer choose() {
      return current().choose();
    }
  }
}
