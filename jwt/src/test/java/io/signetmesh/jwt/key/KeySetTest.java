package io.signetmesh.jwt.key;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.jwt.jose.Base64Url;
import io.signetmesh.jwt.key.KeyFinding.Kind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class KeySetTest {
  private static final String X = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
  private static final String Y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
  private static final String POINT =
      "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" + X + "\",\"y\":\"" + Y + "\"";
  private static final String EDWARDS =
      "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"";
  private static final String GOOD = "{\"kid\":\"good\"," + POINT + "}";

  private static String set(String... keys) {
    return "{\"keys\":[" + String.join(",", keys) + "]}";
  }

  private static String rsa(BigInteger modulus, BigInteger exponent) {
    return "{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\""
        + Base64Url.encode(unsigned(modulus))
        + "\",\"e\":\""
        + Base64Url.encode(unsigned(exponent))
        + "\"}";
  }

  private static byte[] unsigned(BigInteger number) {
    byte[] bytes = number.toByteArray();
    return bytes[0] == 0 && bytes.length > 1
        ? java.util.Arrays.copyOfRange(bytes, 1, bytes.length)
        : bytes;
  }

  /** An odd number of so many bits. */
  private static BigInteger modulus(int bits) {
    return new BigInteger(bits, new Random(7)).setBit(bits - 1).setBit(0);
  }

  private static final BigInteger F4 = BigInteger.valueOf(65537);

  private static Arguments bad(String jwk, String reason) {
    return Arguments.of(jwk, Kind.BAD, reason);
  }

  private static Arguments ignored(String jwk, String reason) {
    return Arguments.of(jwk, Kind.IGNORED, reason);
  }

  private static String ed25519(String hex) {
    byte[] bytes = java.util.HexFormat.of().parseHex(hex);
    return "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" + Base64Url.encode(bytes) + "\"}";
  }

  static Stream<Arguments> unusable() {
    return Stream.of(
        bad("7", "is no JSON object"),
        bad("null", "is no JSON object"),
        bad("{}", "kty is missing"),
        bad("{\"kty\":1}", "kty is no text"),
        bad("{" + POINT + ",\"kty\":\"EC\"}", "a member is there twice"),
        bad("{" + POINT + ",\"kid\":5}", "kid is no text"),
        bad("{" + POINT + ",\"kid\":\"" + "x".repeat(257) + "\"}", "kid of 257 characters"),
        bad("{" + POINT + ",\"use\":[\"sig\"]}", "use is no text"),
        bad("{" + POINT + ",\"key_ops\":\"verify\"}", "key_ops is no array"),
        bad("{" + POINT + ",\"alg\":\"ES384\"}", "alg is ES384, which has other keys"),
        bad("{" + POINT + ",\"alg\":\"RS256\"}", "alg is RS256, which has other keys"),
        bad("{" + POINT + ",\"d\":\"AA\"}", "has the private part d"),
        bad("{\"kty\":\"oct\",\"k\":\"AA\",\"alg\":\"HS256\"}", "a symmetric key"),
        bad("{\"kty\":\"oct\",\"alg\":\"HS256\"}", "a symmetric key"),
        bad("{" + POINT.replace(Y, X) + "}", "x and y are no point of P-256"),
        bad("{" + POINT.replace(Y, "A".repeat(43)) + "}", "x and y are no point of P-256"),
        bad("{" + POINT.replace("P-256", "P-384") + "}", "x of 32 bytes: expected 48"),
        bad("{" + POINT.replace(Y, Y + "=") + "}", "y is not base64url without padding"),
        bad("{" + POINT.replace(Y, Y.replace('_', '/')) + "}", "y is not base64url"),
        bad("{" + POINT.replace("\"y\"", "\"z\"") + "}", "y is missing"),
        bad("{" + EDWARDS.replace("11qY", "") + "}", "x of 29 bytes: expected 32"),
        bad(rsa(modulus(1024), F4), "RSA modulus of 1024 bits: expected 2048 to 8192"),
        bad(rsa(modulus(2047), F4), "RSA modulus of 2047 bits"),
        bad(rsa(modulus(8193), F4), "RSA modulus of 8193 bits"),
        bad(rsa(modulus(65_536), F4), "RSA modulus of 65536 bits"),
        bad(rsa(modulus(2048).clearBit(0), F4), "RSA modulus is even"),
        bad(rsa(modulus(2048), BigInteger.ONE), "RSA exponent 1"),
        bad(rsa(modulus(2048), BigInteger.ZERO), "RSA exponent 0"),
        bad(rsa(modulus(2048), BigInteger.TWO), "RSA exponent 2"),
        bad(rsa(modulus(2048), BigInteger.valueOf(65536)), "RSA exponent 65536"),
        bad(rsa(modulus(2048), modulus(2047)), "RSA exponent of 2047 bits"),
        bad(
            rsa(modulus(2048), BigInteger.ONE.shiftLeft(32).add(BigInteger.ONE)),
            "RSA exponent of 33"),
        // The points of small order of Ed25519, and one above the prime.
        bad(ed25519("00".repeat(32)), "weak"),
        bad(ed25519("01" + "00".repeat(31)), "weak"),
        bad(ed25519("01" + "00".repeat(30) + "80"), "weak"),
        bad(ed25519("ec" + "ff".repeat(30) + "7f"), "weak"),
        bad(ed25519("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "weak"),
        bad(ed25519("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "weak"),
        bad(ed25519("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"), "weak"),
        bad(ed25519("ee" + "ff".repeat(30) + "7f"), "weak"),
        bad(ed25519("02" + "00".repeat(31)), "no public key"),
        ignored("{" + POINT + ",\"use\":\"enc\"}", "use is \"enc\", not \"sig\""),
        ignored("{" + POINT + ",\"key_ops\":[\"sign\"]}", "key_ops has no \"verify\""),
        ignored("{" + POINT + ",\"alg\":\"ECDH-ES\"}", "alg is \"ECDH-ES\""),
        ignored("{" + POINT + ",\"alg\":\"HS256\"}", "alg is \"HS256\""),
        ignored("{" + POINT.replace("P-256", "secp256k1") + "}", "curve \"secp256k1\""),
        ignored(
            "{" + EDWARDS.replace("Ed25519", "X25519") + "}", "curve \"X25519\": expected Ed25519"),
        ignored("{\"kty\":\"AKP\"}", "kty is \"AKP\": expected EC, RSA or OKP"),
        ignored("{\"kty\":\"a\\n\\u202eb\"}", "kty is \"a??b\""));
  }

  @ParameterizedTest
  @MethodSource("unusable")
  void aKeyThatCannotBeUsedSpoilsNoOther(String jwk, Kind kind, String reason) throws Exception {
    KeySet keys = KeySet.parse(set(jwk, GOOD));

    assertThat(keys.size()).isOne();
    assertThat(keys.knows("good")).isTrue();
    assertThat(keys.findings())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.index()).isZero();
              assertThat(finding.reason()).contains(reason);
              assertThat(finding.kind()).isEqualTo(kind);
            });
    assertThat(keys.reduced()).isEqualTo(KeySet.parse(set(GOOD)).reduced());
  }

  @ParameterizedTest
  @ValueSource(ints = {2048, 3072, 4096, 8192})
  void rsaKeysOf2048To8192BitsAreUsed(int bits) throws Exception {
    assertThat(KeySet.parse(set(rsa(modulus(bits), F4))).findings()).isEmpty();
    assertThat(KeySet.parse(set(rsa(modulus(bits), BigInteger.valueOf(3)))).size()).isOne();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "x",
        "[]",
        "{}",
        "null",
        "{\"keys\":{}}",
        "{\"keys\":null}",
        "{\"keys\":[],\"keys\":[]}",
        "{\"keys\":[]} {}",
        "{\"keys\":[],}",
        "\uFEFF{\"keys\":[]}",
        "{\"keys\":[\"\\ud800\"]}",
        "<html></html>"
      })
  void whatIsNoKeySetIsRefused(String text) {
    assertThatThrownBy(() -> KeySet.parse(text))
        .isInstanceOf(InvalidKeySetException.class)
        .hasMessageStartingWith("key set");
  }

  @Test
  void aKeySetIsBounded() throws Exception {
    assertThatThrownBy(() -> KeySet.parse(" ".repeat(KeySet.MAX_TEXT + 1)))
        .hasMessageContaining("262145 characters");
    assertThatThrownBy(() -> KeySet.parse("[".repeat(200_000))).hasMessageContaining("not JSON");

    String many =
        IntStream.range(0, KeySet.MAX_KEYS + 5)
            .mapToObj(i -> "{\"kid\":\"" + i + "\"," + POINT + "}")
            .collect(Collectors.joining(",", "{\"keys\":[", "]}"));
    KeySet keys = KeySet.parse(many);
    assertThat(keys.size()).isEqualTo(KeySet.MAX_KEYS);
    assertThat(keys.findings())
        .singleElement()
        .hasToString("key 256: and all after it: a set has at most 256 keys");
  }

  @Test
  void aTokenWithoutKeyIdIsTriedWithEightKeysAtMost() throws Exception {
    String many =
        IntStream.range(0, 20)
            .mapToObj(i -> "{\"kid\":\"" + i + "\"," + POINT + "}")
            .collect(Collectors.joining(",", "{\"keys\":[", "]}"));

    assertThat(KeySet.parse(many).candidates(null, SignatureAlgorithm.ES256)).hasSize(8);
    assertThat(KeySet.parse(many).candidates("19", SignatureAlgorithm.ES256)).hasSize(1);
    assertThat(KeySet.parse(many).candidates("20", SignatureAlgorithm.ES256)).isEmpty();
    assertThat(KeySet.parse(many).candidates(null, SignatureAlgorithm.ES384)).isEmpty();
  }

  @Test
  void twoKeysWithOneKeyIdAreBothTried() throws Exception {
    KeySet keys =
        KeySet.parse(
            set(
                GOOD,
                "{\"kid\":\"good\"," + EDWARDS + "}",
                "{\"kid\":\"good\",\"alg\":\"ES256\"," + POINT + "}"));

    assertThat(keys.size()).isEqualTo(3);
    assertThat(keys.candidates("good", SignatureAlgorithm.ES256)).hasSize(2);
    assertThat(keys.candidates("good", SignatureAlgorithm.EdDSA)).hasSize(1);
  }

  @Test
  void theReducedSetIsTheSameForTheSameKeys() throws Exception {
    List<String> keys =
        new ArrayList<>(
            List.of(
                "{\"kid\":\"a\"," + POINT + ",\"x5c\":[\"AAAA\"],\"nbf\":1,\"use\":\"sig\"}",
                "{ " + EDWARDS + ", \"kid\" : \"\\u0062\", \"alg\" : \"Ed25519\" }",
                rsa(modulus(2048), F4)));
    KeySet first = KeySet.parse(set(keys.toArray(String[]::new)));
    Collections.reverse(keys);
    KeySet second =
        KeySet.parse(
            "{\"x\":1,\"keys\":[" + String.join(" , ", keys) + "," + keys.getFirst() + "]}");

    assertThat(second).isEqualTo(first).hasSameHashCodeAs(first);
    assertThat(first.reduced())
        .doesNotContain("x5c", "nbf", " ")
        .contains("\"alg\":\"EdDSA\"", "\"kid\":\"b\"");
    assertThat(KeySet.parse(first.reduced())).isEqualTo(first);
    assertThat(KeySet.parse(first.reduced()).findings()).isEmpty();
    assertThat(KeySet.parse(set(GOOD))).isNotEqualTo(first);
  }

  /** Some libraries write numbers with a zero before them. */
  @Test
  void anRsaKeyWithAZeroBeforeItIsTheSameKey() throws Exception {
    String plain = rsa(modulus(2048), F4);
    String zero =
        "{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\""
            + Base64Url.encode(modulus(2048).toByteArray())
            + "\",\"e\":\"AAEAAQ\"}";

    assertThat(KeySet.parse(set(zero)).findings()).isEmpty();
    assertThat(KeySet.parse(set(zero))).isEqualTo(KeySet.parse(set(plain)));
  }

  @Test
  void aFindingShowsTheKeyIdWithoutItsControlCharacters() throws Exception {
    KeySet keys = KeySet.parse(set("{\"kid\":\"a\\nb\\u001b" + "x".repeat(100) + "\"}"));

    assertThat(keys.findings())
        .singleElement()
        .satisfies(finding -> assertThat(finding.keyId()).startsWith("a?b?xxx").hasSize(64));
  }
}
