package io.signetmesh.bench.token;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenResult;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** The verification of a token that is not known yet, of 64 different ones in turn. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class TokenBenchmark {
  /** A power of two. */
  private static final int TOKENS = 64;

  /** What the tokens are signed by. */
  @Param({"ES256", "ES384", "RS256", "PS256", "EdDSA"})
  public String algorithm = "ES256";

  private final byte[][] tokens = new byte[TOKENS][];
  private TokenAuthentication authentication = new SignedTokens("ES256").authentication();
  private int next;

  /** Makes the key and the tokens, and makes sure that they pass. */
  @Setup
  public void prepare() {
    TokenAuthentication.prepare();
    SignedTokens issuer = new SignedTokens(algorithm);
    authentication = issuer.authentication();
    for (int i = 0; i < TOKENS; i++) {
      tokens[i] = issuer.token(i);
      TokenResult result = authentication.verify(tokens[i]);
      if (result.failureAt(System.currentTimeMillis()) != null) {
        throw new IllegalStateException("a good token is refused: " + result);
      }
    }
  }

  /** Reads a token, verifies its signature and checks its claims. */
  @Benchmark
  public TokenResult miss() {
    return authentication.verify(tokens[next++ & (TOKENS - 1)]);
  }
}
