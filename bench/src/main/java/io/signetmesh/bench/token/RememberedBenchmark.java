package io.signetmesh.bench.token;

import io.signetmesh.jwt.HeadFields;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.jwt.TokenResult;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.token.TokenCache;
import io.signetmesh.proxy.token.TokenChecks;
import io.signetmesh.proxy.token.TokenMetrics;
import io.signetmesh.proxy.worker.FairWorkers;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** A token that was verified before, one of 1,024 in turn. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class RememberedBenchmark {
  /** A power of two. */
  private static final int TOKENS = 1_024;

  private final byte[][] tokens = new byte[TOKENS][];
  private final HeadFields[] heads = new HeadFields[TOKENS];
  private final TokenCache cache = new TokenCache();
  private final FairWorkers workers = new FairWorkers("token", 1);
  private final TokenChecks checks =
      new TokenChecks(
          workers,
          InstantSource.system(),
          (authentication, key) -> {},
          new TokenMetrics(new MetricsRegistry(Duration.ofMinutes(5))));
  private final Client client = new Client(InetAddress.getLoopbackAddress(), false, null);
  private List<TokenAuthentication> needed = List.of();
  private TokenAuthentication authentication = new SignedTokens("ES256").authentication();
  private int next;

  /** Verifies all tokens once. */
  @Setup
  public void prepare() {
    TokenAuthentication.prepare();
    SignedTokens issuer = new SignedTokens("ES256");
    authentication = issuer.authentication();
    needed = List.of(authentication);
    for (int i = 0; i < TOKENS; i++) {
      tokens[i] = issuer.token(i);
      heads[i] = head("Bearer " + new String(tokens[i], StandardCharsets.US_ASCII));
      cache.put(tokens[i], authentication, authentication.verify(tokens[i]));
      TokenProofs proofs =
          checks.answer(
              checks.question(needed, List.of(), heads[i], "", client, checks.now(), null));
      if (!proofs.proof(0).passes()) {
        throw new IllegalStateException("a good token is refused: " + proofs.proof(0));
      }
    }
  }

  private static HeadFields head(String value) {
    List<String> field = List.of(value);
    return new HeadFields() {
      @Override
      public Iterable<? extends CharSequence> values(String lowerCaseName) {
        return lowerCaseName.equals("authorization") ? field : new ArrayList<>();
      }

      @Override
      public CharSequence path() {
        return "/";
      }

      @Override
      public CharSequence method() {
        return "GET";
      }
    };
  }

  /** Ends the threads. */
  @TearDown
  public void end() {
    checks.close();
    workers.close();
  }

  /** Digest, look-up and times: whether the token passes now. */
  @Benchmark
  public @Nullable TokenFailure hit() {
    byte[] token = tokens[next++ & (TOKENS - 1)];
    TokenResult result = cache.get(token, token.length, authentication);
    if (result == null) {
      throw new IllegalStateException("a token was forgotten");
    }
    return result.failureAt(System.currentTimeMillis());
  }

  /** The same from the head of the request, with the client's proofs as decisions ask for them. */
  @Benchmark
  public Client client() {
    TokenProofs proofs =
        checks.remembered(
            needed, List.of(), heads[next++ & (TOKENS - 1)], client, System.currentTimeMillis());
    if (proofs == null) {
      throw new IllegalStateException("a token was forgotten");
    }
    return client.with(proofs);
  }
}
