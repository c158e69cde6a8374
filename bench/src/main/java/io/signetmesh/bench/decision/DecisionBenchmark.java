package io.signetmesh.bench.decision;

import io.signetmesh.bench.decision.PolicySet.Call;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** One decision on a request of a client, of a thousand different ones in turn. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class DecisionBenchmark {
  /** A power of two. */
  private static final int CALLS = 1024;

  /** Policies that affect the port. */
  @Param({"10", "100", "1000", "10000"})
  public int policies = 10;

  private ServerPolicy policy = new PolicySet(10).policy();
  private Call[] calls = {};
  private int next;

  /** Makes the policy and the requests, and makes sure that they are what they should be. */
  @Setup
  public void prepare() {
    PolicySet set = new PolicySet(policies);
    policy = set.policy();
    List<Call> made = new ArrayList<>();
    int allowed = 0;
    for (int i = 0; i < CALLS; i++) {
      Call call = set.call();
      made.add(call);
      Decision decision = decide(call);
      if (decision == null || decision.reason() == Reason.INVALID_POLICY) {
        throw new IllegalStateException("no decision on " + call);
      }
      allowed += decision.allowed() ? 1 : 0;
    }
    if (allowed < CALLS / 3 || allowed > CALLS * 2 / 3) {
      throw new IllegalStateException(
          allowed + " of " + CALLS + " requests are allowed, expected about half");
    }
    calls = made.toArray(Call[]::new);
  }

  /** Finds the route of a request and decides on it. */
  @Benchmark
  public @Nullable Decision routeAndDecide() {
    return decide(calls[next++ & (CALLS - 1)]);
  }

  private @Nullable Decision decide(Call call) {
    Route route = policy.route(call.request());
    return route == null ? null : policy.decideRequest(call.client(), route);
  }

  /** Decides on a connection: by the rules of the server only. */
  @Benchmark
  public Decision decideConnection() {
    return policy.decideConnection(calls[next++ & (CALLS - 1)].client());
  }
}
