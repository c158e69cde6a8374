package io.signetmesh.identity.spiffe;

import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.MintJwtSvidResponse;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Tokens that are good for more than half of their life yet. Bounded. Thread-safe. */
final class JwtSvidCache {
  private static final int MAX_TOKENS = 1024;

  private final InstantSource clock;
  private final Map<Key, MintJwtSvidResponse> tokens =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, MintJwtSvidResponse> eldest) {
          return size() > MAX_TOKENS;
        }
      };

  private record Key(IdentityClient client, List<String> audience) {}

  JwtSvidCache(InstantSource clock) {
    this.clock = clock;
  }

  /** A token for the audiences: one that is known, else a new one. */
  CompletableFuture<MintJwtSvidResponse> get(IdentityClient client, List<String> audience) {
    Key key = new Key(client, audience.stream().sorted().toList());
    synchronized (tokens) {
      MintJwtSvidResponse known = tokens.get(key);
      if (known != null && isYoung(known)) {
        return CompletableFuture.completedFuture(known);
      }
    }
    return client
        .mintJwtSvid(audience)
        .thenApply(
            minted -> {
              synchronized (tokens) {
                tokens.put(key, minted);
              }
              return minted;
            });
  }

  private boolean isYoung(MintJwtSvidResponse token) {
    long from = token.getIssuedAt().getSeconds();
    long until = token.getExpiresAt().getSeconds();
    return clock.instant().isBefore(Instant.ofEpochSecond(from + (until - from) / 2));
  }
}
