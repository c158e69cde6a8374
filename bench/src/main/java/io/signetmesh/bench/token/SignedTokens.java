package io.signetmesh.bench.token;

import com.google.protobuf.Duration;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.OctetKeyPair;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.util.Base64URL;
import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.jwt.InvalidAuthenticationException;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.JwtKeySet;
import io.signetmesh.v1.TokenLocation;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.Arrays;

/** An issuer with one key, its tokens, and the authentication that they pass. */
public final class SignedTokens {
  /** {@code iss} of the tokens. */
  public static final String ISSUER = "https://issuer.example/realms/shop";

  /** First {@code aud} of the tokens. */
  public static final String AUDIENCE = "shop";

  private static final int ED25519 = 32;

  /** About as long as a Kubernetes service account token or one of an OpenID provider. */
  private static final String CLAIMS =
      "{\"iss\":\""
          + ISSUER
          + "\",\"aud\":[\""
          + AUDIENCE
          + "\",\"account\"],\"sub\":\"%s\","
          + "\"exp\":4102444800,\"iat\":1700000000,\"nbf\":1700000000,\"jti\":\"%s\",\"azp\":\"web\","
          + "\"scope\":\"openid profile email\",\"realm_access\":{\"roles\":[\"offline_access\",\"user\"]},"
          + "\"name\":\"Alice Example\",\"preferred_username\":\"alice\",\"email_verified\":true,"
          + "\"kubernetes.io\":{\"namespace\":\"shop\",\"serviceaccount\":{\"name\":\"web\"}}}";

  private final String algorithm;
  private final KeyPair pair;

  /**
   * With a new key.
   *
   * @param algorithm as headers write it; RSA keys have 2,048 bits
   */
  public SignedTokens(String algorithm) {
    this.algorithm = algorithm;
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance(kind());
      if (algorithm.startsWith("ES")) {
        generator.initialize(
            new ECGenParameterSpec(algorithm.equals("ES256") ? "secp256r1" : "secp384r1"));
      }
      this.pair = generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private String kind() {
    return switch (algorithm.substring(0, 2)) {
      case "ES" -> "EC";
      case "Ed" -> "Ed25519";
      default -> "RSA";
    };
  }

  /** A token for somebody. */
  public byte[] token(int number) {
    String input =
        base64("{\"alg\":\"" + algorithm + "\",\"kid\":\"2026-11-a\",\"typ\":\"JWT\"}")
            + "."
            + base64(CLAIMS.formatted("user-" + number, "token-" + number));
    try {
      String bits = algorithm.substring(2);
      Signature signer =
          Signatures.of(
              switch (algorithm.substring(0, 2)) {
                case "ES" -> "SHA" + bits + "withECDSAinP1363Format";
                case "RS" -> "SHA" + bits + "withRSA";
                case "PS" -> "RSASSA-PSS";
                default -> "Ed25519";
              });
      if (algorithm.startsWith("PS")) {
        signer.setParameter(
            new PSSParameterSpec(
                "SHA-256",
                "MGF1",
                MGF1ParameterSpec.SHA256,
                32,
                PSSParameterSpec.TRAILER_FIELD_BC));
      }
      signer.initSign(pair.getPrivate());
      signer.update(input.getBytes(StandardCharsets.US_ASCII));
      return (input + "." + Base64URL.encode(signer.sign())).getBytes(StandardCharsets.US_ASCII);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String base64(String text) {
    return Base64URL.encode(text).toString();
  }

  /** What the tokens pass. */
  TokenAuthentication authentication() {
    try {
      return TokenAuthentication.compile(
          JwtAuthentication.newBuilder()
              .setName("shop/customers")
              .setIssuer(ISSUER)
              .addAudiences(AUDIENCE)
              .addAlgorithms(algorithm)
              .addLocations(
                  TokenLocation.newBuilder()
                      .setHeader(
                          TokenLocation.Header.newBuilder()
                              .setName("authorization")
                              .setPrefix("Bearer ")))
              .setClockSkew(Duration.newBuilder().setSeconds(60))
              .setBoundTo(JwtAuthentication.Binding.BINDING_NONE)
              .setKeySet(JwtKeySet.newBuilder().setJwks(keys()))
              .build());
    } catch (InvalidAuthenticationException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The public key. */
  public PublicKey publicKey() {
    return pair.getPublic();
  }

  /** The public key as a JWK set (RFC 7517). */
  public String keys() {
    String keyId = "2026-11-a";
    return new JWKSet(
            switch (pair.getPublic()) {
              case ECPublicKey key ->
                  new ECKey.Builder(Curve.forECParameterSpec(key.getParams()), key)
                      .keyID(keyId)
                      .build();
              case RSAPublicKey key -> new RSAKey.Builder(key).keyID(keyId).build();
              default -> {
                byte[] encoded = pair.getPublic().getEncoded();
                byte[] x = Arrays.copyOfRange(encoded, encoded.length - ED25519, encoded.length);
                yield new OctetKeyPair.Builder(Curve.Ed25519, Base64URL.encode(x))
                    .keyID(keyId)
                    .build();
              }
            })
        .toString(true);
  }
}
