package io.signetmesh.jwt;

import static io.signetmesh.jwt.TestTokens.CLAIMS;
import static io.signetmesh.jwt.TestTokens.NOW;
import static io.signetmesh.jwt.TestTokens.bytes;
import static io.signetmesh.jwt.TestTokens.compiled;
import static io.signetmesh.jwt.TestTokens.head;
import static io.signetmesh.jwt.TestTokens.message;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.signetmesh.v1.ClaimRule;
import io.signetmesh.v1.ClaimValue;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.JwtKeySet;
import io.signetmesh.v1.TokenForwarding;
import io.signetmesh.v1.TokenLocation;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class TokenFuzzTest {
  /** Of RFC 8037 appendix A, so that inputs that were kept mean the same in each run. */
  private static final String KEY =
      "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\","
          + "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

  private static final long MAX_NANOS = 2_000_000_000L;
  private static final TokenAuthentication AUTHENTICATION = compiled(rules());
  private static final DpopProofs PROOFS = DpopProofs.withoutNonces();
  private static final Thumbprint NOBODY = Thumbprint.of(new byte[32]);

  private static JwtAuthentication.Builder rules() {
    return message()
        .setKeySet(JwtKeySet.newBuilder().setJwks(KEY))
        .addLocations(TokenLocation.newBuilder().setCookie("t"))
        .addLocations(TokenLocation.newBuilder().setQueryParameter("t"))
        .addClaims(
            ClaimRule.newBuilder()
                .addPath("a")
                .addPath("b")
                .setNoneOf(
                    ClaimRule.Values.newBuilder()
                        .addValues(ClaimValue.newBuilder().setNumber("1"))
                        .addValues(ClaimValue.newBuilder().setText("x"))))
        .addClaims(ClaimRule.newBuilder().addPath("sub").setMatches("[a-z]*(x|y)+"))
        .setForwarding(
            TokenForwarding.newBuilder()
                .addClaims(TokenForwarding.ClaimHeader.newBuilder().addPath("a").setHeader("x-a")));
  }

  static Stream<Arguments> inputs() {
    String header = "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"typ\":\"JWT\"}";
    return Stream.of(
            header + CLAIMS + ",\"a\":{\"b\":[1,\"x\",null]}}",
            "{\"alg\":\"none\"}{}",
            "{\"alg\":\"EdDSA\",\"crit\":[]}{\"exp\":1e99}",
            "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\","
                + "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                + "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}}{\"jti\":\"a\",\"htm\":\"GET\","
                + "\"htu\":\"https://a/%2e/../b?c\",\"iat\":1800000000,\"ath\":\"AA\"}")
        .map(text -> Arguments.of((Object) text.getBytes(StandardCharsets.UTF_8)));
  }

  /**
   * The bytes as header and claims, and as a whole token: nobody has the key, so nothing passes.
   * Nothing throws, and nothing takes long.
   */
  @MethodSource("inputs")
  @FuzzTest(maxDuration = "10m")
  void bytesOfHeaderAndClaims(byte[] input) {
    long begun = ThreadCpu.nanos();
    int split = header(input);
    Base64.Encoder encoder = Base64.getUrlEncoder().withoutPadding();
    String token =
        encoder.encodeToString(java.util.Arrays.copyOf(input, split))
            + "."
            + encoder.encodeToString(java.util.Arrays.copyOfRange(input, split, input.length))
            + "."
            + "A".repeat(86);
    refused(bytes(token));
    refused(input);
    String text = new String(input, StandardCharsets.ISO_8859_1);
    HeadFields head =
        head(
            "GET",
            "/?" + text,
            Map.of(
                "authorization", List.of(text), "cookie", List.of(text), "dpop", List.of(token)));
    if (TokenFinder.find(AUTHENTICATION, head) instanceof FoundToken.One(byte[] found)) {
      refused(found);
    }
    Cookies.without(text, "t");
    QueryParameters.without("/?" + text, "t");
    if (PROOFS.check(head, "https", "a", bytes("t"), NOBODY, NOW, Duration.ZERO) == null) {
      throw new AssertionError("a proof that nobody has signed is accepted");
    }
    if (ThreadCpu.nanos() - begun > MAX_NANOS) {
      throw new AssertionError("took CPU time of " + (ThreadCpu.nanos() - begun) + " ns");
    }
  }

  /** Where the first object ends, about. */
  private static int header(byte[] input) {
    int depth = 0;
    for (int i = 0; i < input.length; i++) {
      if (input[i] == '{') {
        depth++;
      } else if (input[i] == '}' && --depth == 0) {
        return i + 1;
      }
    }
    return input.length / 2;
  }

  private static void refused(byte[] token) {
    TokenResult result = AUTHENTICATION.verify(token);
    TokenResult logged = AUTHENTICATION.verify(token, (name, passed, detail) -> {});
    if (result.failure() == null || result.failureAt(NOW) == null || result.principal() != null) {
      throw new AssertionError("a token that nobody has signed is accepted");
    }
    if (logged.failure() != result.failure()) {
      throw new AssertionError(
          result.failure() + " without a log, " + logged.failure() + " with one");
    }
    String detail = String.valueOf(result.detail());
    String text = new String(token, StandardCharsets.ISO_8859_1);
    if (text.length() > 64 && detail.contains(text)) {
      throw new AssertionError("the detail holds the token");
    }
    for (int i = 0; i < detail.length(); i++) {
      if (Character.isISOControl(detail.charAt(i))) {
        throw new AssertionError("the detail has a control character");
      }
    }
  }
}
