package io.signetmesh.proxy.token;

import io.signetmesh.jwt.TokenAuthentication;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.jspecify.annotations.Nullable;

/**
 * What a result is remembered by: the SHA-256 of a token, and the authentication with its keys. The
 * token itself is not kept.
 */
final class TokenKey {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final int SIZE = 32;
  private static final ThreadLocal<Hash> HASH = ThreadLocal.withInitial(Hash::new);

  private final long first;
  private final long second;
  private final long third;
  private final long fourth;
  private final TokenAuthentication authentication;

  /** Reused, because a digest is made for each request. */
  private static final class Hash {
    final MessageDigest sha256;
    final byte[] digest = new byte[SIZE];

    Hash() {
      try {
        sha256 = MessageDigest.getInstance("SHA-256");
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every JDK has SHA-256", e);
      }
    }
  }

  private TokenKey(byte[] digest, TokenAuthentication authentication) {
    this.first = (long) LONG.get(digest, 0);
    this.second = (long) LONG.get(digest, 8);
    this.third = (long) LONG.get(digest, 16);
    this.fourth = (long) LONG.get(digest, 24);
    this.authentication = authentication;
  }

  static TokenKey of(byte[] token, TokenAuthentication authentication) {
    Hash hash = HASH.get();
    hash.sha256.update(token);
    try {
      hash.sha256.digest(hash.digest, 0, SIZE);
    } catch (DigestException e) {
      throw new IllegalStateException("32 bytes hold a SHA-256", e);
    }
    return new TokenKey(hash.digest, authentication);
  }

  // One that is compiled anew may have other keys.
  @SuppressWarnings("ReferenceEquality")
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof TokenKey key
        && first == key.first
        && second == key.second
        && third == key.third
        && fourth == key.fourth
        && authentication == key.authentication;
  }

  @Override
  public int hashCode() {
    return Long.hashCode(first ^ fourth) * 31 + System.identityHashCode(authentication);
  }
}
