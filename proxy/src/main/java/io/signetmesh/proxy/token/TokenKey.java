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
 * What a result is remembered by: the SHA-256 of a token, and the authentication with its keys. One
 * that is in a map must not be set again; one that only looks for another may be.
 */
final class TokenKey {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final int SIZE = 32;
  private static final ThreadLocal<Hash> HASH = ThreadLocal.withInitial(Hash::new);

  private long first;
  private long second;
  private long third;
  private long fourth;
  private @Nullable TokenAuthentication authentication;

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

  /**
   * Sets all of it.
   *
   * @param bytes has the token from its begin
   * @param length bytes of the token
   */
  void set(byte[] bytes, int length, TokenAuthentication passed) {
    Hash hash = HASH.get();
    hash.sha256.update(bytes, 0, length);
    try {
      hash.sha256.digest(hash.digest, 0, SIZE);
    } catch (DigestException e) {
      throw new IllegalStateException("32 bytes hold a SHA-256", e);
    }
    first = (long) LONG.get(hash.digest, 0);
    second = (long) LONG.get(hash.digest, 8);
    third = (long) LONG.get(hash.digest, 16);
    fourth = (long) LONG.get(hash.digest, 24);
    authentication = passed;
  }

  /** Lets go of the authentication. */
  void clear() {
    authentication = null;
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
