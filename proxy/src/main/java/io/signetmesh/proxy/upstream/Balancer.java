package io.signetmesh.proxy.upstream;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.netty.util.concurrent.ScheduledFuture;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.IntUnaryOperator;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Balances over the live endpoints of one destination: two distinct random ready endpoints are
 * drawn and the one with the lower load is taken, or another, where both of them have failed. The
 * endpoints are an immutable array behind one volatile reference.
 *
 * <p>Who finds no endpoint ready may wait. Once someone has waited for the whole fail-fast time in
 * vain, newcomers fail at once, until an endpoint is ready again.
 */
final class Balancer {
  /** Requests that may wait at a time. */
  static final int QUEUE_CAPACITY = 10_000;

  private final Duration failFast;
  private final LongSupplier nanos;
  private final IntUnaryOperator random;
  private final double defaultRttNanos;
  private final double decayNanos;
  private final Set<Waiter> waiters = new LinkedHashSet<>();
  private volatile Member[] members = new Member[0];
  private volatile boolean failingFast;
  private volatile boolean bytesOnly;

  /** An endpoint with its load. */
  private record Member(Endpoint endpoint, EndpointLoad load) {}

  Balancer(Duration failFast, Duration defaultRtt, Duration decay) {
    this(
        failFast,
        defaultRtt,
        decay,
        System::nanoTime,
        bound -> ThreadLocalRandom.current().nextInt(bound));
  }

  /**
   * @param nanos time in nanoseconds, as {@link System#nanoTime}
   * @param random a number from 0 to below its argument
   */
  Balancer(
      Duration failFast,
      Duration defaultRtt,
      Duration decay,
      LongSupplier nanos,
      IntUnaryOperator random) {
    this.failFast = failFast;
    this.nanos = nanos;
    this.random = random;
    this.defaultRttNanos = Math.max(1_000_000, defaultRtt.toNanos());
    this.decayNanos = Math.max(1_000_000, decay.toNanos());
  }

  /** Replaces the endpoints; loads of those that stay are kept. */
  void update(List<Endpoint> endpoints) {
    synchronized (this) {
      Map<Endpoint, Member> known = new HashMap<>();
      for (Member member : members) {
        known.put(member.endpoint(), member);
      }
      Member[] next = new Member[endpoints.size()];
      // One time for all, so that none of those that come together is preferred.
      long now = nanos.getAsLong();
      for (int i = 0; i < next.length; i++) {
        Endpoint endpoint = endpoints.get(i);
        Member member = known.get(endpoint);
        next[i] =
            member != null
                ? member
                : new Member(endpoint, new EndpointLoad(defaultRttNanos, decayNanos, now));
      }
      members = next;
      bytesOnly =
          !endpoints.isEmpty()
              && endpoints.stream().allMatch(e -> e.hint() == Endpoint.Hint.OPAQUE);
    }
    wake();
  }

  /** Whether an endpoint is one of those that are known now. */
  boolean has(Endpoint endpoint) {
    for (Member member : members) {
      if (member.endpoint().equals(endpoint)) {
        return true;
      }
    }
    return false;
  }

  /** Whether there are endpoints and all of them take bytes only. */
  boolean bytesOnly() {
    return bytesOnly;
  }

  int size() {
    return members.length;
  }

  synchronized int waiting() {
    return waiters.size();
  }

  Upstream.@Nullable Lease pick() {
    Member chosen = choose(members);
    if (chosen == null) {
      return null;
    }
    if (failingFast) {
      failingFast = false;
    }
    return new EndpointLease(chosen);
  }

  private @Nullable Member choose(Member[] now) {
    int count = now.length;
    if (count == 0) {
      return null;
    }
    long time = nanos.getAsLong();
    if (count == 1) {
      return now[0].load().tryUse(time) ? now[0] : null;
    }
    int first = random.applyAsInt(count);
    int second = random.applyAsInt(count - 1);
    if (second >= first) {
      second++;
    }
    Member a = now[first];
    Member b = now[second];
    boolean goodA = isGood(a, time);
    boolean goodB = isGood(b, time);
    if (goodA || goodB) {
      Member chosen = !goodA || (goodB && isLess(b, a, time)) ? b : a;
      if (chosen.load().tryUse(time)) {
        return chosen;
      }
    }
    // Both rest or are shunned: any other is better.
    for (int i = 0; i < count; i++) {
      Member other = now[(first + i) % count];
      if (!other.load().isShunned(time) && other.load().tryUse(time)) {
        return other;
      }
    }
    // There is no other. The less loaded of the two, so that all get their share.
    Member chosen = isLess(b, a, time) ? b : a;
    if (chosen.load().tryUse(time)) {
      return chosen;
    }
    for (int i = 0; i < count; i++) {
      Member other = now[(first + i) % count];
      if (other.load().tryUse(time)) {
        return other;
      }
    }
    return null;
  }

  private static boolean isGood(Member member, long time) {
    return member.load().isReady(time) && !member.load().isShunned(time);
  }

  private static boolean isLess(Member one, Member other, long time) {
    return one.load().load(time) < other.load().load(time);
  }

  Future<Upstream.Lease> awaitPick(EventExecutor executor) {
    Upstream.Lease lease = pick();
    if (lease != null) {
      return executor.newSucceededFuture(lease);
    }
    if (failingFast) {
      return executor.newFailedFuture(
          new TimeoutException("no endpoint has been ready for " + failFast));
    }
    Waiter waiter = new Waiter(executor, nanos.getAsLong() + failFast.toNanos());
    synchronized (this) {
      if (waiters.size() >= QUEUE_CAPACITY) {
        return executor.newFailedFuture(
            new TimeoutException(QUEUE_CAPACITY + " requests wait for an endpoint already"));
      }
      waiters.add(waiter);
    }
    waiter.promise.addListener(done -> leave(waiter));
    waiter.wake();
    return waiter.promise;
  }

  private void leave(Waiter waiter) {
    synchronized (this) {
      waiters.remove(waiter);
    }
    waiter.cancelTimer();
  }

  private void wake() {
    List<Waiter> woken;
    synchronized (this) {
      if (waiters.isEmpty()) {
        return;
      }
      woken = List.copyOf(waiters);
    }
    woken.forEach(Waiter::wake);
  }

  /** A request without an endpoint; apart from its promise, confined to its executor. */
  private final class Waiter {
    private final EventExecutor executor;
    private final Promise<Upstream.Lease> promise;
    private final long deadline;
    private @Nullable ScheduledFuture<?> timer;

    Waiter(EventExecutor executor, long deadline) {
      this.executor = executor;
      this.promise = executor.newPromise();
      this.deadline = deadline;
    }

    void wake() {
      try {
        executor.execute(this::attempt);
      } catch (RejectedExecutionException e) {
        promise.tryFailure(e);
      }
    }

    private void attempt() {
      cancelTimer();
      if (promise.isDone()) {
        return;
      }
      Upstream.Lease lease = pick();
      if (lease != null) {
        if (!promise.trySuccess(lease)) {
          lease.release();
        }
        return;
      }
      long now = nanos.getAsLong();
      if (now - deadline >= 0) {
        failingFast = true;
        promise.tryFailure(new TimeoutException("no endpoint became ready within " + failFast));
        return;
      }
      long next = deadline;
      for (Member member : members) {
        long readyAt = member.load().readyAt(now);
        next = readyAt - next < 0 ? readyAt : next;
      }
      timer =
          executor.schedule(this::attempt, Math.max(next - now, 1_000_000), TimeUnit.NANOSECONDS);
    }

    private void cancelTimer() {
      ScheduledFuture<?> running = timer;
      timer = null;
      if (running != null) {
        running.cancel(false);
      }
    }
  }

  /** Counts as load until released. */
  private final class EndpointLease implements Upstream.Lease {
    private final Member member;
    private boolean released;

    EndpointLease(Member member) {
      this.member = member;
      member.load().started();
    }

    @Override
    public Endpoint endpoint() {
      return member.endpoint();
    }

    @Override
    public void responded(long latencyNanos) {
      if (member.load().sample(latencyNanos, nanos.getAsLong())) {
        wake();
      }
    }

    @Override
    public void connected(long latencyNanos) {
      if (member.load().connected(latencyNanos, nanos.getAsLong())) {
        wake();
      }
    }

    @Override
    public void answered() {
      member.load().answered();
    }

    @Override
    public void answeredBadly(long latencyNanos) {
      if (member.load().failure(latencyNanos, nanos.getAsLong())) {
        wake();
      }
    }

    @Override
    public void refused(long latencyNanos) {
      if (member.load().refused(latencyNanos, nanos.getAsLong())) {
        wake();
      }
    }

    @Override
    public void failed() {
      member.load().failed(nanos.getAsLong());
    }

    @Override
    public void release() {
      if (!released) {
        released = true;
        member.load().ended();
      }
    }
  }
}
