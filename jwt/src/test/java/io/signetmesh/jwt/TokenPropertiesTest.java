package io.signetmesh.jwt;

import static io.signetmesh.jwt.TestTokens.CLAIMS;
import static io.signetmesh.jwt.TestTokens.NOW;
import static io.signetmesh.jwt.TestTokens.bytes;
import static io.signetmesh.jwt.TestTokens.compiled;
import static io.signetmesh.jwt.TestTokens.message;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

class TokenPropertiesTest {
  private static final List<TestKey> KEYS =
      List.of(TestKey.of("ES256"), TestKey.of("RS256"), TestKey.of("PS256"), TestKey.of("EdDSA"));
  private static final TokenAuthentication AUTHENTICATION =
      compiled(message(KEYS.toArray(TestKey[]::new)));
  private static final List<byte[]> TOKENS =
      KEYS.stream().map(key -> bytes(key.token(CLAIMS + "}"))).toList();

  @Provide
  Arbitrary<byte[]> tokens() {
    return Arbitraries.of(TOKENS);
  }

  @Property(tries = 2000)
  void aTokenWithAnotherBitIsRefused(
      @ForAll("tokens") byte[] token, @ForAll @IntRange(max = Integer.MAX_VALUE - 1) int at) {
    byte[] changed = token.clone();
    int bit = at % (token.length * 8);
    changed[bit / 8] ^= (byte) (1 << bit % 8);

    assertThat(AUTHENTICATION.verify(changed).failureAt(NOW)).isNotNull();
    assertThat(AUTHENTICATION.verify(token).failureAt(NOW)).isNull();
  }

  @Property(tries = 500)
  void aTokenThatIsCutOrLongerIsRefused(
      @ForAll("tokens") byte[] token, @ForAll @IntRange(max = 2000) int length) {
    byte[] changed = Arrays.copyOf(token, length);

    assertThat(AUTHENTICATION.verify(changed).failureAt(NOW) == null)
        .isEqualTo(length == token.length);
  }

  @Property(tries = 500)
  void partsOfTwoTokensAreNoToken(@ForAll("tokens") byte[] one, @ForAll("tokens") byte[] other) {
    String[] left = new String(one, java.nio.charset.StandardCharsets.US_ASCII).split("\\.");
    String[] right = new String(other, java.nio.charset.StandardCharsets.US_ASCII).split("\\.");

    for (String mixed :
        List.of(
            left[0] + "." + left[1] + "." + right[2], right[0] + "." + left[1] + "." + left[2])) {
      assertThat(AUTHENTICATION.verify(bytes(mixed)).failureAt(NOW) == null)
          .isEqualTo(one == other);
    }
  }

  @Property(tries = 1000)
  void anyBytesAreRefusedWithoutAnException(@ForAll byte[] bytes) {
    assertThat(AUTHENTICATION.verify(bytes).failureAt(NOW)).isEqualTo(TokenFailure.MALFORMED);
  }
}
