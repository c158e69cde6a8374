package io.signetmesh.proxy.outbound;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Balances over the live endpoints of one destination: two distinct random ready endpoints are
 * drawn and the one with the lower load is taken. The endpoints are an immutable array behind one
 * volatile reference.
 */
final class Balancer {
  private final Duration failFast;
  private final LongSupplier nanos;
  private final double defaultRttNanos;
  private final double decayNanos;
  private final List<Waiter> waiters = new ArrayList<>();
  private volatile Member[] members = new Member[0];

  private record Waiter(Promise<Upstream.Lease> promise) {}

  /** An endpoint with its load. */
  private record Member(Endpoint endpoint, EndpointLoad load) {}

  Balancer(Duration failFast, Duration defaultRtt, Duration decay, LongSupplier nanos) {
    this.failFast = failFast;
    this.nanos = nanos;
    this.defaultRttNanos = Math.max(1_000_000, defaultRtt.toNanos());
    this.decayNanos = Math.max(1_000_000, decay.toNanos());
  }

  /** Replaces the endpoints; loads of those that stay are kept. */
  void update(List<Endpoint> endpoints) {
    List<Waiter> released;
    synchronized (this) {
      Map<Endpoint, Member> known = new LinkedHashMap<>();
      for (Member member : members) {
        known.put(member.endpoint(), member);
      }
      Member[] next = new Member[endpoints.size()];
      for (int i = 0; i < next.length; i++) {
        Endpoint endpoint = endpoints.get(i);
        Member member = known.get(endpoint);
        next[i] =
            member != null
                ? member
                : new Member(
                    endpoint, new EndpointLoad(defaultRttNanos, decayNanos, nanos.getAsLong()));
      }
      members = next;
      if (next.length == 0) {
        return;
      }
      released = List.copyOf(waiters);
      waiters.clear();
    }
    for (Waiter waiter : released) {
      Upstream.Lease lease = pick();
      if (lease != null && !waiter.promise().trySuccess(lease)) {
        lease.release();
      }
    }
  }

  int size() {
    return members.length;
  }

  Upstream.@Nullable Lease pick() {
    Member[] now = members;
    int count = now.length;
    if (count == 0) {
      return null;
    }
    long time = nanos.getAsLong();
    if (count == 1) {
      return new EndpointLease(now[0], nanos);
    }
    ThreadLocalRandom random = ThreadLocalRandom.current();
    int first = random.nextInt(count);
    int second = random.nextInt(count - 1);
    if (second >= first) {
      second++;
    }
    Member a = now[first];
    Member b = now[second];
    boolean readyA = a.load().isReady(time);
    boolean readyB = b.load().isReady(time);
    if (!readyA && !readyB) {
      // Both rest: any other ready one is better, and a resting one better than none.
      for (int i = 0; i < count; i++) {
        Member other = now[(first + i) % count];
        if (other.load().isReady(time)) {
          return new EndpointLease(other, nanos);
        }
      }
      return new EndpointLease(a, nanos);
    }
    Member chosen = !readyB ? a : !readyA ? b : b.load().load(time) < a.load().load(time) ? b : a;
    return new EndpointLease(chosen, nanos);
  }

  Future<Upstream.Lease> awaitPick(EventExecutor executor) {
    Promise<Upstream.Lease> promise = executor.newPromise();
    Waiter waiter = new Waiter(promise);
    synchronized (this) {
      waiters.add(waiter);
    }
    Upstream.Lease now = pick();
    if (now != null) {
      synchronized (this) {
        waiters.remove(waiter);
      }
      if (!promise.trySuccess(now)) {
        now.release();
      }
      return promise;
    }
    var timer =
        executor.schedule(
            () -> {
              synchronized (this) {
                waiters.remove(waiter);
              }
              promise.tryFailure(
                  new TimeoutException("no endpoint became ready within " + failFast));
            },
            failFast.toMillis(),
            TimeUnit.MILLISECONDS);
    promise.addListener(done -> timer.cancel(false));
    return promise;
  }

  /** Counts as load until released. */
  private static final class EndpointLease implements Upstream.Lease {
    private final Member member;
    private final LongSupplier nanos;
    private boolean released;

    EndpointLease(Member member, LongSupplier nanos) {
      this.member = member;
      this.nanos = nanos;
      member.load().started();
    }

    @Override
    public Endpoint endpoint() {
      return member.endpoint();
    }

    @Override
    public void responded(long latencyNanos) {
      member.load().sample(latencyNanos, nanos.getAsLong());
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
