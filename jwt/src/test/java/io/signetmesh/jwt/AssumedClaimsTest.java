package io.signetmesh.jwt;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.v1.JwtKeySet;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Claims that are taken as signed: all checks but that of the signature. */
final class AssumedClaimsTest {
  /** Nobody has the keys. */
  private final TokenAuthentication authentication =
      TestTokens.compiled(
          TestTokens.message().setKeySet(JwtKeySet.newBuilder().setUnavailable("none yet")));

  private TokenResult assume(@Nullable String header, String claims) {
    return authentication.assume(
        header == null ? null : header.getBytes(StandardCharsets.UTF_8),
        claims.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void goodClaimsPassWithoutKeys() {
    TokenResult result = assume(null, TestTokens.CLAIMS + "}");
    assertThat(result.failureAt(TestTokens.NOW)).isNull();
    assertThat(result.principal()).isNotNull();
  }

  @Test
  void claimsAreCheckedAsOfASignedToken() {
    assertThat(assume(null, TestTokens.CLAIMS.replace("issuer.", "other.") + "}").failure())
        .isEqualTo(TokenFailure.ISSUER);
    assertThat(assume(null, TestTokens.CLAIMS.replace("\"shop\"", "\"api\"") + "}").failure())
        .isEqualTo(TokenFailure.AUDIENCE);
    assertThat(assume(null, "{\"iss\":1}").failure()).isEqualTo(TokenFailure.MALFORMED);
    assertThat(assume(null, "[]").failure()).isEqualTo(TokenFailure.MALFORMED);
    assertThat(assume(null, "{\"iss\":\"a\",\"iss\":\"b\"}").failure())
        .isEqualTo(TokenFailure.MALFORMED);
  }

  @Test
  void timesCountAndTheEndOfKeysDoesNot() {
    TokenResult result = assume(null, TestTokens.CLAIMS + "}");
    assertThat(result.failureAt(TestTokens.NOW + 359_999)).isNull();
    assertThat(result.failureAt(TestTokens.NOW + 360_000)).isEqualTo(TokenFailure.EXPIRED);
  }

  @Test
  void aHeaderIsCheckedWhereThereIsOne() {
    assertThat(assume("{\"alg\":\"ES256\"}", TestTokens.CLAIMS + "}").failure()).isNull();
    assertThat(assume("{\"alg\":\"HS256\"}", TestTokens.CLAIMS + "}").failure())
        .isEqualTo(TokenFailure.ALGORITHM);
    assertThat(assume("{\"alg\":\"ES256\",\"crit\":[\"exp\"]}", TestTokens.CLAIMS + "}").failure())
        .isEqualTo(TokenFailure.CRITICAL_HEADER);
    assertThat(
            assume("{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\"}", TestTokens.CLAIMS + "}").failure())
        .isEqualTo(TokenFailure.TYPE);
    assertThat(assume("{}", TestTokens.CLAIMS + "}").failure()).isEqualTo(TokenFailure.MALFORMED);
  }

  @Test
  void aTimeIsToldBesideAnotherFailure() {
    TokenResult result = assume(null, TestTokens.CLAIMS.replace("\"shop\"", "\"api\"") + "}");
    assertThat(result.failureAt(TestTokens.NOW + 400_000)).isEqualTo(TokenFailure.AUDIENCE);
    assertThat(result.timeFailureAt(TestTokens.NOW)).isNull();
    assertThat(result.timeDetailAt(TestTokens.NOW)).isNull();
    assertThat(result.timeFailureAt(TestTokens.NOW + 400_000)).isEqualTo(TokenFailure.EXPIRED);
    assertThat(result.timeDetailAt(TestTokens.NOW + 400_000))
        .isEqualTo("exp has ended, 40 s beyond what is tolerated");
  }
}
