package io.signetmesh.proxy.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.inbound.PortSpec;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.netty.util.concurrent.DefaultEventExecutor;
import io.netty.util.concurrent.ImmediateEventExecutor;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.v1.EnforcementReport;
import io.signetmesh.v1.EnforcementSummary;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PolicyWatcherTest {
  private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
  private final ManagedChannel nowhere =
      NettyChannelBuilder.forAddress(InetAddress.getLoopbackAddress().getHostAddress(), 9)
          .usePlaintext()
          .build();
  private final PolicyWatcher watcher =
      new PolicyWatcher(
          nowhere,
          "shop:web",
          new PolicyCompiler(false, System::nanoTime),
          Duration.ofSeconds(1),
          Duration.ofHours(1),
          timer);

  @AfterEach
  void stop() {
    watcher.close();
    nowhere.shutdownNow();
    timer.shutdownNow();
  }

  @Test
  void scanOfPortsLeavesTheWorkloadsOwnAndABoundedNumberOfOthers() {
    watcher.watch(List.of(8080));
    for (int port = 1; port <= 5_000; port++) {
      watcher.forPort(port);
    }

    assertThat(watcher.watched())
        .hasSizeLessThanOrEqualTo(PolicyWatcher.MAX_UNKNOWN_PORTS + 1)
        .contains(8080, 5_000);
  }

  @Test
  void knocksThatKeepTheirConnectionsTakeNoMoreRoomThanOthers() {
    watcher.watch(List.of(8080));
    List<Integer> told = new ArrayList<>();
    for (int port = 1; port <= 500; port++) {
      int knocked = port;
      watcher.forPort(port).onChange(ImmediateEventExecutor.INSTANCE, gone -> told.add(knocked));
    }

    assertThat(watcher.watched()).hasSizeLessThanOrEqualTo(PolicyWatcher.MAX_UNKNOWN_PORTS + 1);
    // Who still holds one of the others is told, so that it closes.
    assertThat(told).hasSize(500 - PolicyWatcher.MAX_UNKNOWN_PORTS).contains(1);
  }

  @Test
  void scanDoesNotCostAPortThatTheApplicationServes() {
    PortPolicy served = watcher.forPort(9_999);
    served.markServed();
    for (int port = 1; port <= 500; port++) {
      watcher.forPort(port);
    }

    assertThat(watcher.watched()).contains(9_999);
    assertThat(served.isWatched()).isTrue();
    assertThat(watcher.isOwn(9_999)).isTrue();
    assertThat(watcher.isOwn(500)).isFalse();
  }

  @Test
  void scanEvictsOnlyPortsOfTheScanner() throws Exception {
    InetAddress scanner = InetAddress.getByName("192.0.2.66");
    InetAddress visitor = InetAddress.getByName("192.0.2.7");
    watcher.forPort(9_999, visitor);
    for (int port = 1; port <= 500; port++) {
      watcher.forPort(port, scanner);
      if (port == 250) {
        // Room is found for others in the middle of it.
        watcher.forPort(9_998, visitor);
      }
    }

    assertThat(watcher.watched())
        .hasSize(PolicyWatcher.MAX_UNKNOWN_PORTS)
        .contains(9_998, 9_999, 500)
        .doesNotContain(1);
  }

  @Test
  void scannerThatHasKnockedFirstDoesNotTakeAPortFromThoseWhoUseIt() throws Exception {
    InetAddress scanner = InetAddress.getByName("192.0.2.66");
    watcher.forPort(9_999, scanner);
    watcher.forPort(1, scanner);
    watcher.forPort(2, scanner);
    watcher.forPort(9_999, InetAddress.getByName("192.0.2.7"));
    for (int port = 1; port <= 500; port++) {
      watcher.forPort(port, scanner);
    }

    assertThat(watcher.watched()).contains(9_999);
  }

  @Test
  void scannerInAnIpv6NetworkIsOneWhateverAddressItTakes() throws Exception {
    watcher.forPort(9_999, InetAddress.getByName("2001:db8:1::1"));
    for (int port = 1; port <= 500; port++) {
      watcher.forPort(port, InetAddress.getByName("2001:db8:2::" + port));
    }

    assertThat(watcher.watched()).contains(9_999);
  }

  @Test
  void portsWithConnectionsGoLast() {
    watcher.forPort(9_999).onChange(ImmediateEventExecutor.INSTANCE, gone -> {});
    for (int port = 1; port <= 500; port++) {
      watcher.forPort(port);
    }

    assertThat(watcher.watched()).contains(9_999, 500).doesNotContain(1);
  }

  @Test
  void portThatWasForgottenGrantsNothingToThoseWhoStillHoldIt() {
    PortPolicy held = watcher.forPort(1);
    for (int port = 2; port <= PolicyWatcher.MAX_UNKNOWN_PORTS + 1; port++) {
      watcher.forPort(port);
    }

    assertThat(watcher.watched()).doesNotContain(1);
    assertThat(held.isWatched()).isFalse();
    assertThat(held.current()).isNotNull();
    assertThat(held.current().invalidity()).isNotNull();
  }

  @Test
  void policyThatIsOnItsWayToAForgottenPortIsNotInForceThere() throws Exception {
    Map<Integer, StreamObserver<Server>> streams = new ConcurrentHashMap<>();
    io.grpc.Server controller =
        InProcessServerBuilder.forName("on-its-way")
            .directExecutor()
            .addService(
                new InboundServerPoliciesGrpc.InboundServerPoliciesImplBase() {
                  @Override
                  public void watchPort(PortSpec port, StreamObserver<Server> updates) {
                    streams.put(port.getPort(), updates);
                  }
                })
            .build()
            .start();
    ManagedChannel channel = InProcessChannelBuilder.forName("on-its-way").directExecutor().build();
    CompletableFuture<PolicyWatcher> knocks = new CompletableFuture<>();
    // Asked for the time while the policy of the port is made: then the others knock.
    PolicyCompiler compiler =
        new PolicyCompiler(
            false,
            () -> {
              for (int port = 2; port <= PolicyWatcher.MAX_UNKNOWN_PORTS + 1; port++) {
                knocks.join().forPort(port);
              }
              return System.nanoTime();
            });
    try (PolicyWatcher scanned =
        new PolicyWatcher(
            channel,
            "shop:web",
            compiler,
            Duration.ofSeconds(1),
            Duration.ofHours(1),
            new ManualTimer())) {
      knocks.complete(scanned);
      PortPolicy held = scanned.forPort(1);
      Objects.requireNonNull(streams.get(1)).onNext(twoRequestsPerSecond(1));

      assertThat(scanned.watched()).doesNotContain(1);
      assertThat(Objects.requireNonNull(held.current()).invalidity()).isNotNull();
    } finally {
      channel.shutdownNow();
      controller.shutdownNow();
    }
  }

  @Test
  void knockedPortEndsAfterItsShortLifeWhoeverIsConnectedToIt() {
    ManualTimer manual = new ManualTimer();
    try (PolicyWatcher brief =
        new PolicyWatcher(
            nowhere,
            "shop:web",
            new PolicyCompiler(false, System::nanoTime),
            Duration.ofSeconds(1),
            Duration.ofHours(1),
            manual)) {
      brief.watch(List.of(8080));
      brief.forPort(1).onChange(ImmediateEventExecutor.INSTANCE, gone -> {});
      brief.forPort(2).markServed();
      manual.run(PolicyWatcher.UNKNOWN_PORT_LIFE);

      assertThat(brief.watched()).containsExactlyInAnyOrder(8080, 2);
    }
  }

  @Test
  void knockedPortsAreSubscribedAfterThePinnedOnes() throws Exception {
    ManualTimer manual = new ManualTimer();
    List<Integer> asked = new CopyOnWriteArrayList<>();
    Map<Integer, StreamObserver<Server>> streams = new ConcurrentHashMap<>();
    io.grpc.Server controller =
        InProcessServerBuilder.forName("pinned-first")
            .directExecutor()
            .addService(
                new InboundServerPoliciesGrpc.InboundServerPoliciesImplBase() {
                  @Override
                  public void watchPort(PortSpec port, StreamObserver<Server> updates) {
                    asked.add(port.getPort());
                    streams.put(port.getPort(), updates);
                  }
                })
            .build()
            .start();
    ManagedChannel channel =
        InProcessChannelBuilder.forName("pinned-first").directExecutor().build();
    try (PolicyWatcher ordered =
        new PolicyWatcher(
            channel,
            "shop:web",
            new PolicyCompiler(false, System::nanoTime),
            Duration.ofSeconds(1),
            Duration.ofHours(1),
            manual)) {
      ordered.watch(List.of(8080));
      ordered.forPort(1);
      manual.run(Duration.ofMillis(100));
      assertThat(asked).containsExactly(8080);
      Objects.requireNonNull(streams.get(8080)).onNext(twoRequestsPerSecond(1));
      manual.run(Duration.ofMillis(100));
      assertThat(asked).containsExactly(8080, 1);

      // The controller is gone and back.
      asked.clear();
      Objects.requireNonNull(streams.get(1))
          .onError(io.grpc.Status.UNAVAILABLE.asRuntimeException());
      Objects.requireNonNull(streams.get(8080))
          .onError(io.grpc.Status.UNAVAILABLE.asRuntimeException());
      manual.run(Duration.ofMillis(150));
      assertThat(asked).containsExactly(8080);
      // A pinned port without an answer holds the others back for no more than a second.
      for (int i = 0; i < 10; i++) {
        manual.run(Duration.ofMillis(100));
      }
      assertThat(asked).containsExactly(8080, 1);
    } finally {
      channel.shutdownNow();
      controller.shutdownNow();
    }
  }

  @Test
  void rateLimitsGoOnOverUpdatesOfTheController() throws Exception {
    AtomicLong nanos = new AtomicLong();
    CompletableFuture<StreamObserver<Server>> subscribed = new CompletableFuture<>();
    io.grpc.Server controller =
        InProcessServerBuilder.forName("rate-limits")
            .directExecutor()
            .addService(
                new InboundServerPoliciesGrpc.InboundServerPoliciesImplBase() {
                  @Override
                  public void watchPort(PortSpec port, StreamObserver<Server> updates) {
                    subscribed.complete(updates);
                  }
                })
            .build()
            .start();
    ManagedChannel channel =
        InProcessChannelBuilder.forName("rate-limits").directExecutor().build();
    try (PolicyWatcher limited =
        new PolicyWatcher(
            channel,
            "shop:web",
            new PolicyCompiler(false, nanos::get),
            Duration.ofSeconds(1),
            Duration.ofHours(1),
            timer)) {
      PortPolicy port = limited.forPort(8080);
      StreamObserver<Server> updates = subscribed.get(20, TimeUnit.SECONDS);
      int granted = 0;
      for (int second = 0; second < 12; second++) {
        // Another generation each second; the limit is the same.
        updates.onNext(twoRequestsPerSecond(second + 1));
        ServerPolicy policy = port.current();
        assertThat(policy).isNotNull();
        assertThat(policy.generation()).isEqualTo(second + 1);
        for (int i = 0; i < 10; i++) {
          granted += serve(policy) ? 1 : 0;
          nanos.addAndGet(100_000_000);
        }
      }
      // Twelve seconds at two a second, and one burst at the start.
      assertThat(granted).isBetween(24, 26);
    } finally {
      channel.shutdownNow();
      controller.shutdownNow();
    }
  }

  @Test
  void policyComesIntoForceAndIsReportedWhenALoopHasEnded() throws Exception {
    Map<Integer, StreamObserver<Server>> streams = new ConcurrentHashMap<>();
    List<Long> reported = new CopyOnWriteArrayList<>();
    io.grpc.Server controller =
        InProcessServerBuilder.forName("loop-has-ended")
            .directExecutor()
            .addService(
                new InboundServerPoliciesGrpc.InboundServerPoliciesImplBase() {
                  @Override
                  public void watchPort(PortSpec port, StreamObserver<Server> updates) {
                    streams.put(port.getPort(), updates);
                  }
                })
            .addService(
                new PolicyEnforcementGrpc.PolicyEnforcementImplBase() {
                  @Override
                  public StreamObserver<EnforcementReport> report(
                      StreamObserver<EnforcementSummary> response) {
                    return new StreamObserver<>() {
                      @Override
                      public void onNext(EnforcementReport report) {
                        report.getPortsList().forEach(port -> reported.add(port.getGeneration()));
                      }

                      @Override
                      public void onError(Throwable error) {}

                      @Override
                      public void onCompleted() {}
                    };
                  }
                })
            .build()
            .start();
    ManagedChannel channel =
        InProcessChannelBuilder.forName("loop-has-ended").directExecutor().build();
    DefaultEventExecutor ended = new DefaultEventExecutor();
    ended.shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
    try (PolicyWatcher told =
        new PolicyWatcher(
            channel,
            "shop:web",
            new PolicyCompiler(false, System::nanoTime),
            Duration.ofSeconds(1),
            Duration.ofHours(1),
            new ManualTimer())) {
      PortPolicy port = told.forPort(8080);
      List<Long> live = new ArrayList<>();
      port.onChange(ended, policy -> live.add(-1L));
      port.onChange(ImmediateEventExecutor.INSTANCE, policy -> live.add(policy.generation()));
      Objects.requireNonNull(streams.get(8080)).onNext(twoRequestsPerSecond(7));
      Objects.requireNonNull(streams.get(8080)).onNext(twoRequestsPerSecond(8));

      assertThat(Objects.requireNonNull(port.current()).invalidity()).isNull();
      assertThat(live).containsExactly(7L, 8L);
      assertThat(reported).containsExactly(7L, 8L);
    } finally {
      channel.shutdownNow();
      controller.shutdownNow();
    }
  }

  private static boolean serve(ServerPolicy policy) {
    RequestAttributes request =
        new RequestAttributes() {
          @Override
          public ExpressionWork expressions() {
            return new ExpressionWork();
          }

          @Override
          public CharSequence method() {
            return "GET";
          }

          @Override
          public CharSequence path() {
            return "/";
          }

          @Override
          public CharSequence authority() {
            return "web";
          }

          @Override
          public @Nullable CharSequence header(CharSequence lowerCaseName) {
            return null;
          }

          @Override
          public boolean repeats(CharSequence lowerCaseName) {
            return false;
          }
        };
    Route route = policy.route(request);
    assertThat(route).isNotNull();
    return policy
        .decideRequest(new Client(InetAddress.getLoopbackAddress(), false, null), route)
        .allowed();
  }

  private static Server twoRequestsPerSecond(long generation) {
    Server.Builder server =
        Server.newBuilder().putLabels("name", "web").setSignetGeneration(generation);
    server
        .getProtocolBuilder()
        .getHttp1Builder()
        .setLocalRateLimit(
            HttpLocalRateLimit.newBuilder()
                .setTotal(HttpLocalRateLimit.Limit.newBuilder().setRequestsPerSecond(2)));
    server
        .addAuthorizationsBuilder()
        .setMetadata(Metadata.newBuilder().setDefault("all-unauthenticated"))
        .addNetworks(
            Network.newBuilder()
                .setNet(IPNetwork.newBuilder().setIp(IPAddress.newBuilder().setIpv4(0))))
        .setAuthentication(
            Authn.newBuilder().setUnauthenticated(Authn.PermitUnauthenticated.newBuilder()));
    return server.build();
  }
}
