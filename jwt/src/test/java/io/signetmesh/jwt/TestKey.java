package io.signetmesh.jwt;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.EdECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A key pair of an issuer or a client, which signs whatever it is told to.
 *
 * @param keyId its {@code kid}
 * @param algorithm what it signs by
 */
record TestKey(String keyId, String algorithm, KeyPair pair) {
  private static final Map<String, TestKey> KNOWN = new ConcurrentHashMap<>();

  /** The key of an algorithm; the same at each call, because RSA keys take long to make. */
  static TestKey of(String algorithm) {
    return KNOWN.computeIfAbsent(algorithm, name -> new TestKey("key-" + name, name, pair(name)));
  }

  /** A new key. */
  static TestKey another(String algorithm) {
    return new TestKey("key-" + algorithm, algorithm, pair(algorithm));
  }

  private static KeyPair pair(String algorithm) {
    try {
      KeyPairGenerator generator;
      if (algorithm.equals("EdDSA")) {
        generator = KeyPairGenerator.getInstance("Ed25519");
      } else if (algorithm.startsWith("ES")) {
        generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec(curve(algorithm)));
      } else {
        generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
      }
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String curve(String algorithm) {
    return switch (algorithm) {
      case "ES256" -> "secp256r1";
      case "ES384" -> "secp384r1";
      default -> "secp521r1";
    };
  }

  /** A JWS of a header and a payload as they are. */
  String sign(String header, String payload) {
    String input =
        base64(header.getBytes(StandardCharsets.UTF_8))
            + "."
            + base64(payload.getBytes(StandardCharsets.UTF_8));
    return input + "." + base64(signature(input.getBytes(StandardCharsets.US_ASCII)));
  }

  /** A token with the header that is usual for the key. */
  String token(String claims) {
    return sign("{\"alg\":\"" + algorithm + "\",\"kid\":\"" + keyId + "\"}", claims);
  }

  byte[] signature(byte[] input) {
    try {
      int bits = Integer.parseInt(algorithm.equals("EdDSA") ? "0" : algorithm.substring(2));
      Signature signature =
          Signature.getInstance(
              switch (algorithm.substring(0, 2)) {
                case "ES" -> "SHA" + bits + "withECDSAinP1363Format";
                case "RS" -> "SHA" + bits + "withRSA";
                case "PS" -> "RSASSA-PSS";
                default -> "Ed25519";
              });
      if (algorithm.startsWith("PS")) {
        signature.setParameter(
            new PSSParameterSpec(
                "SHA-" + bits, "MGF1", new MGF1ParameterSpec("SHA-" + bits), bits / 8, 1));
      }
      signature.initSign(pair.getPrivate());
      signature.update(input);
      return signature.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The public JWK with {@code kid} and no {@code alg}. */
  String jwk() {
    return "{\"kid\":\"" + keyId + "\"," + members() + "}";
  }

  /** The members of the public JWK that are its key. */
  String members() {
    return switch (pair.getPublic()) {
      case RSAPublicKey rsa ->
          "\"kty\":\"RSA\",\"n\":\""
              + base64(unsigned(rsa.getModulus(), 0))
              + "\",\"e\":\""
              + base64(unsigned(rsa.getPublicExponent(), 0))
              + "\"";
      case ECPublicKey ec -> {
        int bits = ec.getParams().getCurve().getField().getFieldSize();
        yield "\"kty\":\"EC\",\"crv\":\"P-"
            + bits
            + "\",\"x\":\""
            + base64(unsigned(ec.getW().getAffineX(), (bits + 7) / 8))
            + "\",\"y\":\""
            + base64(unsigned(ec.getW().getAffineY(), (bits + 7) / 8))
            + "\"";
      }
      case EdECPublicKey ed -> {
        byte[] encoded = ed.getEncoded();
        byte[] x = java.util.Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length);
        yield "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" + base64(x) + "\"";
      }
      default -> throw new IllegalStateException("unknown key");
    };
  }

  static String base64(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  private static byte[] unsigned(BigInteger number, int length) {
    byte[] bytes = number.toByteArray();
    int skip = bytes[0] == 0 ? 1 : 0;
    byte[] unsigned = new byte[Math.max(length, bytes.length - skip)];
    System.arraycopy(
        bytes, skip, unsigned, unsigned.length - bytes.length + skip, bytes.length - skip);
    return unsigned;
  }
}
