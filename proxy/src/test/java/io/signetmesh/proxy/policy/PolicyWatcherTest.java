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
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.PolicyCompiler;
import io.signetmesh.proxy.authorize.RequestFacts;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
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
        .hasSizeLessThanOrEqualTo(PolicyWatcher.MOST_PORTS)
        .contains(8080, 5_000);
  }

  @Test
  void portThatWasForgottenGrantsNothingToThoseWhoStillHoldIt() {
    PortPolicy held = watcher.forPort(1);
    for (int port = 2; port <= PolicyWatcher.MOST_PORTS + 1; port++) {
      watcher.forPort(port);
    }

    assertThat(watcher.watched()).doesNotContain(1);
    assertThat(held.current()).isNotNull();
    assertThat(held.current().invalidity()).isNotNull();
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
      StreamObserver<Server> updates = subscribed.get(5, TimeUnit.SECONDS);
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

  private static boolean serve(ServerPolicy policy) {
    RequestFacts request =
        new RequestFacts() {
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
