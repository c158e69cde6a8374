package io.signetmesh.jwt;

import static io.signetmesh.jwt.TestTokens.NOW;
import static io.signetmesh.jwt.TestTokens.bytes;
import static io.signetmesh.jwt.TestTokens.head;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.jwt.jose.JsonValue;
import io.signetmesh.jwt.jose.StrictJson;
import io.signetmesh.jwt.key.VerificationKey;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class DpopProofsTest {
  private static final TestKey CLIENT = TestKey.of("ES256");
  private static final byte[] TOKEN = bytes("the.access.token");
  private static final Duration SKEW = Duration.ofSeconds(5);

  private final DpopProofs proofs = new DpopProofs();

  private static Thumbprint jkt(TestKey key) {
    try {
      return Thumbprint.of(
          VerificationKey.read((JsonValue.Members) StrictJson.parse(bytes(key.jwk())))
              .thumbprint());
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static String ath(byte[] token) {
    try {
      return TestKey.base64(MessageDigest.getInstance("SHA-256").digest(token));
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static String header(TestKey key) {
    return "{\"typ\":\"dpop+jwt\",\"alg\":\""
        + key.algorithm()
        + "\",\"jwk\":{"
        + key.members()
        + "}}";
  }

  private String claims(String id) {
    return "{\"jti\":\""
        + id
        + "\",\"htm\":\"GET\",\"htu\":\"https://shop.example/orders\",\"iat\":"
        + NOW / 1000
        + ",\"ath\":\""
        + ath(TOKEN)
        + "\",\"nonce\":\""
        + proofs.nonce(NOW)
        + "\"}";
  }

  private @Nullable TokenFailure check(String proof) {
    return check(proof, NOW);
  }

  private @Nullable TokenFailure check(String proof, long now) {
    return proofs.check(
        head("GET", "/orders?page=2", Map.of("dpop", List.of(proof))),
        "https",
        "shop.example",
        TOKEN,
        jkt(CLIENT),
        now,
        SKEW);
  }

  @ParameterizedTest
  @CsvSource({"ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"})
  void aProofIsGoodOnce(String algorithm) {
    TestKey key = TestKey.of(algorithm);
    HeadFields request =
        head("GET", "/orders", Map.of("dpop", List.of(key.sign(header(key), claims("id")))));

    assertThat(proofs.check(request, "https", "shop.example", TOKEN, jkt(key), NOW, SKEW)).isNull();
    assertThat(proofs.check(request, "https", "shop.example", TOKEN, jkt(key), NOW + 60_000, SKEW))
        .isEqualTo(TokenFailure.PROOF_REPLAYED);
  }

  @Test
  void anotherProofWithTheSameIdIsAReplay() {
    assertThat(check(CLIENT.sign(header(CLIENT), claims("id")))).isNull();
    assertThat(check(CLIENT.sign(header(CLIENT), claims("id").replace("}", ",\"x\":1}"))))
        .isEqualTo(TokenFailure.PROOF_REPLAYED);
    assertThat(check(CLIENT.sign(header(CLIENT), claims("id2")))).isNull();
  }

  @Test
  void theSameRequestMayBeCheckedAgainAndLater() {
    String proof = CLIENT.sign(header(CLIENT), claims("id"));
    DpopProofs.RequestProof request =
        proofs.of(
            head("GET", "/orders", Map.of("dpop", List.of(proof))), "https", "shop.example", "web");

    assertThat(request.check(TOKEN, jkt(CLIENT), NOW, SKEW)).isNull();
    assertThat(request.check(TOKEN, jkt(CLIENT), NOW + 3_600_000, Duration.ZERO)).isNull();
    assertThat(request.check(bytes("another.token."), jkt(CLIENT), NOW, SKEW))
        .isEqualTo(TokenFailure.PROOF_INVALID);
    assertThat(request.check(TOKEN, jkt(TestKey.of("ES384")), NOW, SKEW))
        .isEqualTo(TokenFailure.PROOF_INVALID);
    assertThat(check(proof)).isEqualTo(TokenFailure.PROOF_REPLAYED);
  }

  @Test
  void aRequestWithoutAProofIsToldSo() {
    assertThat(
            proofs.check(
                head("GET", "/orders", Map.of()),
                "https",
                "shop.example",
                TOKEN,
                jkt(CLIENT),
                NOW,
                SKEW))
        .isEqualTo(TokenFailure.PROOF_MISSING);
  }

  @Test
  void twoProofsAreNone() {
    String proof = CLIENT.sign(header(CLIENT), claims("id"));

    assertThat(
            proofs.check(
                head("GET", "/orders", Map.of("dpop", List.of(proof, proof))),
                "https",
                "shop.example",
                TOKEN,
                jkt(CLIENT),
                NOW,
                SKEW))
        .isEqualTo(TokenFailure.PROOF_INVALID);
    assertThat(check(proof + ", " + proof)).isEqualTo(TokenFailure.PROOF_INVALID);
  }

  private static Arguments of(String what, String from, String to) {
    return Arguments.of(what, from, to);
  }

  static Stream<Arguments> claims() {
    return Stream.of(
        of("no jti", "\"jti\"", "\"jt\""),
        of("jti empty", "\"jti\":\"id\"", "\"jti\":\"\""),
        of("jti a number", "\"jti\":\"id\"", "\"jti\":1"),
        of("jti long", "\"jti\":\"id\"", "\"jti\":\"" + "x".repeat(1025) + "\""),
        of("no htm", "\"htm\"", "\"ht\""),
        of("another method", "GET", "POST"),
        of("method in lower case", "GET", "get"),
        of("no htu", "\"htu\"", "\"ht\""),
        of("another path", "/orders", "/orders/1"),
        of("another host", "shop.example", "bank.example"),
        of("another port", "shop.example", "shop.example:8443"),
        of("another scheme", "https", "http"),
        of("a user", "https://", "https://x@"),
        of("no iat", "\"iat\"", "\"ia\""),
        of("iat a text", "\"iat\":1800000000", "\"iat\":\"1800000000\""),
        of("old", "\"iat\":1800000000", "\"iat\":1799999935"),
        of("of the future", "\"iat\":1800000000", "\"iat\":1800000006"),
        of("no ath", "\"ath\"", "\"at\""),
        of("another token", "\"ath\":\"", "\"ath\":\"AAAA"),
        of("a claim twice", "{", "{\"htm\":\"GET\","));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("claims")
  void aProofForSomethingElseIsRefused(String what, String from, String to) {
    String changed = claims("id").replaceFirst(from.replace("{", "\\{"), to);
    assertThat(changed).isNotEqualTo(claims("id"));

    assertThat(check(CLIENT.sign(header(CLIENT), changed)))
        .as(what)
        .isEqualTo(TokenFailure.PROOF_INVALID);
  }

  static Stream<Arguments> headers() {
    TestKey other = TestKey.of("ES384");
    return Stream.of(
        of("no typ", "\"typ\":\"dpop+jwt\",", ""),
        of("another typ", "dpop+jwt", "JWT"),
        of("alg none", "\"ES256\"", "\"none\""),
        of("HMAC", "\"ES256\"", "\"HS256\""),
        of("another alg", "\"ES256\"", "\"ES384\""),
        of("crit", "\"typ\"", "\"crit\":[\"x\"],\"typ\""),
        of("no jwk", "\"jwk\"", "\"jw\""),
        of("private jwk", "\"jwk\":{", "\"jwk\":{\"d\":\"AAAA\","),
        of("jwk for encryption", "\"jwk\":{", "\"jwk\":{\"use\":\"enc\","),
        of("jwk for something else", "\"jwk\":{", "\"jwk\":{\"key_ops\":[\"sign\"],"),
        of("jwk of another algorithm", "\"jwk\":{", "\"jwk\":{\"alg\":\"ES384\","),
        of("another key", CLIENT.members(), other.members()),
        of("jwk without y", "\"y\":\"", "\"z\":\""));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("headers")
  void aProofWithAnotherHeaderIsRefused(String what, String from, String to) {
    String changed = header(CLIENT).replace(from, to);
    assertThat(changed).isNotEqualTo(header(CLIENT));

    assertThat(check(CLIENT.sign(changed, claims("id"))))
        .as(what)
        .isEqualTo(TokenFailure.PROOF_INVALID);
  }

  @Test
  void aProofThatSomebodyElseHasSignedIsRefused() {
    String header = header(CLIENT);

    assertThat(check(TestKey.another("ES256").sign(header, claims("id"))))
        .isEqualTo(TokenFailure.PROOF_INVALID);
  }

  @Test
  void aProofWithItsOwnKeyIsNotOneOfTheTokensKey() {
    TestKey stranger = TestKey.another("ES256");

    assertThat(check(stranger.sign(header(stranger), claims("id"))))
        .isEqualTo(TokenFailure.PROOF_INVALID);
  }

  @Test
  void aRefusedProofIsNotUsed() {
    String proof = CLIENT.sign(header(CLIENT), claims("id"));
    HeadFields elsewhere = head("GET", "/elsewhere", Map.of("dpop", List.of(proof)));

    assertThat(proofs.check(elsewhere, "https", "shop.example", TOKEN, jkt(CLIENT), NOW, SKEW))
        .isEqualTo(TokenFailure.PROOF_INVALID);
    assertThat(check(proof)).isNull();
  }

  @Test
  void aProofNeedsTheNonceOfThisProcess() {
    String foreign = claims("id").replace(proofs.nonce(NOW), new DpopProofs().nonce(NOW));
    String none = claims("id").replace("\"nonce\"", "\"n\"");

    assertThat(check(CLIENT.sign(header(CLIENT), none))).isEqualTo(TokenFailure.PROOF_NONCE);
    assertThat(check(CLIENT.sign(header(CLIENT), foreign))).isEqualTo(TokenFailure.PROOF_NONCE);
    assertThat(check(CLIENT.sign(header(CLIENT), claims("id")))).isNull();
  }

  @Test
  void aNonceIsGoodFor150SecondsAtLeastAndFor300AtMost() {
    String nonce = proofs.nonce(NOW);
    for (long later : new long[] {0, 149_000}) {
      assertThat(check(proof("a" + later, nonce, NOW + later), NOW + later)).isNull();
    }
    assertThat(check(proof("b", nonce, NOW + 300_000), NOW + 300_000))
        .isEqualTo(TokenFailure.PROOF_NONCE);
    assertThat(check(proof("c", proofs.nonce(NOW + 300_000), NOW), NOW))
        .isEqualTo(TokenFailure.PROOF_NONCE);
  }

  private String proof(String id, String nonce, long at) {
    return CLIENT.sign(
        header(CLIENT),
        claims(id)
            .replace(proofs.nonce(NOW), nonce)
            .replace("\"iat\":" + NOW / 1000, "\"iat\":" + at / 1000));
  }

  @Test
  void withoutNoncesAnyNonceWillDo() {
    DpopProofs without = DpopProofs.withoutNonces();
    String proof = CLIENT.sign(header(CLIENT), claims("id").replace("\"nonce\"", "\"n\""));
    HeadFields request = head("GET", "/orders", Map.of("dpop", List.of(proof)));

    assertThat(without.nonceRequired()).isFalse();
    assertThat(without.check(request, "https", "shop.example", TOKEN, jkt(CLIENT), NOW, SKEW))
        .isNull();
  }
}
