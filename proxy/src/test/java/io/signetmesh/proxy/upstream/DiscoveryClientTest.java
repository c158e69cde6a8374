package io.signetmesh.proxy.upstream;

import static io.signetmesh.proxy.upstream.DiscoveryMessages.add;
import static io.signetmesh.proxy.upstream.DiscoveryMessages.address;
import static io.signetmesh.proxy.upstream.DiscoveryMessages.forbidden;
import static io.signetmesh.proxy.upstream.DiscoveryMessages.forward;
import static io.signetmesh.proxy.upstream.DiscoveryMessages.noEndpoints;
import static io.signetmesh.proxy.upstream.DiscoveryMessages.policy;
import static io.signetmesh.proxy.upstream.DiscoveryMessages.remove;
import static io.signetmesh.proxy.upstream.DiscoveryMessages.socket;
import static io.signetmesh.proxy.upstream.FakeControlPlane.next;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.linkerd.proxy.destination.DestinationProfile;
import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.destination.TlsIdentity;
import io.linkerd.proxy.destination.Update;
import io.linkerd.proxy.destination.WeightedAddrSet;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.TrafficSpec;
import io.netty.util.concurrent.DefaultEventExecutor;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DiscoveryClientTest {
  private static final EventExecutor EXECUTOR = new DefaultEventExecutor();
  private static final String WEB = "web.shop.svc.cluster.local:80";
  private static final String CART = "cart.shop.svc.cluster.local:80";
  private static final String WORKLOAD = "{\"ns\":\"shop\",\"pod\":\"client\"}";
  private static final String CONTEXT = "{\"ns\":\"shop\",\"nodeName\":\"a\",\"pod\":\"client\"}";
  private static final InetSocketAddress SERVICE = socket("10.96.0.1", 80);
  private static final InetSocketAddress POD = socket("10.0.0.1", 8080);

  private final FakeControlPlane controlPlane;
  private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();
  private final List<DiscoveryClient> clients = new ArrayList<>();

  DiscoveryClientTest() throws Exception {
    controlPlane = new FakeControlPlane();
  }

  @AfterEach
  void stop() throws Exception {
    clients.forEach(DiscoveryClient::close);
    controlPlane.close();
    scheduler.shutdownNow();
  }

  @AfterAll
  static void stopExecutor() {
    Future<?> unused = EXECUTOR.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  private DiscoveryClient client() {
    return client(
        new DiscoveryClient.Config(
            Duration.ofSeconds(30), Duration.ofSeconds(10), Duration.ofMillis(300)));
  }

  private DiscoveryClient client(DiscoveryClient.Config config) {
    DiscoveryClient client =
        new DiscoveryClient(
            controlPlane.channel(), controlPlane.channel(), WORKLOAD, CONTEXT, config, scheduler);
    clients.add(client);
    return client;
  }

  // ---- helpers

  private static Upstream get(Future<Upstream> future) throws Exception {
    return future.get(15, TimeUnit.SECONDS);
  }

  private static Throwable failure(Future<?> future) throws Exception {
    assertThatThrownBy(() -> future.get(15, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class);
    return future.cause();
  }

  /** Addresses that many requests at a time lead to. */
  private static Set<String> picked(Upstream upstream) {
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

  private static void eventually(Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!condition.call()) {
      assertThat(System.nanoTime() - deadline).as("not true in 10 s").isNegative();
      LockSupport.parkNanos(2_000_000);
    }
  }

  private static void picks(Upstream upstream, String... addresses) throws Exception {
    Set<String> expected = Set.of(addresses);
    eventually(() -> picked(upstream).equals(expected));
  }

  private FakeControlPlane.Call<GetDestination, Update> resolved(DiscoveryClient client)
      throws Exception {
    Future<Upstream> unused = client.forAuthority(WEB, EXECUTOR);
    next(controlPlane.policies).send(policy(WEB));
    return next(controlPlane.destinations);
  }

  // ---- subscriptions

  @Test
  void asksForPolicyThenForTheEndpointsThatItNames() throws Exception {
    Future<Upstream> resolving = client().forAuthority(WEB, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    assertThat(policies.request().getAuthority()).isEqualTo(WEB);
    assertThat(policies.request().getSourceWorkload()).isEqualTo(WORKLOAD);
    assertThat(resolving.isDone()).isFalse();

    policies.send(policy(WEB));

    Upstream upstream = get(resolving);
    FakeControlPlane.Call<GetDestination, Update> endpoints = next(controlPlane.destinations);
    assertThat(endpoints.request().getPath()).isEqualTo(WEB);
    assertThat(endpoints.request().getContextToken()).isEqualTo(CONTEXT);
    assertThat(upstream.protocol()).isEqualTo(Upstream.Protocol.DETECT);
    assertThat(upstream.authority()).isEqualTo(WEB);
    endpoints.send(add(1, 2));
    picks(upstream, "10.0.0.1", "10.0.0.2");
  }

  @Test
  void sharesOneStreamAmongAllThatUseADestination() throws Exception {
    DiscoveryClient client = client();
    Future<Upstream> first = client.forAuthority(WEB, EXECUTOR);
    Future<Upstream> second = client.forAuthority(WEB, EXECUTOR);
    next(controlPlane.policies).send(policy(WEB));

    assertThat(get(first)).isSameAs(get(second));
    assertThat(get(client.forAuthority(WEB, EXECUTOR))).isSameAs(get(first));
    assertThat(controlPlane.policies).isEmpty();
  }

  @Test
  void sharesEndpointsAmongDestinationsThatLeadToThem() throws Exception {
    DiscoveryClient client = client();
    Future<Upstream> byName = client.forAuthority(WEB, EXECUTOR);
    next(controlPlane.policies).send(policy(WEB));
    Future<Upstream> byAddress = client.forAddress(SERVICE, EXECUTOR);
    next(controlPlane.policies).send(policy(WEB));
    next(controlPlane.destinations).send(add(1));

    picks(get(byName), "10.0.0.1");
    picks(get(byAddress), "10.0.0.1");
    assertThat(controlPlane.destinations).isEmpty();
    assertThat(client.balanced()).isEqualTo(1);
  }

  @Test
  void followsPolicyToOtherEndpointsAndLeavesTheOldOnes() throws Exception {
    DiscoveryClient client = client();
    Future<Upstream> resolving = client.forAuthority(WEB, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    policies.send(policy(WEB));
    FakeControlPlane.Call<GetDestination, Update> web = next(controlPlane.destinations);
    web.send(add(1));
    Upstream upstream = get(resolving);
    picks(upstream, "10.0.0.1");

    policies.send(policy(CART));

    FakeControlPlane.Call<GetDestination, Update> cart = next(controlPlane.destinations);
    assertThat(cart.request().getPath()).isEqualTo(CART);
    web.awaitCancel();
    cart.send(add(2));
    picks(upstream, "10.0.0.2");
    assertThat(client.balanced()).isEqualTo(1);
  }

  @Test
  void opensNothingNewWhenAPolicyIsRepeated() throws Exception {
    DiscoveryClient client = client();
    Future<Upstream> resolving = client.forAuthority(WEB, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    policies.send(policy(WEB));
    FakeControlPlane.Call<GetDestination, Update> web = next(controlPlane.destinations);
    web.send(add(1));
    picks(get(resolving), "10.0.0.1");

    policies.send(policy(WEB));
    policies.send(forward(POD));

    eventually(() -> get(resolving).protocol() == Upstream.Protocol.HTTP2);
    web.awaitCancel();
    assertThat(controlPlane.destinations).isEmpty();
    assertThat(client.balanced()).isZero();
  }

  // ---- updates of endpoints

  @Test
  void laterAdditionsJoinAndRemovalsLeave() throws Exception {
    DiscoveryClient client = client();
    FakeControlPlane.Call<GetDestination, Update> endpoints = resolved(client);
    Upstream upstream = get(client.forAuthority(WEB, EXECUTOR));
    endpoints.send(add(1));
    endpoints.send(add(2));
    picks(upstream, "10.0.0.1", "10.0.0.2");

    endpoints.send(remove(1));
    picks(upstream, "10.0.0.2");

    endpoints.send(noEndpoints(true));
    picks(upstream);

    endpoints.send(add(3));
    picks(upstream, "10.0.0.3");

    endpoints.send(noEndpoints(false));
    picks(upstream);
  }

  @Test
  void anAdditionReplacesWhatWasSaidOfAnAddress() throws Exception {
    DiscoveryClient client = client();
    FakeControlPlane.Call<GetDestination, Update> endpoints = resolved(client);
    Upstream upstream = get(client.forAuthority(WEB, EXECUTOR));
    endpoints.send(add(1));
    picks(upstream, "10.0.0.1");

    endpoints.send(
        Update.newBuilder()
            .setAdd(
                WeightedAddrSet.newBuilder()
                    .addAddrs(address(1).toBuilder().putMetricLabels("pod", "web-1")))
            .build());

    eventually(
        () -> {
          Upstream.Lease lease = upstream.pick();
          return lease != null && "web-1".equals(lease.endpoint().labels().get("pod"));
        });
  }

  @Test
  void theFirstAdditionOfANewStreamReplacesEverything() throws Exception {
    DiscoveryClient client = client();
    FakeControlPlane.Call<GetDestination, Update> endpoints = resolved(client);
    Upstream upstream = get(client.forAuthority(WEB, EXECUTOR));
    endpoints.send(add(1, 2));
    picks(upstream, "10.0.0.1", "10.0.0.2");

    endpoints.end(Status.Code.UNAVAILABLE);
    FakeControlPlane.Call<GetDestination, Update> again = next(controlPlane.destinations);
    assertThat(picked(upstream)).containsExactly("10.0.0.1", "10.0.0.2");
    // Of what was said on the old stream nothing can be removed by the new one.
    again.send(remove(1));
    again.send(Update.newBuilder().setAdd(WeightedAddrSet.getDefaultInstance()).build());
    again.send(add(2, 3));
    picks(upstream, "10.0.0.2", "10.0.0.3");
  }

  @Test
  void leavesOutEndpointsWhoseIdentityCannotBeChecked() throws Exception {
    DiscoveryClient client = client();
    FakeControlPlane.Call<GetDestination, Update> endpoints = resolved(client);
    Upstream upstream = get(client.forAuthority(WEB, EXECUTOR));
    endpoints.send(add(1, 2));
    picks(upstream, "10.0.0.1", "10.0.0.2");

    endpoints.send(
        Update.newBuilder()
            .setAdd(
                WeightedAddrSet.newBuilder()
                    .addAddrs(
                        address(1).toBuilder().setTlsIdentity(TlsIdentity.getDefaultInstance())))
            .build());

    picks(upstream, "10.0.0.2");
  }

  // ---- when the control plane is away

  @Test
  void keepsEndpointsAndComesBackWhenTheControlPlaneDoes() throws Exception {
    DiscoveryClient client = client();
    FakeControlPlane.Call<GetDestination, Update> endpoints = resolved(client);
    Upstream upstream = get(client.forAuthority(WEB, EXECUTOR));
    endpoints.send(add(1));
    picks(upstream, "10.0.0.1");

    controlPlane.stop();
    assertThat(picked(upstream)).containsExactly("10.0.0.1");
    assertThat(get(client.forAuthority(WEB, EXECUTOR))).isSameAs(upstream);
    Future<Upstream> unknown = client.forAuthority(CART, EXECUTOR);
    controlPlane.start();

    List<String> asked = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      FakeControlPlane.Call<TrafficSpec, OutboundPolicy> call = next(controlPlane.policies);
      asked.add(call.request().getAuthority());
      call.send(policy(call.request().getAuthority()));
    }
    assertThat(asked).containsExactlyInAnyOrder(WEB, CART);
    assertThat(get(unknown).authority()).isEqualTo(CART);
    for (int i = 0; i < 2; i++) {
      FakeControlPlane.Call<GetDestination, Update> call = next(controlPlane.destinations);
      call.send(call.request().getPath().equals(WEB) ? add(2) : add(3));
    }
    picks(upstream, "10.0.0.2");
    picks(get(unknown), "10.0.0.3");
  }

  @Test
  void opensStreamsThatEndAgainAfterAWhile() throws Exception {
    DiscoveryClient client = client();
    Future<Upstream> unused = client.forAuthority(WEB, EXECUTOR);
    long started = System.nanoTime();
    next(controlPlane.policies).end(Status.Code.UNAVAILABLE);
    next(controlPlane.policies).end(Status.Code.INTERNAL);
    next(controlPlane.policies);

    // 100 ms and 200 ms at the least.
    assertThat(System.nanoTime() - started).isGreaterThanOrEqualTo(300_000_000L);
  }

  @Test
  void keepsAPolicyThatARestartedControllerDoesNotKnowYet() throws Exception {
    DiscoveryClient client = client();
    Future<Upstream> resolving = client.forAddress(SERVICE, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    policies.send(policy(WEB));
    next(controlPlane.destinations).send(add(1));
    picks(get(resolving), "10.0.0.1");

    policies.end(Status.Code.UNAVAILABLE);
    next(controlPlane.policies).end(Status.Code.NOT_FOUND);
    next(controlPlane.policies).send(policy(WEB));

    assertThat(picked(get(resolving))).containsExactly("10.0.0.1");
    assertThat(controlPlane.profiles).isEmpty();
  }

  @Test
  void givesUpWaitingForTheFirstAnswer() throws Exception {
    DiscoveryClient client =
        client(
            new DiscoveryClient.Config(
                Duration.ofMillis(50), Duration.ofMillis(200), Duration.ofMillis(200)));

    Throwable cause = failure(client.forAuthority(WEB, EXECUTOR));

    assertThat(cause).isInstanceOf(TimeoutException.class).hasMessageContaining(WEB);
  }

  // ---- no endpoints

  @Test
  void failsFastWithoutEndpoints() throws Exception {
    DiscoveryClient client = client();
    FakeControlPlane.Call<GetDestination, Update> endpoints = resolved(client);
    Upstream upstream = get(client.forAuthority(WEB, EXECUTOR));
    endpoints.send(noEndpoints(true));

    assertThat(failure(upstream.awaitPick(EXECUTOR))).isInstanceOf(TimeoutException.class);
    assertThat(upstream.awaitPick(EXECUTOR).isDone()).isTrue();

    endpoints.send(add(1));
    picks(upstream, "10.0.0.1");
  }

  @Test
  void requestsWaitForEndpointsThatAreOnTheirWay() throws Exception {
    DiscoveryClient client = client();
    FakeControlPlane.Call<GetDestination, Update> endpoints = resolved(client);
    Upstream upstream = get(client.forAuthority(WEB, EXECUTOR));
    assertThat(upstream.pick()).isNull();
    Future<Upstream.Lease> waiting = upstream.awaitPick(EXECUTOR);

    endpoints.send(add(1));

    assertThat(waiting.get(10, TimeUnit.SECONDS).endpoint().address()).isEqualTo(POD);
  }

  // ---- refusals

  @Test
  void failsAtOnceForANameThatNobodyKnowsAndServesItWhenSomebodyDoes() throws Exception {
    DiscoveryClient client = client();
    Future<Upstream> resolving = client.forAuthority("example.com:80", EXECUTOR);
    next(controlPlane.policies).end(Status.Code.NOT_FOUND);
    assertThat(((StatusRuntimeException) failure(resolving)).getStatus().getCode())
        .isEqualTo(Status.Code.NOT_FOUND);
    assertThat(client.forAuthority("example.com:80", EXECUTOR).isDone()).isTrue();

    next(controlPlane.policies).send(forward(POD));

    eventually(() -> client.forAuthority("example.com:80", EXECUTOR).isSuccess());
  }

  @Test
  void failsWhenThisWorkloadIsRefused() throws Exception {
    for (Status.Code code :
        List.of(
            Status.Code.PERMISSION_DENIED,
            Status.Code.UNAUTHENTICATED,
            Status.Code.INVALID_ARGUMENT)) {
      Future<Upstream> resolving = client().forAddress(SERVICE, EXECUTOR);
      next(controlPlane.policies).end(code);

      assertThat(((StatusRuntimeException) failure(resolving)).getStatus().getCode())
          .isEqualTo(code);
    }
    assertThat(controlPlane.profiles).isEmpty();
  }

  @Test
  void letsNothingThroughWhenPolicyForbids() throws Exception {
    DiscoveryClient client = client();
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies;
    Future<Upstream> resolving = client.forAddress(SERVICE, EXECUTOR);
    policies = next(controlPlane.policies);
    policies.send(policy(WEB));
    next(controlPlane.destinations).send(add(1));
    Upstream upstream = get(resolving);
    picks(upstream, "10.0.0.1");

    policies.send(forbidden());

    eventually(() -> upstream.protocol() == Upstream.Protocol.FORBIDDEN);
    assertThat(upstream.pick()).isNull();
    assertThat(upstream.awaitPick(EXECUTOR).cause()).isInstanceOf(TimeoutException.class);
  }

  // ---- profiles

  @Test
  void takesTheProfileOfAnAddressWithoutPolicyAndFollowsIt() throws Exception {
    Future<Upstream> resolving = client().forAddress(POD, EXECUTOR);
    next(controlPlane.policies).end(Status.Code.NOT_FOUND);
    FakeControlPlane.Call<GetDestination, DestinationProfile> profiles =
        next(controlPlane.profiles);
    assertThat(profiles.request().getPath()).isEqualTo("10.0.0.1:8080");
    assertThat(profiles.request().getContextToken()).isEqualTo(CONTEXT);
    profiles.send(
        DestinationProfile.newBuilder().setOpaqueProtocol(true).setEndpoint(address(1)).build());
    Upstream upstream = get(resolving);
    assertThat(upstream.protocol()).isEqualTo(Upstream.Protocol.OPAQUE);

    profiles.send(DestinationProfile.newBuilder().setEndpoint(address(2)).build());

    eventually(() -> upstream.protocol() == Upstream.Protocol.DETECT);
    picks(upstream, "10.0.0.2");
  }

  @Test
  void leavesTheProfileWhenThereIsAPolicy() throws Exception {
    Future<Upstream> resolving = client().forAddress(POD, EXECUTOR);
    next(controlPlane.policies).end(Status.Code.NOT_FOUND);
    FakeControlPlane.Call<GetDestination, DestinationProfile> profiles =
        next(controlPlane.profiles);
    profiles.send(DestinationProfile.newBuilder().setEndpoint(address(1)).build());
    Upstream upstream = get(resolving);

    next(controlPlane.policies).send(forward(socket("10.0.0.9", 80)));

    profiles.awaitCancel();
    picks(upstream, "10.0.0.9");
  }

  @Test
  void namesIpv6AddressesInBrackets() throws Exception {
    InetSocketAddress address = socket("fd00::1", 8080);
    Future<Upstream> resolving = client().forAddress(address, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    assertThat(Endpoints.socket(policies.request().getAddr())).isEqualTo(address);
    policies.end(Status.Code.NOT_FOUND);

    assertThat(next(controlPlane.profiles).request().getPath())
        .isEqualTo("[fd00:0:0:0:0:0:0:1]:8080");
    assertThat(resolving.isDone()).isFalse();
  }

  @Test
  void forwardsToAddressesThatNobodyKnows() throws Exception {
    Future<Upstream> resolving = client().forAddress(POD, EXECUTOR);
    next(controlPlane.policies).end(Status.Code.NOT_FOUND);
    next(controlPlane.profiles).end(Status.Code.NOT_FOUND);

    Upstream.Lease lease = get(resolving).pick();

    assertThat(lease).isNotNull();
    assertThat(lease.endpoint().address()).isEqualTo(POD);
    assertThat(lease.endpoint().tls()).isNull();
  }

  @Test
  void neverFallsBackToPlaintextForAMeshedEndpointThatCannotBeAuthenticated() throws Exception {
    Future<Upstream> resolving = client().forAddress(POD, EXECUTOR);
    next(controlPlane.policies).end(Status.Code.NOT_FOUND);
    next(controlPlane.profiles)
        .send(
            DestinationProfile.newBuilder()
                .setEndpoint(
                    address(1).toBuilder().setTlsIdentity(TlsIdentity.getDefaultInstance()))
                .build());

    assertThat(get(resolving).protocol()).isEqualTo(Upstream.Protocol.FORBIDDEN);
    assertThat(get(resolving).pick()).isNull();
  }

  @Test
  void balancesOverTheServiceThatAProfileNames() throws Exception {
    Future<Upstream> resolving = client().forAddress(SERVICE, EXECUTOR);
    next(controlPlane.policies).end(Status.Code.UNIMPLEMENTED);
    next(controlPlane.profiles)
        .send(
            DestinationProfile.newBuilder()
                .setFullyQualifiedName("web.shop.svc.cluster.local")
                .build());

    FakeControlPlane.Call<GetDestination, Update> endpoints = next(controlPlane.destinations);
    assertThat(endpoints.request().getPath()).isEqualTo(WEB);
    endpoints.send(add(1));
    picks(get(resolving), "10.0.0.1");
  }

  // ---- life of a watch

  @Test
  void forgetsWhatIsNotUsed() throws Exception {
    DiscoveryClient client =
        client(
            new DiscoveryClient.Config(
                Duration.ofMillis(100), Duration.ofSeconds(10), Duration.ofMillis(200)));
    Future<Upstream> unused = client.forAuthority(WEB, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    policies.send(policy(WEB));
    FakeControlPlane.Call<GetDestination, Update> endpoints = next(controlPlane.destinations);

    policies.awaitCancel();
    endpoints.awaitCancel();

    eventually(() -> client.watched() == 0 && client.balanced() == 0);
  }

  @Test
  void endpointThatWasPickedIsToldFromThoseThatAreThereNow() throws Exception {
    DiscoveryClient client = client();
    Future<Upstream> resolving = client.forAuthority(WEB, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    policies.send(policy(WEB));
    FakeControlPlane.Call<GetDestination, Update> endpoints = next(controlPlane.destinations);
    endpoints.send(add(1));
    Upstream upstream = get(resolving);
    picks(upstream, "10.0.0.1");
    Upstream.Lease lease = upstream.pick();
    assertThat(lease).isNotNull();
    assertThat(upstream.leadsTo(lease.endpoint())).isTrue();

    endpoints.send(add(2));
    endpoints.send(remove(1));
    eventually(() -> !upstream.leadsTo(lease.endpoint()));

    // The same one is back, and then the whole destination is another.
    endpoints.send(add(1));
    eventually(() -> upstream.leadsTo(lease.endpoint()));
    policies.send(policy(CART));
    eventually(() -> !upstream.leadsTo(lease.endpoint()));
    lease.release();
  }

  @Test
  void upstreamThatIsHeldAfterItsWatchHasEndedFollowsTheNextOne() throws Exception {
    DiscoveryClient client =
        client(
            new DiscoveryClient.Config(
                Duration.ofMillis(50), Duration.ofSeconds(10), Duration.ofMillis(200)));
    Future<Upstream> resolving = client.forAuthority(WEB, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    policies.send(policy(WEB));
    Upstream upstream = get(resolving);
    policies.awaitCancel();

    assertThat(upstream.protocol()).isEqualTo(Upstream.Protocol.DETECT);
    next(controlPlane.policies).send(OutboundPolicy.getDefaultInstance());
    eventually(() -> upstream.protocol() == Upstream.Protocol.FORBIDDEN);
  }

  @Test
  void whatIsKeptIsWatchedWithoutUse() throws Exception {
    DiscoveryClient client =
        client(
            new DiscoveryClient.Config(
                Duration.ofMillis(50), Duration.ofSeconds(10), Duration.ofMillis(200)));
    client.keep(WEB);
    client.forAuthority(CART, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> kept = next(controlPlane.policies);
    kept.send(policy(WEB));
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> idle = next(controlPlane.policies);
    idle.send(policy(CART));

    idle.awaitCancel();

    assertThat(client.watched()).isEqualTo(1);
  }

  @Test
  void nothingIsForgottenWhileTheControllerIsAway() throws Exception {
    DiscoveryClient client =
        client(
            new DiscoveryClient.Config(
                Duration.ofMillis(50), Duration.ofSeconds(10), Duration.ofMillis(200)));
    Future<Upstream> unused = client.forAuthority(WEB, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    policies.send(policy(WEB));
    get(unused);
    policies.end(Status.Code.UNAVAILABLE);

    // The retries come later than the destination would have been forgotten.
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> second = next(controlPlane.policies);
    second.end(Status.Code.UNAVAILABLE);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> third = next(controlPlane.policies);
    assertThat(client.watched()).isEqualTo(1);
    third.send(policy(WEB));

    eventually(() -> client.watched() == 0);
  }

  @Test
  void anUpstreamThatWasForgottenIsFollowedAgainWhenItIsUsed() throws Exception {
    DiscoveryClient client =
        client(
            new DiscoveryClient.Config(
                Duration.ofMillis(500), Duration.ofSeconds(10), Duration.ofSeconds(5)));
    Future<Upstream> resolving = client.forAuthority(WEB, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    policies.send(policy(WEB));
    FakeControlPlane.Call<GetDestination, Update> endpoints = next(controlPlane.destinations);
    endpoints.send(add(1));
    Upstream upstream = get(resolving);
    endpoints.awaitCancel();
    policies.awaitCancel();

    // What was known last serves until the new watch knows better.
    eventually(() -> picked(upstream).equals(Set.of("10.0.0.1")));
    next(controlPlane.policies).send(policy(WEB));
    Future<Upstream.Lease> waiting = upstream.awaitPick(EXECUTOR);
    next(controlPlane.destinations).send(add(2));

    assertThat(waiting.get(10, TimeUnit.SECONDS)).isNotNull();
    picks(upstream, "10.0.0.2");
    assertThat(client.watched()).isEqualTo(1);
  }

  @Test
  void endsItsStreamsWhenItIsClosed() throws Exception {
    DiscoveryClient client = client();
    Future<Upstream> resolving = client.forAuthority(WEB, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    policies.send(policy(WEB));
    FakeControlPlane.Call<GetDestination, Update> endpoints = next(controlPlane.destinations);
    endpoints.send(add(1));
    Upstream upstream = get(resolving);
    picks(upstream, "10.0.0.1");
    Future<Upstream> waiting = client.forAuthority(CART, EXECUTOR);
    next(controlPlane.policies);

    client.close();

    policies.awaitCancel();
    endpoints.awaitCancel();
    assertThat(failure(waiting)).hasMessageContaining(CART);
    assertThat(picked(upstream)).containsExactly("10.0.0.1");
    assertThat(client.watched()).isZero();
    assertThat(failure(client.forAuthority(WEB, EXECUTOR))).isNotNull();
  }
}
