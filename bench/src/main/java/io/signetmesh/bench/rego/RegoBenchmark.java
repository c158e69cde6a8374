package io.signetmesh.bench.rego;

import io.signetmesh.rego.RegoAnswer;
import io.signetmesh.rego.RegoAuthentication;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** A decision by a rule: its input is written, the policy runs, its answer is read. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class RegoBenchmark {
  private static final Instant NOW = Instant.ofEpochSecond(1_700_000_000);

  /** Identity, method, path and a claim; the same with a reason; two regular expressions. */
  @Param({"mesh/allow", "sprintf/decision", "regex/allow"})
  public String rule = "mesh/allow";

  private RegoAuthentication authentication = PolicyBundles.compile("mesh/allow", 0);

  /** Compiles the bundle, and makes sure that it answers. */
  @Setup
  public void prepare() {
    authentication = PolicyBundles.compile(rule, 0);
    RegoAnswer answer = decide();
    boolean expected =
        answer.outcome()
            == (rule.startsWith("sprintf") ? RegoAnswer.Outcome.DENY : RegoAnswer.Outcome.ALLOW);
    if (!expected) {
      throw new IllegalStateException("not the answer: " + answer);
    }
  }

  /** Asks the policy. */
  @Benchmark
  public RegoAnswer decide() {
    return authentication.ask(PolicyBundles.REQUEST, NOW);
  }
}
