package io.signetmesh.e2e.decision;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.simulate.CallToken;
import io.signetmesh.jwt.Thumbprint;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.Locale;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * The issuer of the tokens of cases, with keys that were made for this run: one for each algorithm,
 * whose id is the algorithm's name in small letters.
 */
final class CaseIssuer {
  private static final String ISSUER = "https://login.example";
  private static final int RSA_BITS = 2048;

  private final KeyPair ec256;
  private final KeyPair ec384;
  private final KeyPair ec512;
  private final KeyPair rsa;
  private final KeyPair ed25519;

  CaseIssuer() throws GeneralSecurityException {
    ec256 = ec("secp256r1");
    ec384 = ec("secp384r1");
    ec512 = ec("secp521r1");
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(RSA_BITS);
    rsa = generator.generateKeyPair();
    ed25519 = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
  }

  private static KeyPair ec(String curve) throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec(curve));
    return generator.generateKeyPair();
  }

  /** A text of manifests or cases with keys and tokens where it has their names. */
  String expand(String text) throws GeneralSecurityException {
    Instant now = Instant.now();
    return text.replace("@JWKS@", jwks())
        .replace("@TOKEN@", sign("ES256", "es256", ec256.getPrivate(), now))
        .replace(
            "@TOKEN_OF_ANOTHER_KEY@", sign("ES256", "es256", ec("secp256r1").getPrivate(), now))
        .replace("@TOKEN_OF_AN_UNKNOWN_KEY@", sign("ES256", "gone", ec256.getPrivate(), now));
  }

  private String sign(String algorithm, String keyId, PrivateKey key, Instant now)
      throws GeneralSecurityException {
    ObjectNode claims = JsonNodeFactory.instance.objectNode();
    claims.put("iss", ISSUER).put("aud", "web").put("sub", "alice");
    claims.put("exp", now.plus(Duration.ofHours(1)).getEpochSecond());
    ObjectNode header = JsonNodeFactory.instance.objectNode();
    return signed(header.put("alg", algorithm).put("kid", keyId), claims, key);
  }

  /**
   * The token of a call.
   *
   * @param certificate SHA-256 of the client's certificate; null when it shows none
   */
  String text(CallToken token, @Nullable Thumbprint certificate) throws GeneralSecurityException {
    return switch (token) {
      case CallToken.Text(String text) -> text;
      case CallToken.Claims claims -> {
        ObjectNode header = JsonNodeFactory.instance.objectNode().put("alg", "ES256");
        if (claims.header() != null) {
          header.setAll(claims.header());
        }
        String algorithm = header.get("alg").textValue();
        if (!header.has("kid")) {
          header.put("kid", algorithm.toLowerCase(Locale.ROOT));
        }
        yield signed(header, claims.at(Instant.now(), certificate), key(algorithm));
      }
    };
  }

  private @Nullable PrivateKey key(String algorithm) {
    return switch (algorithm) {
      case "ES256" -> ec256.getPrivate();
      case "ES384" -> ec384.getPrivate();
      case "ES512" -> ec512.getPrivate();
      case "EdDSA" -> ed25519.getPrivate();
      case "none", "HS256" -> null;
      default -> rsa.getPrivate();
    };
  }

  private String signed(ObjectNode header, ObjectNode claims, @Nullable PrivateKey key)
      throws GeneralSecurityException {
    String input = base64(utf8(header.toString())) + "." + base64(utf8(claims.toString()));
    return input + "." + base64(signature(header.get("alg").textValue(), utf8(input), key));
  }

  private byte[] signature(String algorithm, byte[] input, @Nullable PrivateKey key)
      throws GeneralSecurityException {
    if (key == null) {
      return algorithm.equals("none") ? new byte[0] : mac(input);
    }
    String bits = algorithm.substring(algorithm.length() - 3);
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
              "SHA-" + bits, "MGF1", new MGF1ParameterSpec("SHA-" + bits), bytes(bits), 1));
    }
    signature.initSign(key);
    signature.update(input);
    return signature.sign();
  }

  private static int bytes(String bits) {
    return Integer.parseInt(bits) / Byte.SIZE;
  }

  /** As whoever knows the public keys could make one. */
  private byte[] mac(byte[] input) throws GeneralSecurityException {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(utf8(jwks()), "HmacSHA256"));
    return mac.doFinal(input);
  }

  /** The public keys. */
  private String jwks() {
    return "{\"keys\":["
        + String.join(
            ",",
            jwk("es256", "P-256", ec256, 32),
            jwk("es384", "P-384", ec384, 48),
            jwk("es512", "P-521", ec512, 66),
            jwk("rs256"),
            jwk("rs384"),
            jwk("ps256"),
            octets())
        + "]}";
  }

  private static String jwk(String keyId, String curve, KeyPair pair, int length) {
    ECPublicKey key = (ECPublicKey) pair.getPublic();
    return "{\"kty\":\"EC\",\"kid\":\"%s\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}"
        .formatted(
            keyId,
            curve,
            base64(fixed(key.getW().getAffineX(), length)),
            base64(fixed(key.getW().getAffineY(), length)));
  }

  private String jwk(String keyId) {
    RSAPublicKey key = (RSAPublicKey) rsa.getPublic();
    return "{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%s\",\"e\":\"AQAB\"}"
        .formatted(keyId, base64(fixed(key.getModulus(), RSA_BITS / Byte.SIZE)));
  }

  private String octets() {
    byte[] encoded = ed25519.getPublic().getEncoded();
    return "{\"kty\":\"OKP\",\"kid\":\"eddsa\",\"crv\":\"Ed25519\",\"x\":\"%s\"}"
        .formatted(base64(Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length)));
  }

  private static byte[] fixed(BigInteger number, int length) {
    byte[] bytes = number.toByteArray();
    byte[] fixed = new byte[length];
    int kept = Math.min(bytes.length, length);
    System.arraycopy(bytes, bytes.length - kept, fixed, length - kept, kept);
    return fixed;
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String base64(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }
}
