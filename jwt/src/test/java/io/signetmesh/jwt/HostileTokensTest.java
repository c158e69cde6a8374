package io.signetmesh.jwt;

import static io.signetmesh.jwt.TestTokens.CLAIMS;
import static io.signetmesh.jwt.TestTokens.NOW;
import static io.signetmesh.jwt.TestTokens.bytes;
import static io.signetmesh.jwt.TestTokens.compiled;
import static io.signetmesh.jwt.TestTokens.message;
import static org.assertj.core.api.Assertions.assertThat;

import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens that strangers send, each with the failure that it ends with. */
class HostileTokensTest {
  private static final TestKey EC = TestKey.of("ES256");
  private static final TestKey RSA = TestKey.of("RS256");
  private static final TestKey EDWARDS = TestKey.of("EdDSA");
  private static final TestKey STRANGER = TestKey.another("ES256");
  private static final String GOOD = CLAIMS + "}";
  private static final TokenAuthentication AUTHENTICATION =
      compiled(message(EC, RSA, EDWARDS, TestKey.of("ES384")));

  private static Arguments of(String what, String token, TokenFailure expected) {
    return Arguments.of(what, token, expected);
  }

  private static String header(String more) {
    return "{\"alg\":\"ES256\",\"kid\":\"key-ES256\"" + more + "}";
  }

  private static String unsigned(String header, String payload) {
    return TestKey.base64(bytes(header)) + "." + TestKey.base64(bytes(payload)) + ".";
  }

  private static String hmac(String header, String secret) {
    String input = TestKey.base64(bytes(header)) + "." + TestKey.base64(bytes(GOOD));
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(bytes(secret), "HmacSHA256"));
      return input + "." + TestKey.base64(mac.doFinal(bytes(input)));
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  private static String raw(byte[] header, byte[] payload) {
    String input = TestKey.base64(header) + "." + TestKey.base64(payload);
    return input + "." + TestKey.base64(EC.signature(bytes(input)));
  }

  private static String signature(String token, BiFunction<String, String, String> change) {
    int dot = token.lastIndexOf('.');
    return change.apply(token.substring(0, dot), token.substring(dot + 1));
  }

  static Stream<Arguments> forms() {
    String good = EC.token(GOOD);
    return Stream.of(
        of("empty", "", TokenFailure.MALFORMED),
        of("opaque", "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU", TokenFailure.MALFORMED),
        of("one part", "eyJhbGciOiJFUzI1NiJ9", TokenFailure.MALFORMED),
        of("two parts", "eyJhbGciOiJFUzI1NiJ9.e30", TokenFailure.MALFORMED),
        of("four parts", good + ".e30", TokenFailure.MALFORMED),
        of("five parts, as a JWE has", good + ".e30.e30", TokenFailure.MALFORMED),
        of("dots only", "..", TokenFailure.MALFORMED),
        of("JSON form", "{\"payload\":\"e30\",\"signatures\":[]}", TokenFailure.MALFORMED),
        of("white space before", " " + good, TokenFailure.MALFORMED),
        of("line feed after", good + "\n", TokenFailure.MALFORMED),
        of("NUL after", good + "\0", TokenFailure.MALFORMED),
        of("padding", good + "==", TokenFailure.MALFORMED),
        of("padded header", "eyJhbGciOiJFUzI1NiJ9==.e30.AA", TokenFailure.MALFORMED),
        of("base64 that is not of URLs", good.replace('_', '/') + "+", TokenFailure.MALFORMED),
        of("percent", good.replaceFirst("\\.", "%2E"), TokenFailure.MALFORMED),
        of("full-width dot", good.replaceFirst("\\.", "\uFF0E"), TokenFailure.MALFORMED),
        of(
            "bits that do not count",
            signature(good, (input, text) -> input + "." + stray(text)),
            TokenFailure.MALFORMED),
        of("two tokens", good + " " + good, TokenFailure.MALFORMED),
        of("too large", "a".repeat(16 * 1024 + 1), TokenFailure.TOO_LARGE),
        of("16 KiB of dots", ".".repeat(16 * 1024), TokenFailure.MALFORMED));
  }

  /** The same 64 bytes in other text: the last 4 bits of 86 characters do not count. */
  private static String stray(String signature) {
    char last = signature.charAt(signature.length() - 1);
    return signature.substring(0, signature.length() - 1) + (char) (last + 1);
  }

  static Stream<Arguments> headers() {
    return Stream.of(
        of("no header", EC.sign("", GOOD), TokenFailure.MALFORMED),
        of("array", EC.sign("[]", GOOD), TokenFailure.MALFORMED),
        of("no alg", EC.sign("{}", GOOD), TokenFailure.MALFORMED),
        of("alg is a number", EC.sign("{\"alg\":1}", GOOD), TokenFailure.MALFORMED),
        of("alg is null", EC.sign("{\"alg\":null}", GOOD), TokenFailure.MALFORMED),
        of(
            "alg twice",
            EC.sign("{\"alg\":\"none\",\"alg\":\"ES256\",\"kid\":\"key-ES256\"}", GOOD),
            TokenFailure.MALFORMED),
        of(
            "alg twice, once escaped",
            EC.sign("{\"al\\u0067\":\"none\",\"alg\":\"ES256\"}", GOOD),
            TokenFailure.MALFORMED),
        of(
            "kid is a number",
            EC.sign("{\"alg\":\"ES256\",\"kid\":1}", GOOD),
            TokenFailure.MALFORMED),
        of(
            "kid is null",
            EC.sign("{\"alg\":\"ES256\",\"kid\":null}", GOOD),
            TokenFailure.MALFORMED),
        of("alg none", unsigned("{\"alg\":\"none\"}", GOOD), TokenFailure.ALGORITHM),
        of("alg None", unsigned("{\"alg\":\"None\"}", GOOD), TokenFailure.ALGORITHM),
        of("alg empty", unsigned("{\"alg\":\"\"}", GOOD), TokenFailure.ALGORITHM),
        of("alg none, signed", EC.sign("{\"alg\":\"none\"}", GOOD), TokenFailure.ALGORITHM),
        of("alg in lower case", EC.sign("{\"alg\":\"es256\"}", GOOD), TokenFailure.ALGORITHM),
        of("alg with a space", EC.sign("{\"alg\":\"ES256 \"}", GOOD), TokenFailure.ALGORITHM),
        of(
            "alg with a letter that looks like it",
            EC.sign("{\"alg\":\"\u0395S256\"}", GOOD),
            TokenFailure.ALGORITHM),
        of("ES256K", EC.sign("{\"alg\":\"ES256K\"}", GOOD), TokenFailure.ALGORITHM),
        of(
            "HMAC with an empty secret",
            unsigned("{\"alg\":\"HS256\"}", GOOD),
            TokenFailure.ALGORITHM),
        of(
            "HMAC with the public key as secret",
            hmac("{\"alg\":\"HS256\",\"kid\":\"key-RS256\"}", RSA.jwk()),
            TokenFailure.ALGORITHM),
        of(
            "HMAC that says RS256",
            hmac("{\"alg\":\"RS256\",\"kid\":\"key-RS256\"}", RSA.jwk()),
            TokenFailure.SIGNATURE),
        of(
            "crit",
            EC.sign(header(",\"crit\":[\"exp\"],\"exp\":1800000300"), GOOD),
            TokenFailure.CRITICAL_HEADER),
        of("crit empty", EC.sign(header(",\"crit\":[]"), GOOD), TokenFailure.CRITICAL_HEADER),
        of("crit null", EC.sign(header(",\"crit\":null"), GOOD), TokenFailure.CRITICAL_HEADER),
        of(
            "payload not encoded (RFC 7797)",
            EC.sign(header(",\"b64\":false,\"crit\":[\"b64\"]"), GOOD),
            TokenFailure.CRITICAL_HEADER),
        of("a proof", EC.sign(header(",\"typ\":\"dpop+jwt\""), GOOD), TokenFailure.TYPE),
        of("a logout", EC.sign(header(",\"typ\":\"logout+jwt\""), GOOD), TokenFailure.TYPE),
        of(
            "an event",
            EC.sign(header(",\"typ\":\"application/secevent+jwt\""), GOOD),
            TokenFailure.TYPE),
        of("typ is a number", EC.sign(header(",\"typ\":1"), GOOD), TokenFailure.MALFORMED),
        of(
            "depth",
            EC.sign(header(",\"x\":" + "[".repeat(40) + "]".repeat(40)), GOOD),
            TokenFailure.MALFORMED),
        of(
            "byte order mark",
            raw(bytes("\uFEFF" + header("")), bytes(GOOD)),
            TokenFailure.MALFORMED),
        of("not UTF-8", raw(new byte[] {(byte) 0xff}, bytes(GOOD)), TokenFailure.MALFORMED));
  }

  static Stream<Arguments> keys() {
    String strange = ",\"jwk\":{" + STRANGER.members() + "}";
    return Stream.of(
        of("another key", STRANGER.token(GOOD), TokenFailure.SIGNATURE),
        of("embedded jwk", STRANGER.sign(header(strange), GOOD), TokenFailure.SIGNATURE),
        of(
            "embedded jwk, no kid",
            STRANGER.sign("{\"alg\":\"ES256\"" + strange + "}", GOOD),
            TokenFailure.SIGNATURE),
        of(
            "jku",
            STRANGER.sign(header(",\"jku\":\"https://attacker.example/keys\""), GOOD),
            TokenFailure.SIGNATURE),
        of(
            "x5u and x5c",
            STRANGER.sign(header(",\"x5u\":\"https://attacker.example/\",\"x5c\":[\"AA\"]"), GOOD),
            TokenFailure.SIGNATURE),
        of(
            "unknown kid",
            STRANGER.sign("{\"alg\":\"ES256\",\"kid\":\"other\"}", GOOD),
            TokenFailure.KEY_UNKNOWN),
        of(
            "kid as path",
            EC.sign("{\"alg\":\"ES256\",\"kid\":\"../../dev/null\"}", GOOD),
            TokenFailure.KEY_UNKNOWN),
        of(
            "kid empty",
            EC.sign("{\"alg\":\"ES256\",\"kid\":\"\"}", GOOD),
            TokenFailure.KEY_UNKNOWN),
        of(
            "RS256 by the key of ES256",
            EC.sign("{\"alg\":\"RS256\",\"kid\":\"key-ES256\"}", GOOD),
            TokenFailure.KEY_UNSUITABLE),
        of(
            "ES384 by the key of P-256",
            EC.sign("{\"alg\":\"ES384\",\"kid\":\"key-ES256\"}", GOOD),
            TokenFailure.KEY_UNSUITABLE),
        of(
            "EdDSA by an elliptic curve",
            EC.sign("{\"alg\":\"EdDSA\",\"kid\":\"key-ES256\"}", GOOD),
            TokenFailure.KEY_UNSUITABLE),
        of(
            "no key for the algorithm",
            TestKey.of("ES512").sign("{\"alg\":\"ES512\"}", GOOD),
            TokenFailure.KEY_UNKNOWN),
        of(
            "PS256 that is RS256",
            RSA.sign("{\"alg\":\"PS256\",\"kid\":\"key-RS256\"}", GOOD),
            TokenFailure.SIGNATURE),
        of(
            "RS512 that is RS256",
            RSA.sign("{\"alg\":\"RS512\",\"kid\":\"key-RS256\"}", GOOD),
            TokenFailure.SIGNATURE),
        of("no signature", signature(EC.token(GOOD), (i, s) -> i + "."), TokenFailure.SIGNATURE),
        of(
            "signature of zeros (CVE-2022-21449)",
            signature(EC.token(GOOD), (i, s) -> i + "." + TestKey.base64(new byte[64])),
            TokenFailure.SIGNATURE),
        of(
            "half a signature of zeros",
            signature(EC.token(GOOD), (i, s) -> i + "." + "A".repeat(43) + s.substring(43)),
            TokenFailure.SIGNATURE),
        of(
            "signature in DER",
            signature(
                EC.token(GOOD),
                (i, s) -> i + "." + TestKey.base64(new byte[] {0x30, 6, 2, 1, 1, 2, 1, 1})),
            TokenFailure.SIGNATURE),
        of(
            "signature with more",
            signature(EC.token(GOOD), (i, s) -> i + "." + s.substring(0, 84) + "AAAA"),
            TokenFailure.SIGNATURE),
        of(
            "signature of Ed25519 of zeros",
            signature(EDWARDS.token(GOOD), (i, s) -> i + "." + TestKey.base64(new byte[64])),
            TokenFailure.SIGNATURE),
        of(
            "signature of RSA of zeros",
            signature(RSA.token(GOOD), (i, s) -> i + "." + TestKey.base64(new byte[256])),
            TokenFailure.SIGNATURE),
        of(
            "signature of RSA above the modulus",
            signature(RSA.token(GOOD), (i, s) -> i + "." + TestKey.base64(filled(256))),
            TokenFailure.SIGNATURE));
  }

  private static byte[] filled(int length) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) 0xff);
    return bytes;
  }

  static Stream<Arguments> payloads() {
    return Stream.of(
        of("no payload", EC.token(""), TokenFailure.MALFORMED),
        of("a text", EC.token("\"x\""), TokenFailure.MALFORMED),
        of("null", EC.token("null"), TokenFailure.MALFORMED),
        of("not JSON", EC.token("Payload"), TokenFailure.MALFORMED),
        of("trailing comma", EC.token(CLAIMS + ",}"), TokenFailure.MALFORMED),
        of("trailing data", EC.token(GOOD + "{}"), TokenFailure.MALFORMED),
        of("trailing NUL", EC.token(GOOD + "\0"), TokenFailure.MALFORMED),
        of("comment", EC.token("/**/" + GOOD), TokenFailure.MALFORMED),
        of(
            "single quotes",
            EC.token("{'iss':'" + TestTokens.ISSUER + "'}"),
            TokenFailure.MALFORMED),
        of("NaN", EC.token(CLAIMS + ",\"x\":NaN}"), TokenFailure.MALFORMED),
        of("leading zero", EC.token(CLAIMS + ",\"x\":01}"), TokenFailure.MALFORMED),
        of("leading plus", EC.token(CLAIMS + ",\"x\":+1}"), TokenFailure.MALFORMED),
        of("hexadecimal", EC.token(CLAIMS + ",\"x\":0x1}"), TokenFailure.MALFORMED),
        of("iss twice", EC.token(CLAIMS + ",\"iss\":\"x\"}"), TokenFailure.MALFORMED),
        of(
            "iss twice, escaped",
            EC.token(CLAIMS + ",\"\\u0069ss\":\"x\"}"),
            TokenFailure.MALFORMED),
        of(
            "a name twice inside",
            EC.token(CLAIMS + ",\"x\":[{\"a\":1,\"a\":1}]}"),
            TokenFailure.MALFORMED),
        of(
            "deep",
            EC.token(CLAIMS + ",\"x\":" + "[".repeat(2000) + "]".repeat(2000) + "}"),
            TokenFailure.MALFORMED),
        of(
            "deep and unfinished",
            EC.token(CLAIMS + ",\"x\":" + "{\"a\":".repeat(1500)),
            TokenFailure.MALFORMED),
        of(
            "huge number",
            EC.token(CLAIMS + ",\"x\":" + "9".repeat(8000) + "}"),
            TokenFailure.MALFORMED),
        of("huge exponent", EC.token(CLAIMS + ",\"x\":1e999999999}"), TokenFailure.MALFORMED),
        of("tiny exponent", EC.token(CLAIMS + ",\"x\":1E-999999999}"), TokenFailure.MALFORMED),
        of("lone surrogate", EC.token(CLAIMS + ",\"x\":\"\\ud800\"}"), TokenFailure.MALFORMED),
        of("low surrogate", EC.token(CLAIMS + ",\"x\":\"a\\udc00b\"}"), TokenFailure.MALFORMED),
        of(
            "lone surrogate in a name",
            EC.token(CLAIMS + ",\"\\ud800\":1}"),
            TokenFailure.MALFORMED),
        of("control character", EC.token(CLAIMS + ",\"x\":\"\t\"}"), TokenFailure.MALFORMED),
        of("byte order mark", EC.token("\uFEFF" + GOOD), TokenFailure.MALFORMED),
        of(
            "overlong UTF-8",
            raw(
                bytes(header("")),
                concat(CLAIMS + ",\"x\":\"", new byte[] {(byte) 0xc0, (byte) 0xaf})),
            TokenFailure.MALFORMED),
        of(
            "surrogates in UTF-8",
            raw(
                bytes(header("")),
                concat(CLAIMS + ",\"x\":\"", new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80})),
            TokenFailure.MALFORMED),
        of(
            "iss is an array",
            EC.token("{\"iss\":[\"" + TestTokens.ISSUER + "\"]}"),
            TokenFailure.MALFORMED),
        of(
            "iss is missing",
            EC.token("{\"aud\":\"shop\",\"exp\":1800000300}"),
            TokenFailure.ISSUER),
        of(
            "iss with a slash",
            EC.token(GOOD.replace("issuer.example", "issuer.example/")),
            TokenFailure.ISSUER),
        of(
            "iss in capitals",
            EC.token(GOOD.replace("issuer.example", "ISSUER.example")),
            TokenFailure.ISSUER),
        of(
            "iss in another normal form",
            EC.token(GOOD.replace("issuer", "i\u0307ssuer")),
            TokenFailure.ISSUER),
        of(
            "aud is another",
            EC.token(GOOD.replace("\"shop\"", "\"shop2\"")),
            TokenFailure.AUDIENCE),
        of(
            "aud is a part",
            EC.token(GOOD.replace("\"shop\"", "\"shop bank\"")),
            TokenFailure.AUDIENCE),
        of("aud is empty", EC.token(GOOD.replace("\"shop\"", "[]")), TokenFailure.AUDIENCE),
        of("aud is null", EC.token(GOOD.replace("\"shop\"", "null")), TokenFailure.MALFORMED),
        of(
            "aud is an object",
            EC.token(GOOD.replace("\"shop\"", "{\"shop\":1}")),
            TokenFailure.MALFORMED),
        of(
            "aud has a number",
            EC.token(GOOD.replace("\"shop\"", "[\"shop\",1]")),
            TokenFailure.MALFORMED),
        of("sub is a number", EC.token(GOOD.replace("\"alice\"", "7")), TokenFailure.MALFORMED),
        of("jti is an object", EC.token(GOOD.replace("\"id-1\"", "{}")), TokenFailure.MALFORMED),
        of(
            "exp is missing",
            EC.token(GOOD.replace("\"exp\"", "\"exp2\"")),
            TokenFailure.EXPIRY_MISSING),
        of(
            "exp is a text",
            EC.token(GOOD.replace("1800000300", "\"1800000300\"")),
            TokenFailure.MALFORMED),
        of("exp is null", EC.token(GOOD.replace("1800000300", "null")), TokenFailure.MALFORMED),
        of(
            "exp in milliseconds",
            EC.token(GOOD.replace("1800000300", "1800000300000")),
            TokenFailure.MALFORMED),
        of(
            "exp is infinite",
            EC.token(GOOD.replace("1800000300", "1e999")),
            TokenFailure.MALFORMED),
        of("exp is negative", EC.token(GOOD.replace("1800000300", "-1")), TokenFailure.MALFORMED),
        of("nbf is a text", EC.token(CLAIMS + ",\"nbf\":\"0\"}"), TokenFailure.MALFORMED),
        of(
            "iat is a boolean",
            EC.token(GOOD.replace("1799999900", "true")),
            TokenFailure.MALFORMED),
        of(
            "exp has passed",
            EC.token(GOOD.replace("1800000300", "1799999940")),
            TokenFailure.EXPIRED),
        of("exp is zero", EC.token(GOOD.replace("1800000300", "0")), TokenFailure.EXPIRED),
        of("nbf is to come", EC.token(CLAIMS + ",\"nbf\":1800000061}"), TokenFailure.NOT_YET_VALID),
        of(
            "iat is to come",
            EC.token(GOOD.replace("1799999900", "1800000060.001")),
            TokenFailure.ISSUED_IN_FUTURE));
  }

  private static byte[] concat(String text, byte[] more) {
    byte[] begin = bytes(text);
    byte[] all = Arrays.copyOf(begin, begin.length + more.length + 2);
    System.arraycopy(more, 0, all, begin.length, more.length);
    all[all.length - 2] = '"';
    all[all.length - 1] = '}';
    return all;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({"forms", "headers", "keys", "payloads"})
  void isRefused(String what, String token, TokenFailure expected) {
    TokenResult result = AUTHENTICATION.verify(bytes(token));

    assertThat(result.failureAt(NOW)).as(what).isEqualTo(expected);
    // The same check with a log comes to the same end, and quotes nothing.
    List<String> log = new ArrayList<>();
    TokenResult logged =
        AUTHENTICATION.verify(
            bytes(token), (name, passed, detail) -> log.add(name + passed + detail));
    assertThat(logged.failureAt(NOW)).as(what).isEqualTo(expected);
    assertThat(result.failure() == null ? "" : String.valueOf(result.detail()))
        .doesNotContain("alice", "id-1", "attacker", "\n", "\0");
  }

  @Test
  void aGoodTokenIsNot() {
    for (TestKey key : List.of(EC, RSA, EDWARDS)) {
      TokenResult result = AUTHENTICATION.verify(bytes(key.token(GOOD)));

      assertThat(result.failureAt(NOW)).isNull();
      assertThat(result.principal())
          .isEqualTo(new TokenPrincipal(TestTokens.ISSUER, "alice", "id-1", key.keyId()));
    }
  }

  @Test
  void whoTheBearerIsIsNotSaidBeforeTheSignatureIsVerified() {
    assertThat(AUTHENTICATION.verify(bytes(STRANGER.token(GOOD))).principal()).isNull();
    assertThat(AUTHENTICATION.verify(bytes(EC.token(GOOD.replace("shop", "bank")))).principal())
        .isNotNull();
  }

  @Test
  void aKeyIdCannotWriteIntoALog() {
    String token =
        STRANGER.sign(
            "{\"alg\":\"ES256\",\"kid\":\"a\\nroot: \\u001b[31m\\u202e\u00e4"
                + "x".repeat(400)
                + "\"}",
            GOOD);

    TokenResult result = AUTHENTICATION.verify(bytes(token));

    assertThat(result.failure()).isEqualTo(TokenFailure.KEY_UNKNOWN);
    assertThat(result.isFinal()).isFalse();
    assertThat(result.unknownKeyId()).hasSize(256).startsWith("a?root: ?[31m??xxx");
    assertThat(result.detail()).doesNotContain("root");
  }

  @Test
  void claimsOfAPrincipalCannotWriteIntoALog() {
    String claims =
        GOOD.replace("alice", "alice\\r\\nroot\\u202e").replace("id-1", "i".repeat(400));

    TokenPrincipal principal = AUTHENTICATION.verify(bytes(EC.token(claims))).principal();

    assertThat(principal).isNotNull();
    assertThat(principal.subject()).isEqualTo("alice??root?");
    assertThat(principal.id()).hasSize(256);
  }

  @ParameterizedTest
  @ValueSource(strings = {"JWT", "jwt", "at+jwt", "application/at+JWT", "JOSE"})
  void tokensForResourcesSaySoInTheirType(String type) {
    String token = EC.sign(header(",\"typ\":\"" + type + "\""), GOOD);

    assertThat(AUTHENTICATION.verify(bytes(token)).failureAt(NOW)).isNull();
  }

  @Test
  void algorithmsThatAreNotAllowedAreRefusedWhateverTheKeysAre() {
    TokenAuthentication only = compiled(message(EC, RSA).clearAlgorithms().addAlgorithms("RS256"));

    assertThat(only.verify(bytes(RSA.token(GOOD))).failureAt(NOW)).isNull();
    assertThat(only.verify(bytes(EC.token(GOOD))).failure()).isEqualTo(TokenFailure.ALGORITHM);
  }

  @Test
  void aTokenOfAnotherIssuerSaysNothingOfTheKeys() {
    String token =
        STRANGER.sign(
            "{\"alg\":\"ES256\",\"kid\":\"theirs\"}",
            GOOD.replace("issuer.example", "other.example"));

    assertThat(AUTHENTICATION.verify(bytes(token)).failure()).isEqualTo(TokenFailure.ISSUER);
  }
}
