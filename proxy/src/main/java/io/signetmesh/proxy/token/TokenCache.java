package io.signetmesh.proxy.token;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenPrincipal;
import io.signetmesh.jwt.TokenResult;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What came of tokens, by the SHA-256 of the whole token and by the authentication with its keys.
 * The tokens themselves are not kept. To look for one allocates nothing. Safe for use by several
 * threads.
 */
public final class TokenCache {
  /** Bytes that remembered results may hold. */
  private static final long MAX_BYTES = 8L << 20;

  /** How long a result is remembered that nobody asks for. */
  private static final Duration UNUSED = Duration.ofMinutes(10);

  /** Bytes of a result without its texts. */
  private static final int RESULT_BYTES = 768;

  private static final ThreadLocal<TokenKey> PROBE = ThreadLocal.withInitial(TokenKey::new);

  private final Cache<TokenKey, TokenResult> results =
      Caffeine.newBuilder()
          .maximumWeight(MAX_BYTES)
          .weigher((TokenKey key, TokenResult result) -> RESULT_BYTES + textBytes(result))
          .expireAfterAccess(UNUSED)
          .executor(Runnable::run)
          .build();

  /**
   * What came of a token.
   *
   * @param bytes has the token from its begin
   * @param length bytes of the token
   * @return null when it is not remembered
   */
  public @Nullable TokenResult get(byte[] bytes, int length, TokenAuthentication authentication) {
    TokenKey probe = PROBE.get();
    probe.set(bytes, length, authentication);
    TokenResult result = results.getIfPresent(probe);
    probe.clear();
    return result;
  }

  /** Remembers what came of a token. */
  public void put(byte[] token, TokenAuthentication authentication, TokenResult result) {
    TokenKey key = new TokenKey();
    key.set(token, token.length, authentication);
    results.put(key, result);
  }

  private static int textBytes(TokenResult result) {
    int bytes = length(result.detail());
    TokenPrincipal principal = result.principal();
    if (principal != null) {
      bytes +=
          length(principal.issuer())
              + length(principal.subject())
              + length(principal.id())
              + length(principal.keyId());
    }
    for (var field : result.forwarded()) {
      bytes += field.name().length() + field.value().length() + 80;
    }
    return bytes;
  }

  private static int length(@Nullable String text) {
    return text == null ? 0 : 2 * text.length();
  }
}
