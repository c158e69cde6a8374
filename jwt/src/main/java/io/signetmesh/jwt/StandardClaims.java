package io.signetmesh.jwt;

import io.signetmesh.jwt.jose.JsonValue;
import io.signetmesh.jwt.jose.MalformedException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Registered claims (RFC 7519 section 4.1), by their types. Times in milliseconds since 1970, each
 * rounded so that the token is good for no longer.
 */
record StandardClaims(
    @Nullable String issuer,
    @Nullable String subject,
    @Nullable String id,
    Set<String> audience,
    @Nullable Long expiry,
    @Nullable Long notBefore,
    @Nullable Long issued) {
  /** The end of the year 9999: later times are in another unit, or a mistake. */
  private static final BigDecimal MAX_SECONDS = BigDecimal.valueOf(253_402_300_800L);

  private static final BigDecimal THOUSAND = BigDecimal.valueOf(1000);

  /**
   * Reads the claims.
   *
   * @throws MalformedException when one is of the wrong type or out of range
   */
  static StandardClaims of(JsonValue.Members claims) throws MalformedException {
    return new StandardClaims(
        text(claims, "iss"),
        text(claims, "sub"),
        text(claims, "jti"),
        audience(claims.get("aud")),
        time(claims, "exp", RoundingMode.FLOOR),
        time(claims, "nbf", RoundingMode.CEILING),
        time(claims, "iat", RoundingMode.FLOOR));
  }

  /** A text; null when it is missing. */
  static @Nullable String text(JsonValue.Members members, String name) throws MalformedException {
    JsonValue value = members.get(name);
    if (value == null) {
      return null;
    }
    if (value instanceof JsonValue.Text(String text)) {
      return text;
    }
    throw new MalformedException(name + " is no text");
  }

  /** A NumericDate; null when it is missing. */
  static @Nullable Long time(JsonValue.Members members, String name, RoundingMode rounding)
      throws MalformedException {
    JsonValue value = members.get(name);
    if (value == null) {
      return null;
    }
    if (!(value instanceof JsonValue.Numeral(String text))) {
      throw new MalformedException(name + " is no number");
    }
    // Cheap, because the text and its exponent are bounded.
    BigDecimal seconds = new BigDecimal(text);
    if (seconds.signum() < 0 || seconds.compareTo(MAX_SECONDS) >= 0) {
      throw new MalformedException(
          name + " is out of range: expected seconds since 1970, before the year 10000");
    }
    return seconds.multiply(THOUSAND).setScale(0, rounding).longValueExact();
  }

  private static Set<String> audience(@Nullable JsonValue value) throws MalformedException {
    if (value == null) {
      return Set.of();
    }
    if (value instanceof JsonValue.Text(String text)) {
      return Set.of(text);
    }
    if (value instanceof JsonValue.Elements(List<JsonValue> elements)) {
      Set<String> audience = new HashSet<>();
      for (JsonValue element : elements) {
        if (!(element instanceof JsonValue.Text(String text))) {
          throw new MalformedException("aud has what is no text");
        }
        audience.add(text);
      }
      return audience;
    }
    throw new MalformedException("aud is neither text nor array");
  }
}
