package io.signetmesh.proxy.outbound;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.linkerd.proxy.destination.DestinationGrpc;
import io.linkerd.proxy.destination.DestinationProfile;
import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.outbound.Backend;
import io.linkerd.proxy.outbound.HttpRoute;
import io.linkerd.proxy.outbound.OpaqueRoute;
import io.linkerd.proxy.outbound.OutboundPoliciesGrpc;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.ProxyProtocol;
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
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Destinations as the outbound policy, profile and destination streams state them, one upstream per
 * key, kept while it is used and a while longer.
 */
public final class DiscoveryClient implements Upstreams, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DiscoveryClient.class);
  private static final Duration DEFAULT_RTT = Duration.ofMillis(30);
  private static final Duration DEFAULT_DECAY = Duration.ofSeconds(10);

  private final ManagedChannel policy;
  private final ManagedChannel destination;
  private final String workload;
  private final String context;
  private final Config config;
  private final ScheduledExecutorService scheduler;
  private final Map<Object, Entry> entries = new ConcurrentHashMap<>();
  private final Map<String, SharedBalancer> balancers = new ConcurrentHashMap<>();
  private volatile boolean closed;

  /**
   * Times of discovery.
   *
   * @param idle an upstream is forgotten after this long without use
   * @param resolve longest wait for the first answer about a destination
   * @param failFast longest wait of a request for an endpoint
   */
  public record Config(Duration idle, Duration resolve, Duration failFast) {
    /** 5 s after the last use, 10 s for an answer, 3 s for an endpoint. */
    public static Config defaults() {
      return new Config(Duration.ofSeconds(5), Duration.ofSeconds(10), Duration.ofSeconds(3));
    }
  }

  /**
   * @param policy channel to the policy port
   * @param destination channel to the discovery port
   * @param workload workload text for outbound policies
   * @param context context token for destinations
   */
  public DiscoveryClient(
      ManagedChannel policy,
      ManagedChannel destination,
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
  }

  @Override
  public Future<Upstream> forAuthority(String authority, EventExecutor executor) {
    return resolve(
        authority, TrafficSpec.newBuilder().setAuthority(authority), authority, null, executor);
  }

  @Override
  public Future<Upstream> forAddress(InetSocketAddress address, EventExecutor executor) {
    return resolve(
        address,
        TrafficSpec.newBuilder().setAddr(Endpoints.message(address)),
        address.getAddress().getHostAddress() + ":" + address.getPort(),
        address,
        executor);
  }

  @Override
  public void close() {
    closed = true;
    entries.values().forEach(Entry::stop);
    balancers.values().forEach(shared -> shared.watch.close());
  }

  private Future<Upstream> resolve(
      Object key,
      TrafficSpec.Builder target,
      String authority,
      @Nullable InetSocketAddress address,
      EventExecutor executor) {
    Entry entry =
        entries.computeIfAbsent(
            key,
            absent -> {
              Entry created =
                  new Entry(key, target.setSourceWorkload(workload).build(), authority, address);
              created.start();
              return created;
            });
    entry.touch();
    return entry.await(executor);
  }

  /** What a destination amounts to: a protocol and weighted backends. */
  private record Resolved(Upstream.Protocol protocol, List<WeightedBackend> backends) {}

  private record WeightedBackend(int weight, @Nullable Balancer balancer) {}

  private final class Entry implements Upstream {
    private final Object key;
    private final TrafficSpec target;
    private final String authority;
    private final @Nullable InetSocketAddress address;
    private final Retry retry = new Retry(scheduler);
    private final List<Promise<Upstream>> waiting = new ArrayList<>();
    private @Nullable ClientCallStreamObserver<TrafficSpec> call;
    private volatile @Nullable Resolved resolved;
    private volatile long usedAt = System.nanoTime();
    private volatile boolean stopped;

    Entry(Object key, TrafficSpec target, String authority, @Nullable InetSocketAddress address) {
      this.key = key;
      this.target = target;
      this.authority = authority;
      this.address = address;
    }

    void touch() {
      usedAt = System.nanoTime();
    }

    void start() {
      watch();
      scheduler.schedule(this::evictIfIdle, config.idle().toMillis(), TimeUnit.MILLISECONDS);
    }

    private void evictIfIdle() {
      if (stopped || closed) {
        return;
      }
      if (System.nanoTime() - usedAt >= config.idle().toNanos() && entries.remove(key, this)) {
        // Connections that still hold this upstream go on with the endpoints known last, kept
        // alive by the shared balancer for as long as they pick.
        stop();
        return;
      }
      scheduler.schedule(this::evictIfIdle, config.idle().toMillis(), TimeUnit.MILLISECONDS);
    }

    private void watch() {
      if (closed || stopped) {
        return;
      }
      OutboundPoliciesGrpc.newStub(policy)
          .watch(
              target,
              new ClientResponseObserver<TrafficSpec, OutboundPolicy>() {
                @Override
                public void beforeStart(ClientCallStreamObserver<TrafficSpec> started) {
                  synchronized (Entry.this) {
                    call = started;
                  }
                }

                @Override
                public void onNext(OutboundPolicy message) {
                  retry.succeeded();
                  publish(read(message));
                }

                @Override
                public void onError(Throwable error) {
                  ended(Status.fromThrowable(error));
                }

                @Override
                public void onCompleted() {
                  ended(Status.OK);
                }
              });
    }

    private void ended(Status status) {
      if (closed || stopped) {
        return;
      }
      switch (status.getCode()) {
        case NOT_FOUND, UNIMPLEMENTED -> {
          // No outbound policy: the profile may know an endpoint, else bytes go where they were
          // going. An authority without policy has nowhere to go.
          if (address != null) {
            profile(address);
          } else if (status.getCode() == Status.Code.UNIMPLEMENTED) {
            publish(byDestination(authority));
          } else {
            fail(status);
          }
          retry.schedule(this::watch);
        }
        case INVALID_ARGUMENT, FAILED_PRECONDITION, PERMISSION_DENIED, UNAUTHENTICATED -> {
          log.warn("outbound policy of {}: {}", authority, status);
          fail(status);
          retry.schedule(this::watch);
        }
        default -> retry.schedule(this::watch);
      }
    }

    private void profile(InetSocketAddress socket) {
      DestinationGrpc.newStub(destination)
          .getProfile(
              GetDestination.newBuilder().setPath(authority).setContextToken(context).build(),
              new ClientResponseObserver<GetDestination, DestinationProfile>() {
                private @Nullable ClientCallStreamObserver<GetDestination> stream;

                @Override
                public void beforeStart(ClientCallStreamObserver<GetDestination> started) {
                  stream = started;
                }

                @Override
                public void onNext(DestinationProfile profile) {
                  Endpoint endpoint =
                      profile.hasEndpoint()
                          ? Endpoints.endpoint(profile.getEndpoint(), Map.of())
                          : null;
                  publish(
                      fixed(
                          endpoint == null ? plain(socket) : endpoint,
                          profile.getOpaqueProtocol()));
                  ClientCallStreamObserver<GetDestination> open = stream;
                  if (open != null) {
                    // The policy watch is retried and asks again; one answer is enough here.
                    open.cancel("profile read", null);
                  }
                }

                @Override
                public void onError(Throwable error) {
                  Status status = Status.fromThrowable(error);
                  if (status.getCode() == Status.Code.NOT_FOUND
                      || status.getCode() == Status.Code.INVALID_ARGUMENT) {
                    publish(fixed(plain(socket), false));
                  }
                }

                @Override
                public void onCompleted() {}
              });
    }

    private void publish(Resolved next) {
      List<Promise<Upstream>> released;
      synchronized (this) {
        resolved = next;
        released = List.copyOf(waiting);
        waiting.clear();
      }
      released.forEach(promise -> promise.trySuccess(this));
    }

    private void fail(Status status) {
      List<Promise<Upstream>> failed;
      synchronized (this) {
        if (resolved != null) {
          return;
        }
        failed = List.copyOf(waiting);
        waiting.clear();
      }
      failed.forEach(promise -> promise.tryFailure(status.asRuntimeException()));
    }

    Future<Upstream> await(EventExecutor executor) {
      if (resolved != null) {
        return executor.newSucceededFuture(this);
      }
      Promise<Upstream> promise = executor.newPromise();
      boolean now;
      synchronized (this) {
        now = resolved != null;
        if (!now) {
          waiting.add(promise);
        }
      }
      if (now) {
        promise.trySuccess(this);
        return promise;
      }
      var timer =
          executor.schedule(
              () -> {
                synchronized (this) {
                  waiting.remove(promise);
                }
                promise.tryFailure(
                    new TimeoutException(
                        "nothing is known of " + authority + " after " + config.resolve()));
              },
              config.resolve().toMillis(),
              TimeUnit.MILLISECONDS);
      promise.addListener(done -> timer.cancel(false));
      return promise;
    }

    void stop() {
      stopped = true;
      ClientCallStreamObserver<TrafficSpec> open;
      synchronized (this) {
        open = call;
      }
      if (open != null) {
        open.cancel("the destination is no longer used", null);
      }
    }

    private Resolved current() {
      Resolved now = resolved;
      if (now == null) {
        throw new IllegalStateException("upstream " + authority + " used before it was resolved");
      }
      return now;
    }

    @Override
    public Protocol protocol() {
      return current().protocol();
    }

    @Override
    public String authority() {
      return authority;
    }

    @Override
    public @Nullable Lease pick() {
      usedAt = System.nanoTime();
      Balancer balancer = choose();
      return balancer == null ? null : balancer.pick();
    }

    @Override
    public Future<Lease> awaitPick(EventExecutor executor) {
      usedAt = System.nanoTime();
      Balancer balancer = choose();
      if (balancer == null) {
        return executor.newFailedFuture(
            new TimeoutException("no backend of " + authority + " is valid"));
      }
      return balancer.awaitPick(executor);
    }

    private @Nullable Balancer choose() {
      List<WeightedBackend> backends = current().backends();
      if (backends.size() == 1) {
        return backends.getFirst().balancer();
      }
      int total = 0;
      for (int i = 0; i < backends.size(); i++) {
        total += backends.get(i).weight();
      }
      if (total == 0) {
        return null;
      }
      int drawn = ThreadLocalRandom.current().nextInt(total);
      for (int i = 0; i < backends.size(); i++) {
        drawn -= backends.get(i).weight();
        if (drawn < 0) {
          return backends.get(i).balancer();
        }
      }
      return null;
    }

    // ---- reading policy

    private Resolved read(OutboundPolicy message) {
      ProxyProtocol protocol = message.getProtocol();
      return switch (protocol.getKindCase()) {
        case DETECT -> http(Protocol.DETECT, protocol.getDetect().getHttp1().getRoutesList());
        case HTTP1 -> http(Protocol.HTTP1, protocol.getHttp1().getRoutesList());
        case HTTP2 -> http(Protocol.HTTP2, protocol.getHttp2().getRoutesList());
        case GRPC -> {
          List<WeightedBackend> backends = new ArrayList<>();
          protocol.getGrpc().getRoutesList().stream()
              .flatMap(route -> route.getRulesList().stream())
              .limit(1)
              .forEach(
                  rule -> {
                    switch (rule.getBackends().getKindCase()) {
                      case FIRST_AVAILABLE ->
                          rule.getBackends().getFirstAvailable().getBackendsList().stream()
                              .limit(1)
                              .forEach(b -> backends.add(backend(b.getBackend(), 1)));
                      case RANDOM_AVAILABLE ->
                          rule.getBackends()
                              .getRandomAvailable()
                              .getBackendsList()
                              .forEach(
                                  b ->
                                      backends.add(
                                          backend(b.getBackend().getBackend(), b.getWeight())));
                      case EMPTY, KIND_NOT_SET -> {}
                    }
                  });
          yield new Resolved(Protocol.HTTP2, backends);
        }
        case OPAQUE -> opaque(protocol.getOpaque().getRoutesList());
        case TLS, KIND_NOT_SET -> new Resolved(Protocol.FORBIDDEN, List.of());
      };
    }

    private Resolved http(Protocol protocol, List<HttpRoute> routes) {
      List<WeightedBackend> backends = new ArrayList<>();
      for (HttpRoute route : routes) {
        for (HttpRoute.Rule rule : route.getRulesList()) {
          if (rule.getFiltersList().stream().anyMatch(HttpRoute.Filter::hasFailureInjector)) {
            // The policy has requests fail: they are not forwarded instead.
            return new Resolved(Protocol.FORBIDDEN, List.of());
          }
          switch (rule.getBackends().getKindCase()) {
            case FIRST_AVAILABLE ->
                rule.getBackends().getFirstAvailable().getBackendsList().stream()
                    .limit(1)
                    .forEach(b -> backends.add(backend(b.getBackend(), 1)));
            case RANDOM_AVAILABLE ->
                rule.getBackends()
                    .getRandomAvailable()
                    .getBackendsList()
                    .forEach(
                        b -> backends.add(backend(b.getBackend().getBackend(), b.getWeight())));
            case EMPTY, KIND_NOT_SET -> {}
          }
          return new Resolved(protocol, List.copyOf(backends));
        }
      }
      return new Resolved(protocol, List.of());
    }

    private Resolved opaque(List<OpaqueRoute> routes) {
      List<WeightedBackend> backends = new ArrayList<>();
      for (OpaqueRoute route : routes) {
        for (OpaqueRoute.Rule rule : route.getRulesList()) {
          if (rule.getFiltersCount() > 0) {
            // Forbidden, invalid, or a filter that is not known here: none of them lets through.
            return new Resolved(Protocol.FORBIDDEN, List.of());
          }
          switch (rule.getBackends().getKindCase()) {
            case FIRST_AVAILABLE ->
                rule.getBackends().getFirstAvailable().getBackendsList().stream()
                    .limit(1)
                    .forEach(b -> backends.add(backend(b.getBackend(), 1)));
            case RANDOM_AVAILABLE ->
                rule.getBackends()
                    .getRandomAvailable()
                    .getBackendsList()
                    .forEach(
                        b -> backends.add(backend(b.getBackend().getBackend(), b.getWeight())));
            case EMPTY, KIND_NOT_SET -> {}
          }
          return new Resolved(Protocol.OPAQUE, List.copyOf(backends));
        }
      }
      return new Resolved(Protocol.OPAQUE, List.of());
    }

    private WeightedBackend backend(Backend message, int weight) {
      return switch (message.getKindCase()) {
        case BALANCER ->
            new WeightedBackend(
                weight, shared(message.getBalancer().getDiscovery().getDst().getPath()));
        case FORWARD -> {
          Endpoint endpoint = Endpoints.endpoint(message.getForward(), Map.of());
          yield new WeightedBackend(weight, endpoint == null ? null : single(endpoint));
        }
        case KIND_NOT_SET -> new WeightedBackend(weight, null);
      };
    }

    private Resolved byDestination(String path) {
      return new Resolved(Protocol.DETECT, List.of(new WeightedBackend(1, shared(path))));
    }

    private Resolved fixed(Endpoint endpoint, boolean opaque) {
      return new Resolved(
          opaque ? Protocol.OPAQUE : Protocol.DETECT,
          List.of(new WeightedBackend(1, single(endpoint))));
    }
  }

  private static Endpoint plain(InetSocketAddress socket) {
    return new Endpoint(socket, null, Endpoint.Hint.UNKNOWN, 0, null, Map.of());
  }

  private Balancer single(Endpoint endpoint) {
    Balancer balancer =
        new Balancer(config.failFast(), DEFAULT_RTT, DEFAULT_DECAY, System::nanoTime);
    balancer.update(List.of(endpoint));
    return balancer;
  }

  /** The balancer of a concrete destination, shared by all that lead to it. */
  private Balancer shared(String path) {
    return balancers.computeIfAbsent(
            path,
            key -> {
              Balancer balancer =
                  new Balancer(config.failFast(), DEFAULT_RTT, DEFAULT_DECAY, System::nanoTime);
              SharedBalancer shared =
                  new SharedBalancer(
                      balancer,
                      new DestinationWatch(
                          destination, key, context, new Retry(scheduler), balancer));
              shared.watch.start();
              return shared;
            })
        .balancer;
  }

  private static final class SharedBalancer {
    private final Balancer balancer;
    private final DestinationWatch watch;

    SharedBalancer(Balancer balancer, DestinationWatch watch) {
      this.balancer = balancer;
      this.watch = watch;
    }
  }
}
