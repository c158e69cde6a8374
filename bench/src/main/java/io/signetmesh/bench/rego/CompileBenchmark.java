package io.signetmesh.bench.rego;

import io.signetmesh.rego.RegoAuthentication;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** The compilation of a bundle that the process has not seen, the first one and those after it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class CompileBenchmark {
  /** A bundle of 135 kB of code, and one of 350 kB with regular expressions. */
  @Param({"mesh/allow", "regex/allow"})
  public String rule = "mesh/allow";

  private int next;

  /** Compiles a bundle and asks it as often as a proxy does beforehand. */
  @Benchmark
  public RegoAuthentication compile() {
    return PolicyBundles.compile(rule, ++next);
  }
}
