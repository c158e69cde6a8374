package io.signetmesh.proxy.upstream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.netty.util.concurrent.DefaultEventExecutor;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class BalancerTest {
  private static final EventExecutor EXECUTOR = new DefaultEventExecutor();
  private static final Duration RTT = Duration.ofMillis(30);
  private static final Duration DECAY = Duration.ofSeconds(10);
  private static final Duration FAIL_FAST = Duration.ofMillis(200);
  private static final long MILLI = 1_000_000;

  private final AtomicLong time = new AtomicLong(-5_000 * MILLI);
  private final Deque<Integer> draws = new ArrayDeque<>();

  @AfterAll
  static void stop() {
    Future<?> unused = EXECUTOR.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  static Endpoint endpoint(int port) {
    return new Endpoint(
        new InetSocketAddress(InetAddress.ofLiteral("10.0.0.1"), port),
        null,
        Endpoint.Hint.UNKNOWN,
        0,
        null,
        Map.of());
  }

  /** Time stands still, and draws come from {@link #draws} as long as there are some. */
  private Balancer balancer(Endpoint... endpoints) {
    Balancer balancer = new Balancer(FAIL_FAST, RTT, DECAY, time::get, this::draw);
    balancer.update(List.of(endpoints));
    return balancer;
  }

  /** A balancer whose waiters wait for as long as a test may take. */
  private Balancer inRealTime(Endpoint... endpoints) {
    return inRealTime(Duration.ofSeconds(20), endpoints);
  }

  private Balancer inRealTime(Duration failFast, Endpoint... endpoints) {
    Balancer balancer = new Balancer(failFast, RTT, DECAY);
    balancer.update(List.of(endpoints));
    return balancer;
  }

  private int draw(int bound) {
    Integer next = draws.poll();
    return next == null ? ThreadLocalRandom.current().nextInt(bound) : next % bound;
  }

  private static Upstream.Lease pick(Balancer balancer) {
    return Objects.requireNonNull(balancer.pick());
  }

  private static Upstream.Lease await(Future<Upstream.Lease> awaited) throws Exception {
    return awaited.get(10, TimeUnit.SECONDS);
  }

  @Test
  void takesBytesOnlyWhenAllEndpointsDo() {
    Endpoint opaque =
        new Endpoint(endpoint(2).address(), null, Endpoint.Hint.OPAQUE, 0, null, Map.of());
    assertThat(balancer().bytesOnly()).isFalse();
    assertThat(balancer(opaque).bytesOnly()).isTrue();
    assertThat(balancer(opaque, endpoint(1)).bytesOnly()).isFalse();
  }

  @Test
  void takesTheLessLoadedOfTwoDrawnEndpoints() {
    Balancer balancer = balancer(endpoint(1), endpoint(2), endpoint(3));
    draws.addAll(List.of(0, 0));
    Upstream.Lease first = pick(balancer);
    assertThat(first.endpoint()).as("a tie goes to the first drawn").isEqualTo(endpoint(1));

    // Draws of 0 and 0 mean endpoints 0 and 1: the second is drawn among the others.
    draws.addAll(List.of(0, 0));
    assertThat(pick(balancer).endpoint()).isEqualTo(endpoint(2));
    first.release();
    draws.addAll(List.of(1, 0));
    assertThat(pick(balancer).endpoint()).isEqualTo(endpoint(1));
  }

  @Test
  void countsALeaseAsLoadOnceUntilItIsReleased() {
    Balancer balancer = balancer(endpoint(1), endpoint(2));
    draws.addAll(List.of(0, 0));
    Upstream.Lease lease = pick(balancer);
    lease.release();
    lease.release();

    draws.addAll(List.of(0, 0));
    pick(balancer);
    draws.addAll(List.of(0, 0));
    assertThat(pick(balancer).endpoint()).isEqualTo(endpoint(2));
  }

  @Test
  void avoidsAnEndpointThatBecameSlow() {
    Balancer balancer = balancer(endpoint(1), endpoint(2));
    draws.addAll(List.of(0, 0));
    Upstream.Lease slow = pick(balancer);
    slow.responded(500 * MILLI);
    slow.release();

    for (int i = 0; i < 5; i++) {
      Upstream.Lease lease = pick(balancer);
      assertThat(lease.endpoint()).isEqualTo(endpoint(2));
      lease.release();
    }
  }

  @Test
  void anEndpointWhoseApplicationRefusesIsUsedWhenThereIsNoOther() {
    Balancer balancer = balancer(endpoint(1), endpoint(2), endpoint(3));
    draws.addAll(List.of(0, 0));
    Upstream.Lease refused = pick(balancer);
    refused.refused(MILLI);
    refused.release();
    // However busy the others are, and whoever is drawn.
    for (int i = 0; i < 1000; i++) {
      assertThat(pick(balancer).endpoint()).isNotEqualTo(endpoint(1));
    }

    for (Endpoint endpoint : List.of(endpoint(2), endpoint(3))) {
      Balancer alone = balancer(endpoint(1), endpoint);
      for (int i = 0; i < 20; i++) {
        Upstream.Lease lease = pick(alone);
        lease.refused(MILLI);
        lease.release();
      }
      // All refuse: their proxies say so at once, and nobody waits.
      assertThat(alone.pick()).isNotNull();
    }
    Balancer single = balancer(endpoint(1));
    pick(single).refused(MILLI);
    assertThat(single.pick()).isNotNull();
  }

  @Test
  void anEndpointThatFailsOnlyGetsNextToNothingHoweverBusyTheOthersAre() {
    Balancer balancer = balancer(endpoint(1), endpoint(2), endpoint(3));
    // The others have been slow once, and hold many requests: a second of penalty is little there.
    for (int i = 0; i < 90; i++) {
      Upstream.Lease lease = pick(balancer);
      if (!lease.endpoint().equals(endpoint(1))) {
        lease.responded(400 * MILLI);
      } else {
        lease.release();
      }
    }
    int failed = 0;
    for (int i = 0; i < 10_000; i++) {
      time.addAndGet(MILLI);
      Upstream.Lease lease = pick(balancer);
      if (lease.endpoint().equals(endpoint(1))) {
        failed++;
        lease.answeredBadly(MILLI);
      } else {
        lease.responded(50 * MILLI);
      }
      lease.release();
    }
    // Shunned after three, then for 0.1, 0.2, 0.4 ... 10 s: nine tries in ten seconds.
    assertThat(failed).isBetween(3, 12);
  }

  @Test
  void connectionsThatAProxyTakesSayNothingOfItsApplication() {
    Balancer balancer = balancer(endpoint(1), endpoint(2));
    int failed = 0;
    for (int i = 0; i < 10_000; i++) {
      time.addAndGet(MILLI);
      Upstream.Lease lease = pick(balancer);
      lease.connected(MILLI);
      if (lease.endpoint().equals(endpoint(1))) {
        failed++;
        lease.answeredBadly(0);
        lease.release();
      } else {
        // Connections that stay open are load.
        lease.answered();
      }
    }
    assertThat(failed).isBetween(3, 12);
  }

  @Test
  void endpointsThatAllFailShareTheLoad() {
    Balancer balancer = balancer(endpoint(1), endpoint(2), endpoint(3));
    int[] counts = new int[4];
    for (int i = 0; i < 3_000; i++) {
      time.addAndGet(MILLI);
      Upstream.Lease lease = pick(balancer);
      counts[lease.endpoint().address().getPort()]++;
      lease.answeredBadly(MILLI);
      lease.release();
    }
    assertThat(counts[1]).isBetween(500, 1500);
    assertThat(counts[2]).isBetween(500, 1500);
    assertThat(counts[3]).isBetween(500, 1500);
  }

  @Test
  void aFailureNowAndThenDoesNotHaveAnEndpointShunned() {
    EndpointLoad load = new EndpointLoad(30 * MILLI, 10_000 * MILLI, 0);
    for (int i = 0; i < 100; i++) {
      load.failure(MILLI, i * MILLI);
      load.failure(MILLI, i * MILLI);
      assertThat(load.isShunned(i * MILLI)).isFalse();
      load.sample(MILLI, i * MILLI);
    }
  }

  @Test
  void anEndpointThatRefusesIsTriedAgainSeldomUntilItAnswers() {
    EndpointLoad load = new EndpointLoad(30 * MILLI, 10_000 * MILLI, 0);
    long now = 0;
    for (long shunned : new long[] {100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000}) {
      load.refused(MILLI, now);
      // Requests that were under way count as one failure with it.
      load.refused(MILLI, now + MILLI);
      assertThat(load.isShunned(now + shunned * MILLI - 1)).isTrue();
      now += shunned * MILLI;
      assertThat(load.isShunned(now)).isFalse();
      assertThat(load.isReady(now)).isTrue();
    }
    load.sample(MILLI, now);
    load.refused(MILLI, now);
    assertThat(load.isShunned(now + 100 * MILLI)).isFalse();
  }

  @Test
  void spreadsEqualLoad() {
    Endpoint[] endpoints = new Endpoint[10];
    for (int i = 0; i < endpoints.length; i++) {
      endpoints[i] = endpoint(i + 1);
    }
    Balancer balancer = balancer(endpoints);
    int[] counts = new int[endpoints.length];
    for (int i = 0; i < 1000; i++) {
      counts[pick(balancer).endpoint().address().getPort() - 1]++;
    }

    assertThat(Arrays.stream(counts).boxed())
        .allSatisfy(count -> assertThat(count).isCloseTo(100, within(15)));
  }

  @Test
  void keepsLoadOfEndpointsThatStay() {
    Balancer balancer = balancer(endpoint(1), endpoint(2));
    draws.addAll(List.of(0, 0));
    pick(balancer).responded(500 * MILLI);

    balancer.update(List.of(endpoint(3), endpoint(1)));

    for (int i = 0; i < 5; i++) {
      Upstream.Lease lease = pick(balancer);
      assertThat(lease.endpoint()).isEqualTo(endpoint(3));
      lease.release();
    }
  }

  @Test
  void leavesAnEndpointThatCannotBeConnectedToAloneForAWhile() {
    Balancer balancer = balancer(endpoint(1), endpoint(2));
    draws.addAll(List.of(0, 0));
    Upstream.Lease failing = pick(balancer);
    assertThat(failing.endpoint()).isEqualTo(endpoint(1));
    failing.failed();
    failing.release();

    for (int i = 0; i < 20; i++) {
      assertThat(pick(balancer).endpoint()).isEqualTo(endpoint(2));
    }
    time.addAndGet(100 * MILLI);
    assertThat(pick(balancer).endpoint()).as("tried again").isEqualTo(endpoint(1));
    assertThat(pick(balancer).endpoint()).as("by one request").isEqualTo(endpoint(2));
  }

  @Test
  void findsTheOneReadyEndpointAmongMany() {
    Balancer balancer = balancer(endpoint(1), endpoint(2), endpoint(3), endpoint(4));
    List<Upstream.Lease> failing = new ArrayList<>();
    while (failing.size() < 3) {
      Upstream.Lease lease = pick(balancer);
      if (lease.endpoint().equals(endpoint(4))) {
        continue;
      }
      lease.failed();
      failing.add(lease);
    }

    for (int i = 0; i < 20; i++) {
      assertThat(pick(balancer).endpoint()).isEqualTo(endpoint(4));
    }
  }

  @Test
  void picksNothingWhileEveryEndpointRests() {
    Balancer balancer = balancer(endpoint(1));
    pick(balancer).failed();

    assertThat(balancer.pick()).isNull();
    time.addAndGet(99 * MILLI);
    assertThat(balancer.pick()).isNull();
    time.addAndGet(MILLI);
    assertThat(balancer.pick()).isNotNull();
    assertThat(balancer.pick()).isNull();
  }

  @Test
  void opensARestedEndpointToAllOnceItAnswers() {
    Balancer balancer = balancer(endpoint(1));
    pick(balancer).failed();
    time.addAndGet(100 * MILLI);

    pick(balancer).responded(MILLI);

    assertThat(balancer.pick()).isNotNull();
    assertThat(balancer.pick()).isNotNull();
  }

  @Test
  void waitersGetTheEndpointThatComes() throws Exception {
    Balancer balancer = inRealTime();
    Future<Upstream.Lease> first = balancer.awaitPick(EXECUTOR);
    Future<Upstream.Lease> second = balancer.awaitPick(EXECUTOR);
    assertThat(balancer.waiting()).isEqualTo(2);

    balancer.update(List.of(endpoint(1)));

    assertThat(await(first).endpoint()).isEqualTo(endpoint(1));
    assertThat(await(second).endpoint()).isEqualTo(endpoint(1));
    first.get().release();
    second.get().release();
  }

  @Test
  void waitersGetAnEndpointWhenItsRestEnds() throws Exception {
    Balancer balancer = inRealTime(endpoint(1));
    pick(balancer).failed();

    Future<Upstream.Lease> waiting = balancer.awaitPick(EXECUTOR);

    assertThat(await(waiting).endpoint()).isEqualTo(endpoint(1));
  }

  @Test
  void waitersGetAnEndpointThatAnswersItsTrial() throws Exception {
    Balancer balancer = inRealTime(endpoint(1));
    pick(balancer).failed();
    Upstream.Lease trial = await(balancer.awaitPick(EXECUTOR));
    Future<Upstream.Lease> waiting = balancer.awaitPick(EXECUTOR);

    trial.responded(MILLI);

    assertThat(await(waiting).endpoint()).isEqualTo(endpoint(1));
  }

  @Test
  void failsWaitersAfterTheLimitAndNewcomersAtOnceUntilAnEndpointIsReady() throws Exception {
    Balancer balancer = inRealTime(FAIL_FAST);
    long started = System.nanoTime();
    Future<Upstream.Lease> waited = balancer.awaitPick(EXECUTOR).awaitUninterruptibly();
    long took = System.nanoTime() - started;
    Future<Upstream.Lease> newcomer = balancer.awaitPick(EXECUTOR);

    assertThat(waited.cause()).isInstanceOf(TimeoutException.class);
    assertThat(took).isGreaterThanOrEqualTo(FAIL_FAST.toNanos());
    assertThat(newcomer.isDone()).isTrue();
    assertThat(newcomer.cause()).isInstanceOf(TimeoutException.class);
    EXECUTOR.submit(() -> {}).get(10, TimeUnit.SECONDS);
    assertThat(balancer.waiting()).isZero();

    balancer.update(List.of(endpoint(1)));
    assertThat(balancer.pick()).isNotNull();
    balancer.update(List.of());
    assertThat(balancer.awaitPick(EXECUTOR).isDone()).as("the gate is open again").isFalse();
  }

  @Test
  void forgetsWaitersThatGiveUp() throws Exception {
    Balancer balancer = inRealTime();
    Future<Upstream.Lease> waiting = balancer.awaitPick(EXECUTOR);

    waiting.cancel(false);
    EXECUTOR.submit(() -> {}).get(10, TimeUnit.SECONDS);

    assertThat(balancer.waiting()).isZero();
  }

  @Test
  void boundsTheQueue() {
    Balancer balancer = balancer();
    List<Future<Upstream.Lease>> waiting = new ArrayList<>();
    for (int i = 0; i < Balancer.QUEUE_CAPACITY; i++) {
      waiting.add(balancer.awaitPick(EXECUTOR));
    }

    Future<Upstream.Lease> tooMany = balancer.awaitPick(EXECUTOR);

    assertThat(tooMany.cause()).hasMessageContaining("10000 requests");
    waiting.forEach(future -> future.cancel(false));
  }

  /** Failing fast earns no load. */
  @Test
  void anEndpointThatFailsAtOnceGetsLessThanItsShare() {
    Balancer balancer = new Balancer(FAIL_FAST, RTT, DECAY, time::get, randomly());
    balancer.update(List.of(endpoint(1), endpoint(2), endpoint(3)));
    int failing = 0;
    for (int i = 0; i < 3000; i++) {
      time.addAndGet(5 * MILLI);
      Upstream.Lease lease = Objects.requireNonNull(balancer.pick());
      if (lease.endpoint().address().getPort() == 2) {
        failing++;
        lease.answeredBadly(MILLI / 10);
      } else {
        lease.responded(5 * MILLI);
      }
      lease.release();
    }
    assertThat(failing).isLessThan(30);
  }

  @Test
  void anEndpointThatHasRecoveredGetsItsShareAgain() {
    Balancer balancer = new Balancer(FAIL_FAST, RTT, DECAY, time::get, randomly());
    balancer.update(List.of(endpoint(1), endpoint(2)));
    int recovered = 0;
    for (int i = 0; i < 40_000; i++) {
      time.addAndGet(5 * MILLI);
      Upstream.Lease lease = Objects.requireNonNull(balancer.pick());
      if (lease.endpoint().address().getPort() == 2 && i < 1000) {
        lease.answeredBadly(MILLI);
      } else {
        lease.responded(5 * MILLI);
        recovered += lease.endpoint().address().getPort() == 2 && i >= 20_000 ? 1 : 0;
      }
      lease.release();
    }
    assertThat(recovered).isGreaterThan(2000);
  }

  private static java.util.function.IntUnaryOperator randomly() {
    java.util.Random random = new java.util.Random(1);
    return random::nextInt;
  }
}
