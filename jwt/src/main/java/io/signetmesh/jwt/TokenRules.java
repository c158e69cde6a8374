package io.signetmesh.jwt;

import com.google.protobuf.Duration;
import com.google.protobuf.Message;
import com.google.protobuf.Timestamp;
import io.signetmesh.jwt.claim.ClaimPath;
import io.signetmesh.jwt.claim.ClaimRequirement;
import io.signetmesh.jwt.jose.JsonText;
import io.signetmesh.jwt.key.InvalidKeySetException;
import io.signetmesh.jwt.key.KeySet;
import io.signetmesh.jwt.key.SignatureAlgorithm;
import io.signetmesh.v1.ClaimRule;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.JwtKeySet;
import io.signetmesh.v1.TokenForwarding;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A message of an authentication, with each part checked. What a part of it means that this version
 * does not know, nobody can say: then there are no rules.
 *
 * @param issuer value of {@code iss}
 * @param audiences one must be in {@code aud}; empty for any
 * @param algorithms that may sign
 * @param locations where the token may be
 * @param skew tolerated difference of clocks, in milliseconds
 * @param expiryOptional whether {@code exp} may be missing
 * @param maxAge longest time since {@code iat}, in milliseconds; null for any
 * @param claims all must hold
 * @param keys null when there are none
 * @param unavailable why there are no keys; null when there are
 * @param keysEnd when the keys end
 */
record TokenRules(
    String issuer,
    Set<String> audiences,
    Set<SignatureAlgorithm> algorithms,
    List<TokenLocation> locations,
    long skew,
    boolean expiryOptional,
    @Nullable Long maxAge,
    List<ClaimRequirement> claims,
    Binding boundTo,
    Forwarding forwarding,
    List<ClaimPath> forwardedClaims,
    @Nullable KeySet keys,
    @Nullable String unavailable,
    KeysEnd keysEnd) {
  private static final long MAX_SKEW_SECONDS = 300;
  private static final long MAX_AGE_SECONDS = 10L * 366 * 24 * 3600;
  private static final int MAX_LIST = 256;
  private static final int MAX_NAME = 1024;

  static TokenRules of(JwtAuthentication message) throws InvalidAuthenticationException {
    requireKnown(message);
    required("name", message.getName());
    try {
      return new TokenRules(
          required("issuer", message.getIssuer()),
          audiences(message),
          algorithms(message),
          locations(message),
          skew(message),
          message.getExpiryOptional(),
          maxAge(message),
          claims(message),
          binding(message),
          forwarding(message.getForwarding()),
          paths(message.getForwarding()),
          keys(message.getKeySet()),
          unavailable(message.getKeySet()),
          new KeysEnd(keysEnd(message.getKeySet())));
    } catch (IllegalArgumentException e) {
      throw new InvalidAuthenticationException(
          message.getName() + ": " + String.valueOf(e.getMessage()));
    }
  }

  /** A field that this version does not know could forbid what the others allow. */
  private static void requireKnown(Message message) throws InvalidAuthenticationException {
    if (!message.getUnknownFields().asMap().isEmpty()) {
      throw new InvalidAuthenticationException(
          message.getDescriptorForType().getName()
              + " has fields that this version does not know: "
              + message.getUnknownFields().asMap().keySet());
    }
    for (Object value : message.getAllFields().values()) {
      if (value instanceof Message inner) {
        requireKnown(inner);
      } else if (value instanceof List<?> list) {
        for (Object element : list) {
          if (element instanceof Message inner) {
            requireKnown(inner);
          }
        }
      }
    }
  }

  private static String required(String field, String value) throws InvalidAuthenticationException {
    if (value.isEmpty() || value.length() > MAX_NAME) {
      throw new InvalidAuthenticationException(
          field + " of " + value.length() + " characters: expected 1 to " + MAX_NAME);
    }
    return value;
  }

  private static void requireShort(String field, List<?> list)
      throws InvalidAuthenticationException {
    if (list.size() > MAX_LIST) {
      throw new InvalidAuthenticationException(
          list.size() + " " + field + ": expected at most " + MAX_LIST);
    }
  }

  private static Set<String> audiences(JwtAuthentication message)
      throws InvalidAuthenticationException {
    Set<String> audiences = new LinkedHashSet<>(message.getAudiencesList());
    requireShort("audiences", message.getAudiencesList());
    if (audiences.isEmpty() != message.getAnyAudience()) {
      throw new InvalidAuthenticationException(
          audiences.isEmpty()
              ? "no audiences: expected at least one, or any_audience"
              : "audiences together with any_audience: expected one of them");
    }
    for (String audience : audiences) {
      required("audience", audience);
    }
    return audiences;
  }

  private static Set<SignatureAlgorithm> algorithms(JwtAuthentication message)
      throws InvalidAuthenticationException {
    Set<SignatureAlgorithm> algorithms = EnumSet.noneOf(SignatureAlgorithm.class);
    for (String name : message.getAlgorithmsList()) {
      SignatureAlgorithm algorithm = SignatureAlgorithm.of(name);
      if (algorithm == null) {
        throw new InvalidAuthenticationException(
            "algorithm "
                + JsonText.quoted(name)
                + ": expected one of "
                + SignatureAlgorithm.names());
      }
      algorithms.add(algorithm);
    }
    if (algorithms.isEmpty()) {
      throw new InvalidAuthenticationException("no algorithms: expected at least one");
    }
    return algorithms;
  }

  private static List<TokenLocation> locations(JwtAuthentication message)
      throws InvalidAuthenticationException {
    List<TokenLocation> locations = new ArrayList<>();
    requireShort("locations", message.getLocationsList());
    for (io.signetmesh.v1.TokenLocation location : message.getLocationsList()) {
      locations.add(
          switch (location.getKindCase()) {
            case HEADER ->
                new TokenLocation.Header(
                    FieldNames.required(location.getHeader().getName()),
                    prefix(location.getHeader().getPrefix()));
            case COOKIE -> new TokenLocation.Cookie(cookie(location.getCookie()));
            case QUERY_PARAMETER ->
                new TokenLocation.QueryParameter(
                    required("query parameter", location.getQueryParameter()));
            case KIND_NOT_SET ->
                throw new InvalidAuthenticationException("location of unknown kind");
          });
    }
    if (locations.isEmpty()) {
      throw new InvalidAuthenticationException("no locations: expected at least one");
    }
    if (new HashSet<>(locations).size() < locations.size()) {
      throw new InvalidAuthenticationException("a location is there twice");
    }
    return List.copyOf(locations);
  }

  private static String prefix(String prefix) throws InvalidAuthenticationException {
    for (int i = 0; i < prefix.length(); i++) {
      if (prefix.charAt(i) < ' ' || prefix.charAt(i) > '~') {
        throw new InvalidAuthenticationException(
            "prefix " + JsonText.quoted(prefix) + ": expected visible ASCII and spaces");
      }
    }
    if (prefix.startsWith(" ") || prefix.length() > MAX_NAME) {
      throw new InvalidAuthenticationException(
          "prefix " + JsonText.quoted(prefix) + ": expected no space first");
    }
    return prefix;
  }

  private static String cookie(String name) throws InvalidAuthenticationException {
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c <= ' ' || c > '~' || c == '=' || c == ';' || c == ',' || c == '"') {
        throw new InvalidAuthenticationException(
            "cookie " + JsonText.quoted(name) + ": expected a name of RFC 6265 section 4.1.1");
      }
    }
    return required("cookie", name);
  }

  private static long skew(JwtAuthentication message) throws InvalidAuthenticationException {
    Duration skew = message.getClockSkew();
    if (skew.getSeconds() < 0
        || skew.getNanos() < 0
        || skew.getSeconds() > MAX_SKEW_SECONDS
        || skew.getSeconds() == MAX_SKEW_SECONDS && skew.getNanos() > 0) {
      throw new InvalidAuthenticationException(
          "clock_skew " + shown(skew) + ": expected 0 to " + MAX_SKEW_SECONDS + " s");
    }
    return millis(skew);
  }

  private static @Nullable Long maxAge(JwtAuthentication message)
      throws InvalidAuthenticationException {
    if (!message.hasMaxTokenAge()) {
      return null;
    }
    Duration age = message.getMaxTokenAge();
    if (age.getSeconds() < 1 || age.getNanos() < 0 || age.getSeconds() > MAX_AGE_SECONDS) {
      throw new InvalidAuthenticationException(
          "max_token_age " + shown(age) + ": expected 1 to " + MAX_AGE_SECONDS + " s");
    }
    return millis(age);
  }

  private static long millis(Duration duration) {
    return duration.getSeconds() * 1000 + duration.getNanos() / 1_000_000;
  }

  private static String shown(Duration duration) {
    return duration.getSeconds() + " s and " + duration.getNanos() + " ns";
  }

  private static List<ClaimRequirement> claims(JwtAuthentication message)
      throws InvalidAuthenticationException {
    requireShort("claims", message.getClaimsList());
    List<ClaimRequirement> claims = new ArrayList<>();
    for (ClaimRule rule : message.getClaimsList()) {
      claims.add(ClaimRequirement.compile(rule));
    }
    return List.copyOf(claims);
  }

  private static Binding binding(JwtAuthentication message) throws InvalidAuthenticationException {
    return switch (message.getBoundTo()) {
      case BINDING_NONE -> Binding.NONE;
      case BINDING_CERTIFICATE -> Binding.CERTIFICATE;
      case BINDING_DPOP -> Binding.DPOP;
      case BINDING_UNSPECIFIED, UNRECOGNIZED ->
          throw new InvalidAuthenticationException(
              "bound_to " + message.getBoundToValue() + ": not known to this version");
    };
  }

  private static Forwarding forwarding(TokenForwarding message)
      throws InvalidAuthenticationException {
    requireShort("forwarded claims", message.getClaimsList());
    Set<String> names = new HashSet<>();
    List<Forwarding.ClaimHeader> claims = new ArrayList<>();
    for (TokenForwarding.ClaimHeader claim : message.getClaimsList()) {
      requireOnce(names, FieldNames.writable(claim.getHeader()));
      claims.add(new Forwarding.ClaimHeader(claim.getPathList(), claim.getHeader()));
    }
    String payload = message.getPayloadHeader();
    if (!payload.isEmpty()) {
      requireOnce(names, FieldNames.writable(payload));
    }
    return new Forwarding(message.getStrip(), claims, payload.isEmpty() ? null : payload);
  }

  private static void requireOnce(Set<String> names, String name)
      throws InvalidAuthenticationException {
    if (!names.add(name)) {
      throw new InvalidAuthenticationException(
          "header " + JsonText.quoted(name) + " is there twice: expected a header for each");
    }
  }

  private static List<ClaimPath> paths(TokenForwarding message) {
    return message.getClaimsList().stream()
        .map(claim -> new ClaimPath(claim.getPathList()))
        .toList();
  }

  /** Keys that cannot be read are keys that are not there: the rest of the rules still stands. */
  private static @Nullable KeySet keys(JwtKeySet message) {
    try {
      KeySet keys = message.getJwks().isEmpty() ? null : KeySet.parse(message.getJwks());
      return keys == null || keys.isEmpty() ? null : keys;
    } catch (InvalidKeySetException e) {
      return null;
    }
  }

  private static @Nullable String unavailable(JwtKeySet message) {
    if (keys(message) != null) {
      return null;
    }
    return message.getUnavailable().isEmpty()
        ? "no keys of the issuer can be used"
        : message.getUnavailable();
  }

  static long keysEnd(JwtKeySet message) throws InvalidAuthenticationException {
    if (!message.hasExpiresAt()) {
      return Long.MAX_VALUE;
    }
    Timestamp end = message.getExpiresAt();
    try {
      return Instant.ofEpochSecond(end.getSeconds(), end.getNanos()).toEpochMilli();
    } catch (ArithmeticException | java.time.DateTimeException e) {
      throw new InvalidAuthenticationException(
          "expires_at " + end.getSeconds() + " s: out of range");
    }
  }

  /** As {@link TokenAuthentication#requirement}. */
  String requirement() {
    StringBuilder text = new StringBuilder("token of ").append(issuer);
    text.append(
        audiences.isEmpty()
            ? " for any audience"
            : " for audience " + String.join(" or ", audiences));
    switch (boundTo) {
      case NONE -> {}
      case CERTIFICATE -> text.append(", bound to the client's certificate");
      case DPOP -> text.append(", with a proof of possession");
    }
    String separator = ", with claim ";
    for (ClaimRequirement claim : claims) {
      text.append(separator).append(claim);
      separator = " and ";
    }
    return text.toString();
  }
}
