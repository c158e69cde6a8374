package io.signetmesh.policy.fetch;

import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Public keys as JWK sets. */
public final class TestKeys {
  private static final int BYTES = 32;

  private TestKeys() {}

  /** A set of these keys. */
  public static String set(String... keys) {
    return Stream.of(keys).collect(Collectors.joining(",", "{\"keys\":[", "]}"));
  }

  /** A new key of that name. */
  public static String key(String kid) {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      ECPublicKey key = (ECPublicKey) generator.generateKeyPair().getPublic();
      return "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}"
          .formatted(kid, coordinate(key.getW().getAffineX()), coordinate(key.getW().getAffineY()));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String coordinate(BigInteger number) {
    byte[] bytes = number.toByteArray();
    byte[] fixed = new byte[BYTES];
    byte[] cut =
        bytes.length > BYTES
            ? Arrays.copyOfRange(bytes, bytes.length - BYTES, bytes.length)
            : bytes;
    System.arraycopy(cut, 0, fixed, BYTES - cut.length, cut.length);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(fixed);
  }
}
