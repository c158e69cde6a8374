package io.signetmesh.jwt;

import static io.signetmesh.jwt.TestTokens.CLAIMS;
import static io.signetmesh.jwt.TestTokens.NOW;
import static io.signetmesh.jwt.TestTokens.bytes;
import static io.signetmesh.jwt.TestTokens.compiled;
import static io.signetmesh.jwt.TestTokens.message;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Duration;
import com.google.protobuf.Timestamp;
import com.google.protobuf.UnknownFieldSet;
import io.signetmesh.v1.ClaimRule;
import io.signetmesh.v1.ClaimValue;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.JwtKeySet;
import io.signetmesh.v1.TokenForwarding;
import io.signetmesh.v1.TokenLocation;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenAuthenticationTest {
  private static final TestKey KEY = TestKey.of("ES256");
  private static final String GOOD = CLAIMS + "}";
  private static final String DIGEST = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";

  private static @Nullable TokenFailure at(
      JwtAuthentication.Builder message, String claims, long millis) {
    return compiled(message).verify(bytes(KEY.token(claims))).failureAt(millis);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"
      })
  void eachAlgorithmIsVerified(String algorithm) {
    TestKey key = TestKey.of(algorithm);
    TokenAuthentication authentication =
        compiled(message(key).clearAlgorithms().addAlgorithms(algorithm));
    String token = key.token(GOOD);

    assertThat(authentication.verify(bytes(token)).failureAt(NOW)).isNull();
    assertThat(authentication.verify(bytes(TestKey.another(algorithm).token(GOOD))).failure())
        .isEqualTo(TokenFailure.SIGNATURE);
  }

  @Test
  void aTokenWithoutKeyIdIsTriedWithAllKeysThatFit() {
    TokenAuthentication authentication =
        compiled(message(TestKey.another("ES256"), KEY, TestKey.of("RS256")));

    assertThat(authentication.verify(bytes(KEY.sign("{\"alg\":\"ES256\"}", GOOD))).failureAt(NOW))
        .isNull();
  }

  @ParameterizedTest
  @CsvSource({
    "1800000359999,          ",
    "1800000360000, EXPIRED",
    "1799999840000,          ",
    "1799999839999, ISSUED_IN_FUTURE"
  })
  void aTokenIsGoodBetweenItsTimesGiveOrTakeTheSkew(long millis, @Nullable TokenFailure expected) {
    assertThat(at(message(KEY), GOOD, millis)).isEqualTo(expected);
  }

  @Test
  void timesMayHaveFractions() {
    String claims = GOOD.replace("1800000300", "1800000300.0019").replace("}", ",\"nbf\":18e8}");
    JwtAuthentication.Builder exact = message(KEY).clearClockSkew();

    assertThat(at(exact, claims, NOW)).isNull();
    assertThat(at(exact, claims, NOW - 1)).isEqualTo(TokenFailure.NOT_YET_VALID);
    assertThat(at(exact, claims, 1_800_000_300_000L)).isNull();
    assertThat(at(exact, claims, 1_800_000_300_001L)).isEqualTo(TokenFailure.EXPIRED);
    assertThat(at(exact, CLAIMS + ",\"nbf\":1800000000.0001}", NOW))
        .isEqualTo(TokenFailure.NOT_YET_VALID);
  }

  @Test
  void aTokenWithoutExpIsRefusedUnlessItIsOptional() {
    String claims = GOOD.replace("\"exp\"", "\"x\"");
    TokenResult result =
        compiled(message(KEY).setExpiryOptional(true)).verify(bytes(KEY.token(claims)));

    assertThat(at(message(KEY), claims, NOW)).isEqualTo(TokenFailure.EXPIRY_MISSING);
    assertThat(result.failureAt(Long.MAX_VALUE - 1)).isNull();
  }

  @Test
  void aTokenHasALongestAge() {
    JwtAuthentication.Builder aged =
        message(KEY).setMaxTokenAge(Duration.newBuilder().setSeconds(100));

    assertThat(at(aged, GOOD, 1_800_000_059_999L)).isNull();
    assertThat(at(aged, GOOD, 1_800_000_060_000L)).isEqualTo(TokenFailure.TOO_OLD);
    assertThat(at(aged, GOOD.replace("\"iat\"", "\"x\""), NOW)).isEqualTo(TokenFailure.TOO_OLD);
  }

  @Test
  void keysEnd() {
    JwtAuthentication.Builder ending = message(KEY);
    ending.getKeySetBuilder().setExpiresAt(Timestamp.newBuilder().setSeconds(NOW / 1000 + 10));
    TokenAuthentication authentication = compiled(ending);
    TokenResult good = authentication.verify(bytes(KEY.token(GOOD)));
    long end = NOW + 10_000;

    assertThat(good.failureAt(end - 1)).isNull();
    assertThat(good.failureAt(end)).isEqualTo(TokenFailure.KEYS_EXPIRED);
    assertThat(good.detailAt(end)).contains("2027-01-15T08:00:10Z");
    // What the keys have said counts no more; what the token says of itself does.
    TokenResult foreign = authentication.verify(bytes(TestKey.another("ES256").token(GOOD)));
    assertThat(foreign.failureAt(end - 1)).isEqualTo(TokenFailure.SIGNATURE);
    assertThat(foreign.failureAt(end)).isEqualTo(TokenFailure.KEYS_EXPIRED);
    TokenResult other =
        authentication.verify(bytes(KEY.token(GOOD.replace("\"shop\"", "\"bank\""))));
    assertThat(other.failureAt(end)).isEqualTo(TokenFailure.AUDIENCE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "{\"keys\":[]}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}", "<html>"})
  void withoutKeysNoTokenPassesAndNothingIsFinal(String jwks) {
    JwtAuthentication.Builder without = message(KEY);
    without.setKeySet(JwtKeySet.newBuilder().setJwks(jwks).setUnavailable("404 from the issuer"));
    TokenResult result = compiled(without).verify(bytes(KEY.token(GOOD)));

    assertThat(result.failure()).isEqualTo(TokenFailure.KEYS_UNAVAILABLE);
    assertThat(result.isFinal()).isFalse();
    assertThat(result.detail()).contains("404 from the issuer");
  }

  private static ClaimRule claim(String name, String text) {
    return ClaimRule.newBuilder()
        .addPath(name)
        .setEquals(ClaimValue.newBuilder().setText(text))
        .build();
  }

  @Test
  void claimsThatFailAreNamedWithWhatWasExpected() {
    TokenAuthentication authentication =
        compiled(message(KEY).addClaims(claim("role", "admin")).addClaims(claim("sub", "bob")));
    TokenResult result = authentication.verify(bytes(KEY.token(CLAIMS + ",\"role\":\"thief\"}")));

    assertThat(result.failure()).isEqualTo(TokenFailure.CLAIM);
    assertThat(TokenFailure.CLAIM.kind()).isEqualTo(TokenFailure.Kind.CLAIMS);
    assertThat(result.detail())
        .isEqualTo(
            "claim role is not as required: expected role equals \"admin\"; "
                + "claim sub is not as required: expected sub equals \"bob\"");
    assertThat(result.principal()).isNotNull();
    assertThat(result.forwarded()).isEmpty();
  }

  @Test
  void aTimeComesBeforeAClaim() {
    JwtAuthentication.Builder rule = message(KEY).addClaims(claim("role", "admin"));

    assertThat(at(rule, GOOD, NOW)).isEqualTo(TokenFailure.CLAIM);
    assertThat(at(rule, GOOD, NOW + 3_600_000)).isEqualTo(TokenFailure.EXPIRED);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "BINDING_CERTIFICATE | ,\"cnf\":{\"x5t#S256\":\"DIGEST\"}        |",
        "BINDING_CERTIFICATE |                                           | BINDING_MISSING",
        "BINDING_CERTIFICATE | ,\"cnf\":{\"jkt\":\"DIGEST\"}             | BINDING_MISSING",
        "BINDING_CERTIFICATE | ,\"x5t#S256\":\"DIGEST\"                  | BINDING_MISSING",
        "BINDING_CERTIFICATE | ,\"cnf\":\"DIGEST\"                       | MALFORMED",
        "BINDING_CERTIFICATE | ,\"cnf\":{\"x5t#S256\":1}                 | MALFORMED",
        "BINDING_CERTIFICATE | ,\"cnf\":{\"x5t#S256\":\"AAAA\"}          | MALFORMED",
        "BINDING_CERTIFICATE | ,\"cnf\":{\"x5t#S256\":\"DIGEST=\"}       | MALFORMED",
        "BINDING_DPOP        | ,\"cnf\":{\"jkt\":\"DIGEST\"}             |",
        "BINDING_DPOP        | ,\"cnf\":{\"x5t#S256\":\"DIGEST\"}        | BINDING_MISSING",
        "BINDING_DPOP        | ,\"cnf\":null                             | MALFORMED",
        "BINDING_NONE        | ,\"cnf\":7                                |"
      })
  void aTokenIsBoundAsDemanded(
      JwtAuthentication.Binding binding, @Nullable String more, @Nullable TokenFailure expected) {
    String claims = CLAIMS + (more == null ? "" : more.replace("DIGEST", DIGEST)) + "}";
    TokenResult result =
        compiled(message(KEY).setBoundTo(binding)).verify(bytes(KEY.token(claims)));

    assertThat(result.failureAt(NOW)).isEqualTo(expected);
    boolean passed = expected == null;
    assertThat(String.valueOf(result.certificate()))
        .isEqualTo(
            passed && binding == JwtAuthentication.Binding.BINDING_CERTIFICATE ? DIGEST : "null");
    assertThat(String.valueOf(result.proofKey()))
        .isEqualTo(passed && binding == JwtAuthentication.Binding.BINDING_DPOP ? DIGEST : "null");
  }

  @Test
  void anyAudienceIsAccepted() {
    JwtAuthentication.Builder any = message(KEY).clearAudiences().setAnyAudience(true);

    assertThat(at(any, GOOD, NOW)).isNull();
    assertThat(at(any, GOOD.replace("\"aud\"", "\"x\""), NOW)).isNull();
    assertThat(at(any, GOOD.replace("\"shop\"", "7"), NOW)).isEqualTo(TokenFailure.MALFORMED);
    assertThat(at(message(KEY).addAudiences("b"), GOOD.replace("\"shop\"", "[\"a\",\"b\"]"), NOW))
        .isNull();
  }

  private static TokenForwarding.ClaimHeader forwarded(String header, String... path) {
    return TokenForwarding.ClaimHeader.newBuilder()
        .setHeader(header)
        .addAllPath(List.of(path))
        .build();
  }

  @Test
  void claimsAreForwardedIfTheyCanBeFieldValues() {
    TokenForwarding.Builder forwarding =
        TokenForwarding.newBuilder().setStrip(true).setPayloadHeader("x-claims");
    for (String name : List.of("text", "number", "truth", "list", "object", "nothing", "umlaut")) {
      forwarding.addClaims(forwarded("x-" + name, "a.b", name));
    }
    for (String name : List.of("absent", "crlf", "nul", "c1", "tab", "space", "empty", "long")) {
      forwarding.addClaims(forwarded("x-" + name, "a.b", name));
    }
    String claims =
        CLAIMS
            + ",\"a.b\":{\"text\":\"a, b\",\"number\":1.50,\"truth\":true,\"list\":[\"a\\n\",1],"
            + "\"object\":{\"\u00e4\":null},\"nothing\":null,\"umlaut\":\"J\u00fcrgen\","
            + "\"crlf\":\"a\\r\\nx-admin: 1\",\"nul\":\"a\\u0000\",\"c1\":\"a\\u0085b\",\"tab\":\"\\ta\","
            + "\"space\":\" a\",\"empty\":\"\",\"long\":\""
            + "x".repeat(4097)
            + "\"}}";
    String token = KEY.token(claims);
    TokenAuthentication authentication = compiled(message(KEY).setForwarding(forwarding));
    TokenResult result = authentication.verify(bytes(token));

    assertThat(result.failureAt(NOW)).isNull();
    assertThat(result.forwarded())
        .containsExactly(
            new ForwardedField("x-text", "a, b"),
            new ForwardedField("x-number", "1.50"),
            new ForwardedField("x-truth", "true"),
            new ForwardedField("x-list", "[\"a\\u000a\",1]"),
            new ForwardedField("x-object", "{\"\\u00e4\":null}"),
            new ForwardedField("x-nothing", "null"),
            new ForwardedField("x-umlaut", "J\u00c3\u00bcrgen"),
            new ForwardedField("x-claims", token.split("\\.")[1]));
    assertThat(authentication.forwarding().headers())
        .hasSize(16)
        .contains("x-claims", "x-absent", "x-long");
    assertThat(authentication.forwarding().strip()).isTrue();
  }

  private static Arguments invalid(Consumer<JwtAuthentication.Builder> change, String message) {
    return Arguments.of(change, message);
  }

  private static TokenLocation header(String name, String prefix) {
    return TokenLocation.newBuilder()
        .setHeader(TokenLocation.Header.newBuilder().setName(name).setPrefix(prefix))
        .build();
  }

  static Stream<Arguments> invalid() {
    UnknownFieldSet unknown =
        UnknownFieldSet.newBuilder()
            .addField(99, UnknownFieldSet.Field.newBuilder().addVarint(1).build())
            .build();
    return Stream.of(
        invalid(m -> m.clearName(), "name of 0 characters: expected 1 to 1024"),
        invalid(m -> m.clearIssuer(), "issuer of 0 characters: expected 1 to 1024"),
        invalid(m -> m.clearAudiences(), "no audiences: expected at least one, or any_audience"),
        invalid(m -> m.setAnyAudience(true), "audiences together with any_audience"),
        invalid(m -> m.addAudiences(""), "audience of 0 characters"),
        invalid(m -> m.clearAlgorithms(), "no algorithms: expected at least one"),
        invalid(m -> m.addAlgorithms("none"), "algorithm \"none\": expected one of [ES256"),
        invalid(m -> m.addAlgorithms("HS256"), "algorithm \"HS256\""),
        invalid(m -> m.clearLocations(), "no locations: expected at least one"),
        invalid(
            m -> m.addLocations(TokenLocation.getDefaultInstance()), "location of unknown kind"),
        invalid(m -> m.addLocations(m.getLocations(0)), "a location is there twice"),
        invalid(
            m -> m.addLocations(header("X-Token", "")),
            "header \"X-Token\": expected a field name"),
        invalid(m -> m.addLocations(header("", "")), "header \"\": expected a field name"),
        invalid(m -> m.addLocations(header("x:y", "")), "header \"x:y\": expected a field name"),
        invalid(m -> m.addLocations(header("x", "a\r\n")), "prefix \"a\\u000d\\u000a\""),
        invalid(m -> m.addLocations(header("x", " a")), "expected no space first"),
        invalid(m -> m.addLocations(TokenLocation.newBuilder().setCookie("a=b")), "cookie \"a=b\""),
        invalid(
            m -> m.addLocations(TokenLocation.newBuilder().setCookie("")),
            "cookie of 0 characters"),
        invalid(
            m -> m.addLocations(TokenLocation.newBuilder().setQueryParameter("")),
            "query parameter of 0 characters"),
        invalid(m -> m.setClockSkew(Duration.newBuilder().setSeconds(301)), "clock_skew 301 s"),
        invalid(m -> m.setClockSkew(Duration.newBuilder().setSeconds(-1)), "clock_skew -1 s"),
        invalid(m -> m.setMaxTokenAge(Duration.getDefaultInstance()), "max_token_age 0 s"),
        invalid(m -> m.clearBoundTo(), "bound_to 0: not known to this version"),
        invalid(m -> m.setBoundToValue(99), "bound_to 99: not known to this version"),
        invalid(m -> m.addClaims(ClaimRule.getDefaultInstance()), "path of 0 names"),
        invalid(m -> m.addClaims(ClaimRule.newBuilder().addPath("a")), "claim a: no operator"),
        invalid(
            m -> m.setUnknownFields(unknown),
            "JwtAuthentication has fields that this version does not know: [99]"),
        invalid(
            m -> m.addClaims(claim("a", "b").toBuilder().setUnknownFields(unknown)),
            "ClaimRule has fields that this version does not know: [99]"),
        invalid(
            m -> m.getForwardingBuilder().addClaims(forwarded("content-length", "a")),
            "header \"content-length\": claims cannot replace it"),
        invalid(
            m -> m.getForwardingBuilder().addClaims(forwarded("x", "a")).setPayloadHeader("x"),
            "header \"x\" is there twice"),
        invalid(m -> m.getForwardingBuilder().setPayloadHeader(":path"), "header \":path\""),
        invalid(m -> m.getForwardingBuilder().addClaims(forwarded("x")), "path of 0 names"),
        invalid(
            m ->
                m.getKeySetBuilder()
                    .setExpiresAt(Timestamp.newBuilder().setSeconds(Long.MAX_VALUE)),
            "out of range"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("invalid")
  void whatIsMissingOutOfRangeOrUnknownIsRefused(
      Consumer<JwtAuthentication.Builder> change, String reason) {
    JwtAuthentication.Builder changed = message(KEY);
    change.accept(changed);

    assertThatThrownBy(() -> TokenAuthentication.compile(changed.build()))
        .isInstanceOf(InvalidAuthenticationException.class)
        .hasMessageContaining(reason);
  }

  @Test
  void whatIsRequiredIsSaidInWords() {
    ClaimRule groups =
        ClaimRule.newBuilder()
            .addPath("groups")
            .setAnyOf(
                ClaimRule.Values.newBuilder().addValues(ClaimValue.newBuilder().setText("admin")))
            .build();

    assertThat(
            compiled(
                    message(KEY)
                        .addAudiences("bank")
                        .addClaims(groups)
                        .addClaims(claim("a", "b"))
                        .setBoundTo(JwtAuthentication.Binding.BINDING_DPOP))
                .requirement())
        .isEqualTo(
            "token of https://issuer.example for audience shop or bank, with a proof of possession, "
                + "with claim groups any of \"admin\" and a equals \"b\"");
  }

  @Test
  void equalMessagesAreEqualAuthentications() {
    assertThat(compiled(message(KEY)))
        .isEqualTo(compiled(message(KEY)))
        .hasSameHashCodeAs(compiled(message(KEY)));
    assertThat(compiled(message(KEY))).isNotEqualTo(compiled(message(KEY).setErrorDetail(true)));
  }

  @Test
  void allChecksAreLoggedAlsoAfterOneThatFailed() {
    List<String> log = new ArrayList<>();
    compiled(message(KEY).addClaims(claim("sub", "alice")).addClaims(claim("role", "admin")))
        .verify(
            bytes(KEY.token(GOOD.replace("\"shop\"", "\"bank\""))),
            (name, passed, detail) -> log.add(name + (passed ? " ok" : " failed")));

    assertThat(log)
        .containsExactly(
            "algorithm ok",
            "header ok",
            "form ok",
            "iss ok",
            "key ok",
            "signature ok",
            "aud failed",
            "exp ok",
            "claim ok",
            "claim failed");
  }

  @Test
  void whenItIsAskedForATimeNothingIsAllocated() {
    TokenResult result = compiled(message(KEY)).verify(bytes(KEY.token(GOOD)));
    var threads =
        (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
    long id = Thread.currentThread().threadId();
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 20; round++) {
      long before = threads.getThreadAllocatedBytes(id);
      for (int i = 0; i < 1000; i++) {
        if (result.failureAt(NOW + i) != null) {
          throw new AssertionError("failed");
        }
      }
      least = Math.min(least, threads.getThreadAllocatedBytes(id) - before);
    }
    assertThat(least).isLessThan(1000);
  }
}
