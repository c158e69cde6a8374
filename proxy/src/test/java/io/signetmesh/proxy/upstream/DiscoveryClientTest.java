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
import static io.signetmesh.proxy.upstream.WatchedDestination.eventually;
import static io.signetmesh.proxy.upstream.WatchedDestination.get;
import static io.signetmesh.proxy.upstream.WatchedDestination.picked;
import static io.signetmesh.proxy.upstream.WatchedDestination.picks;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.linkerd.proxy.destination.DestinationProfile;
import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.destination.TlsIdentity;
import io.linkerd.proxy.destination.Update;
import io.linkerd.proxy.destination.WeightedAddr;
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
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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
    return client(Duration.ofSeconds(30));
  }

  private DiscoveryClient client(Duration idle) {
    return client(new DiscoveryClient.Config(idle, Duration.ofSeconds(10), Duration.ofMillis(300)));
  }

  /** Requests wait for endpoints for as long as a test may take. */
  private static final DiscoveryClient.Config PATIENT =
      new DiscoveryClient.Config(
          Duration.ofSeconds(30), Duration.ofSeconds(10), Duration.ofSeconds(20));

  private DiscoveryClient client(DiscoveryClient.Config config) {
    DiscoveryClient client =
        new DiscoveryClient(
            controlPlane.channel(), controlPlane.channel(), WORKLOAD, CONTEXT, config, scheduler);
    clients.add(client);
    return client;
  }

  // ---- helpers

  private static Throwable failure(Future<?> future) throws Exception {
    assertThatThrownBy(() -> future.get(15, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class);
    return future.cause();
  }

  private static void assertRefused(Future<?> asked, Status.Code code) throws Exception {
    assertThat(((StatusRuntimeException) failure(asked)).getStatus().getCode()).isEqualTo(code);
  }

  /** Asks for {@link #WEB}, which has a policy. */
  private WatchedDestination web(DiscoveryClient client) throws Exception {
    return WatchedDestination.answer(controlPlane, client.forAuthority(WEB, EXECUTOR), policy(WEB));
  }

  /** Asks for the address of {@link #WEB}, which has the same policy. */
  private WatchedDestination webByAddress(DiscoveryClient client) throws Exception {
    return WatchedDestination.answer(
        controlPlane, client.forAddress(SERVICE, EXECUTOR), policy(WEB));
  }

  /** Asks for an address that has no policy. */
  private Future<Upstream> askWithoutPolicy(InetSocketAddress address) throws Exception {
    Future<Upstream> asked = client().forAddress(address, EXECUTOR);
    next(controlPlane.policies).end(Status.Code.NOT_FOUND);
    return asked;
  }

  private static DestinationProfile.Builder profile(WeightedAddr endpoint) {
    return DestinationProfile.newBuilder().setEndpoint(endpoint);
  }

  private static Update addOne(WeightedAddr endpoint) {
    return Update.newBuilder().setAdd(WeightedAddrSet.newBuilder().addAddrs(endpoint)).build();
  }

  /** A meshed endpoint whose identity is not stated. */
  private static WeightedAddr withoutName(int lastByte) {
    return address(lastByte).toBuilder().setTlsIdentity(TlsIdentity.getDefaultInstance()).build();
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
    picks(upstream, 1, 2);
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

    picks(get(byName), 1);
    picks(get(byAddress), 1);
    assertThat(controlPlane.destinations).isEmpty();
    assertThat(client.balanced()).isEqualTo(1);
  }

  @Test
  void followsPolicyToOtherEndpointsAndLeavesTheOldOnes() throws Exception {
    DiscoveryClient client = client();
    WatchedDestination web = web(client).with(1);

    web.policies.send(policy(CART));

    FakeControlPlane.Call<GetDestination, Update> cart = next(controlPlane.destinations);
    assertThat(cart.request().getPath()).isEqualTo(CART);
    web.endpoints.awaitCancel();
    cart.send(add(2));
    web.picks(2);
    assertThat(client.balanced()).isEqualTo(1);
  }

  @Test
  void opensNothingNewWhenAPolicyIsRepeated() throws Exception {
    DiscoveryClient client = client();
    WatchedDestination web = web(client).with(1);

    web.policies.send(policy(WEB));
    web.policies.send(forward(POD));

    eventually(() -> web.upstream.protocol() == Upstream.Protocol.HTTP2);
    web.endpoints.awaitCancel();
    assertThat(controlPlane.destinations).isEmpty();
    assertThat(client.balanced()).isZero();
  }

  // ---- updates of endpoints

  @Test
  void laterAdditionsJoinAndRemovalsLeave() throws Exception {
    WatchedDestination web = web(client());
    web.endpoints.send(add(1));
    web.endpoints.send(add(2));
    web.picks(1, 2);

    web.endpoints.send(remove(1));
    web.picks(2);

    web.endpoints.send(noEndpoints(true));
    web.picks();

    web.endpoints.send(add(3));
    web.picks(3);

    web.endpoints.send(noEndpoints(false));
    web.picks();
  }

  @Test
  void anAdditionReplacesWhatWasSaidOfAnAddress() throws Exception {
    WatchedDestination web = web(client()).with(1);

    web.endpoints.send(addOne(address(1).toBuilder().putMetricLabels("pod", "web-1").build()));

    eventually(
        () -> {
          Upstream.Lease lease = web.upstream.pick();
          return lease != null && "web-1".equals(lease.endpoint().labels().get("pod"));
        });
  }

  @Test
  void theFirstAdditionOfANewStreamReplacesEverything() throws Exception {
    WatchedDestination web = web(client()).with(1, 2);

    web.endpoints.end(Status.Code.UNAVAILABLE);
    FakeControlPlane.Call<GetDestination, Update> again = next(controlPlane.destinations);
    assertThat(picked(web.upstream)).containsExactly("10.0.0.1", "10.0.0.2");
    // Of what was said on the old stream nothing can be removed by the new one.
    again.send(remove(1));
    again.send(Update.newBuilder().setAdd(WeightedAddrSet.getDefaultInstance()).build());
    again.send(add(2, 3));
    web.picks(2, 3);
  }

  @Test
  void leavesOutEndpointsWhoseIdentityCannotBeChecked() throws Exception {
    WatchedDestination web = web(client()).with(1, 2);

    web.endpoints.send(addOne(withoutName(1)));

    web.picks(2);
  }

  // ---- when the control plane is away

  @Test
  void keepsEndpointsAndComesBackWhenTheControlPlaneDoes() throws Exception {
    DiscoveryClient client = client();
    WatchedDestination web = web(client).with(1);

    controlPlane.stop();
    assertThat(picked(web.upstream)).containsExactly("10.0.0.1");
    assertThat(get(client.forAuthority(WEB, EXECUTOR))).isSameAs(web.upstream);
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
    web.picks(2);
    picks(get(unknown), 3);
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
    WatchedDestination web = webByAddress(client()).with(1);

    web.policies.end(Status.Code.UNAVAILABLE);
    next(controlPlane.policies).end(Status.Code.NOT_FOUND);
    next(controlPlane.policies).send(policy(WEB));

    assertThat(picked(web.upstream)).containsExactly("10.0.0.1");
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
    WatchedDestination web = web(client());
    web.endpoints.send(noEndpoints(true));

    assertThat(failure(web.upstream.awaitPick(EXECUTOR))).isInstanceOf(TimeoutException.class);
    assertThat(web.upstream.awaitPick(EXECUTOR).isDone()).isTrue();

    web.endpoints.send(add(1));
    web.picks(1);
  }

  @Test
  void requestsWaitForEndpointsThatAreOnTheirWay() throws Exception {
    WatchedDestination web = web(client(PATIENT));
    assertThat(web.upstream.pick()).isNull();
    Future<Upstream.Lease> waiting = web.upstream.awaitPick(EXECUTOR);

    web.endpoints.send(add(1));

    assertThat(waiting.get(10, TimeUnit.SECONDS).endpoint().address()).isEqualTo(POD);
  }

  // ---- refusals

  @Test
  void failsAtOnceForANameThatNobodyKnowsAndServesItWhenSomebodyDoes() throws Exception {
    DiscoveryClient client = client();
    Future<Upstream> resolving = client.forAuthority("example.com:80", EXECUTOR);
    next(controlPlane.policies).end(Status.Code.NOT_FOUND);
    assertRefused(resolving, Status.Code.NOT_FOUND);
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

      assertRefused(resolving, code);
    }
    assertThat(controlPlane.profiles).isEmpty();
  }

  @Test
  void letsNothingThroughWhenPolicyForbids() throws Exception {
    WatchedDestination web = webByAddress(client()).with(1);

    web.policies.send(forbidden());

    eventually(() -> web.upstream.protocol() == Upstream.Protocol.FORBIDDEN);
    assertThat(web.upstream.pick()).isNull();
    assertThat(web.upstream.awaitPick(EXECUTOR).cause()).isInstanceOf(TimeoutException.class);
  }

  // ---- profiles

  @Test
  void takesTheProfileOfAnAddressWithoutPolicyAndFollowsIt() throws Exception {
    Future<Upstream> resolving = askWithoutPolicy(POD);
    FakeControlPlane.Call<GetDestination, DestinationProfile> profiles =
        next(controlPlane.profiles);
    assertThat(profiles.request().getPath()).isEqualTo("10.0.0.1:8080");
    assertThat(profiles.request().getContextToken()).isEqualTo(CONTEXT);
    profiles.send(profile(address(1)).setOpaqueProtocol(true).build());
    Upstream upstream = get(resolving);
    assertThat(upstream.protocol()).isEqualTo(Upstream.Protocol.OPAQUE);

    profiles.send(profile(address(2)).build());

    eventually(() -> upstream.protocol() == Upstream.Protocol.DETECT);
    picks(upstream, 2);
  }

  @Test
  void leavesTheProfileWhenThereIsAPolicy() throws Exception {
    Future<Upstream> resolving = askWithoutPolicy(POD);
    FakeControlPlane.Call<GetDestination, DestinationProfile> profiles =
        next(controlPlane.profiles);
    profiles.send(profile(address(1)).build());
    Upstream upstream = get(resolving);

    next(controlPlane.policies).send(forward(socket("10.0.0.9", 80)));

    profiles.awaitCancel();
    picks(upstream, 9);
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
    Future<Upstream> resolving = askWithoutPolicy(POD);
    next(controlPlane.profiles).end(Status.Code.NOT_FOUND);

    Upstream.Lease lease = get(resolving).pick();

    assertThat(lease).isNotNull();
    assertThat(lease.endpoint().address()).isEqualTo(POD);
    assertThat(lease.endpoint().tls()).isNull();
  }

  @Test
  void neverFallsBackToPlaintextForAMeshedEndpointThatCannotBeAuthenticated() throws Exception {
    Future<Upstream> resolving = askWithoutPolicy(POD);
    next(controlPlane.profiles).send(profile(withoutName(1)).build());

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
    picks(get(resolving), 1);
  }

  // ---- life of a watch

  @Test
  void forgetsWhatIsNotUsed() throws Exception {
    DiscoveryClient client = client(Duration.ofMillis(500));
    WatchedDestination web = web(client);

    web.policies.awaitCancel();
    web.endpoints.awaitCancel();

    eventually(() -> client.watched() == 0 && client.balanced() == 0);
  }

  @Test
  void endpointThatWasPickedIsToldFromThoseThatAreThereNow() throws Exception {
    WatchedDestination web = web(client()).with(1);
    Upstream.Lease lease = web.upstream.pick();
    assertThat(lease).isNotNull();
    assertThat(web.upstream.leadsTo(lease.endpoint())).isTrue();

    web.endpoints.send(add(2));
    web.endpoints.send(remove(1));
    eventually(() -> !web.upstream.leadsTo(lease.endpoint()));

    // The same one is back, and then the whole destination is another.
    web.endpoints.send(add(1));
    eventually(() -> web.upstream.leadsTo(lease.endpoint()));
    web.policies.send(policy(CART));
    eventually(() -> !web.upstream.leadsTo(lease.endpoint()));
    lease.release();
  }

  @Test
  void upstreamThatIsHeldAfterItsWatchHasEndedFollowsTheNextOne() throws Exception {
    DiscoveryClient client = client(Duration.ofMillis(50));
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
    DiscoveryClient client = client(Duration.ofMillis(50));
    client.keep(WEB);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> kept = next(controlPlane.policies);
    kept.send(policy(WEB));
    // Only now: a server hands calls that arrive together to its handlers in any order.
    client.forAuthority(CART, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> idle = next(controlPlane.policies);
    idle.send(policy(CART));

    idle.awaitCancel();

    assertThat(client.watched()).isEqualTo(1);
  }

  @Test
  void nothingIsForgottenWhileTheControllerIsAway() throws Exception {
    // Long enough that the first stream ends before its destination is forgotten.
    DiscoveryClient client = client(Duration.ofMillis(500));
    Future<Upstream> unused = client.forAuthority(WEB, EXECUTOR);
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> policies = next(controlPlane.policies);
    policies.send(policy(WEB));
    get(unused);
    policies.end(Status.Code.UNAVAILABLE);

    // The waits are 100 ms and twice as much each time: the fourth attempt comes later than the
    // destination would have been forgotten.
    for (int attempt = 0; attempt < 3; attempt++) {
      next(controlPlane.policies).end(Status.Code.UNAVAILABLE);
    }
    FakeControlPlane.Call<TrafficSpec, OutboundPolicy> last = next(controlPlane.policies);
    assertThat(client.watched()).isEqualTo(1);
    last.send(policy(WEB));

    eventually(() -> client.watched() == 0);
  }

  @Test
  void anUpstreamThatWasForgottenIsFollowedAgainWhenItIsUsed() throws Exception {
    DiscoveryClient client =
        client(
            new DiscoveryClient.Config(
                Duration.ofMillis(500), Duration.ofSeconds(10), Duration.ofSeconds(5)));
    WatchedDestination web = web(client);
    web.endpoints.send(add(1));
    web.endpoints.awaitCancel();
    web.policies.awaitCancel();

    // What was known last serves until the new watch knows better.
    eventually(() -> picked(web.upstream).equals(Set.of("10.0.0.1")));
    next(controlPlane.policies).send(policy(WEB));
    Future<Upstream.Lease> waiting = web.upstream.awaitPick(EXECUTOR);
    next(controlPlane.destinations).send(add(2));

    assertThat(waiting.get(10, TimeUnit.SECONDS)).isNotNull();
    web.picks(2);
    assertThat(client.watched()).isEqualTo(1);
  }

  @Test
  void endsItsStreamsWhenItIsClosed() throws Exception {
    DiscoveryClient client = client();
    WatchedDestination web = web(client).with(1);
    Future<Upstream> waiting = client.forAuthority(CART, EXECUTOR);
    next(controlPlane.policies);

    client.close();

    web.policies.awaitCancel();
    web.endpoints.awaitCancel();
    assertThat(failure(waiting)).hasMessageContaining(CART);
    assertThat(picked(web.upstream)).containsExactly("10.0.0.1");
    assertThat(client.watched()).isZero();
    assertThat(failure(client.forAuthority(WEB, EXECUTOR))).isNotNull();
  }
}
