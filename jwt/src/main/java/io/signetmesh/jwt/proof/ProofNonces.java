package io.signetmesh.jwt.proof;

import io.signetmesh.jwt.jose.Base64Url;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Nonces for proofs of possession (RFC 9449 section 8): the time and an HMAC of it, by a key that
 * only this process has. All clients of a time get the same, and nothing is kept. Thread-safe.
 */
public final class ProofNonces {
  /** How long a nonce is good, in milliseconds, at most; at least half as long. */
  public static final long LIFETIME = 300_000;

  private static final String HMAC = "HmacSHA256";
  private static final int KEY = 32;
  private static final int TAG = 16;

  private final SecretKeySpec key;
  private volatile @Nullable Made newest;

  /** A nonce of a period. */
  private record Made(long period, String text) {}

  /** With a new key. */
  public ProofNonces() {
    byte[] bytes = new byte[KEY];
    new SecureRandom().nextBytes(bytes);
    this.key = new SecretKeySpec(bytes, HMAC);
    Arrays.fill(bytes, (byte) 0);
  }

  /** The nonce of a time, in milliseconds since 1970. */
  public String at(long epochMillis) {
    long period = Math.floorDiv(epochMillis, LIFETIME / 2);
    Made made = newest;
    if (made == null || made.period() != period) {
      made = new Made(period, make(period));
      newest = made;
    }
    return made.text();
  }

  /** Whether a nonce is of this process and good at a time. Compares in constant time. */
  public boolean isGood(String nonce, long epochMillis) {
    byte[] bytes = Base64Url.decode(nonce);
    if (bytes == null || bytes.length != Long.BYTES + TAG) {
      return false;
    }
    long period = ByteBuffer.wrap(bytes).getLong();
    long now = Math.floorDiv(epochMillis, LIFETIME / 2);
    return (period == now || period == now - 1)
        && MessageDigest.isEqual(Base64Url.decode(make(period)), bytes);
  }

  private String make(long period) {
    byte[] time = ByteBuffer.allocate(Long.BYTES).putLong(period).array();
    try {
      Mac mac = Mac.getInstance(HMAC);
      mac.init(key);
      byte[] tag = mac.doFinal(time);
      return Base64Url.encode(
          ByteBuffer.allocate(Long.BYTES + TAG).put(time).put(tag, 0, TAG).array());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has " + HMAC, e);
    }
  }
}
