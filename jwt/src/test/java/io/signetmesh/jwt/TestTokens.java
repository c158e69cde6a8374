package io.signetmesh.jwt;

import com.google.protobuf.Duration;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.JwtKeySet;
import io.signetmesh.v1.TokenLocation;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Authentications and requests for tests. */
final class TestTokens {
  static final long NOW = 1_800_000_000_000L;
  static final String ISSUER = "https://issuer.example";
  static final List<String> ALGORITHMS =
      List.of(
          "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA");

  /** Claims that pass, but for the last brace. */
  static final String CLAIMS =
      "{\"iss\":\"https://issuer.example\",\"aud\":\"shop\",\"sub\":\"alice\",\"jti\":\"id-1\","
          + "\"exp\":1800000300,\"iat\":1799999900";

  private TestTokens() {}

  /** An authentication with the keys; bearer tokens for "shop", 60 s of skew. */
  static JwtAuthentication.Builder message(TestKey... keys) {
    return JwtAuthentication.newBuilder()
        .setName("shop/customers")
        .setIssuer(ISSUER)
        .addAudiences("shop")
        .addAllAlgorithms(ALGORITHMS)
        .addLocations(
            TokenLocation.newBuilder()
                .setHeader(
                    TokenLocation.Header.newBuilder()
                        .setName("authorization")
                        .setPrefix("Bearer ")))
        .setClockSkew(Duration.newBuilder().setSeconds(60))
        .setBoundTo(JwtAuthentication.Binding.BINDING_NONE)
        .setKeySet(JwtKeySet.newBuilder().setJwks(set(keys)));
  }

  static String set(TestKey... keys) {
    return Arrays.stream(keys)
        .map(TestKey::jwk)
        .collect(Collectors.joining(",", "{\"keys\":[", "]}"));
  }

  static TokenAuthentication compiled(JwtAuthentication.Builder message) {
    try {
      return TokenAuthentication.compile(message.build());
    } catch (InvalidAuthenticationException e) {
      throw new AssertionError(e);
    }
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** A request head. */
  static HeadFields head(String method, String path, Map<String, List<String>> fields) {
    return new HeadFields() {
      @Override
      public Iterable<String> values(String lowerCaseName) {
        return fields.getOrDefault(lowerCaseName, List.of());
      }

      @Override
      public CharSequence path() {
        return path;
      }

      @Override
      public CharSequence method() {
        return method;
      }
    };
  }
}
