package io.signetmesh.jwt;

import static io.signetmesh.jwt.TestTokens.bytes;
import static io.signetmesh.jwt.TestTokens.compiled;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.jwt.jose.Base64Url;
import io.signetmesh.jwt.jose.CompactJws;
import io.signetmesh.jwt.jose.JsonValue;
import io.signetmesh.jwt.jose.StrictJson;
import io.signetmesh.jwt.key.KeySet;
import io.signetmesh.jwt.key.SignatureAlgorithm;
import io.signetmesh.jwt.key.VerificationKey;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.JwtKeySet;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Examples of the RFCs come out as the RFCs say. */
class RfcVectorsTest {
  private static final String RSA_7515 =
      "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp"
          + "-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGz"
          + "jb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD"
          + "Zlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9g"
          + "b54h4FRWyuXpoQ\",\"e\":\"AQAB\"}";

  private static final String P256_7515 =
      "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
          + "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";

  private static final String P521_7515 =
      "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EO"
          + "nYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk\",\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2T"
          + "h-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\"}";

  private static final String RSA_7520 =
      "{\"kty\":\"RSA\",\"kid\":\"bilbo.baggins@hobbiton.example\",\"use\":\"sig\",\"n\":\"n4EPtAOCc9Alke"
          + "QHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSF"
          + "KrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E"
          + "6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuC"
          + "LqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw\",\"e\":\"AQAB\"}";

  private static final String P521_7520 =
      "{\"kty\":\"EC\",\"kid\":\"bilbo.baggins@hobbiton.example\",\"use\":\"sig\",\"crv\":\"P-521\",\"x\":\"AH"
          + "KZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt\","
          + "\"y\":\"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-"
          + "HqHZR1\"}";

  private static final String ED25519_8037 =
      "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";

  /** Of RFC 7515 appendix A: {"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}. */
  private static final String JOE =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
          + "fQ";

  private static final String BILBO =
      "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250"
          + "byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcg"
          + "d2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";

  private static final String RS256_7515 =
      "eyJhbGciOiJSUzI1NiJ9."
          + JOE
          + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O"
          + "8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPv"
          + "kSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phC"
          + "nvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

  private static final String ES256_7515 =
      "eyJhbGciOiJFUzI1NiJ9."
          + JOE
          + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

  private static final String ES512_7515 =
      "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-m"
          + "ZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcn"
          + "wNrmxYbSW9ERBXukOXolLzeO_Jn";

  private static final String RS256_7520 =
      "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9."
          + BILBO
          + ".MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp"
          + "83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUC"
          + "TJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U"
          + "12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg";

  private static final String PS384_7520 =
      "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9."
          + BILBO
          + ".cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCd"
          + "P6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdN"
          + "qiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_"
          + "2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw";

  private static final String ES512_7520 =
      "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9."
          + BILBO
          + ".AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1"
          + "eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9x"
          + "Q2";

  private static final String EDDSA_8037 =
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg"
          + "3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

  /** Of RFC 9449 section 7.1, figure 13: GET https://resource.example.org/protectedresource. */
  private static final String PROOF_9449 =
      "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo"
          + "UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5"
          + "VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0V"
          + "UIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU"
          + "2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP"
          + "35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";

  /** Of RFC 9449 section 4.1, figure 2: a request to a token endpoint, without a token. */
  private static final String TOKENLESS_PROOF_9449 =
      "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo"
          + "UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5"
          + "VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9"
          + "TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-Gx"
          + "A6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";

  private static final byte[] TOKEN_9449 = bytes("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");
  private static final String JKT_9449 = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

  static Stream<Arguments> signatures() {
    return Stream.of(
        Arguments.of("RFC 7515 A.2", RS256_7515, RSA_7515, SignatureAlgorithm.RS256),
        Arguments.of("RFC 7515 A.3", ES256_7515, P256_7515, SignatureAlgorithm.ES256),
        Arguments.of("RFC 7515 A.4", ES512_7515, P521_7515, SignatureAlgorithm.ES512),
        Arguments.of("RFC 7520 4.1", RS256_7520, RSA_7520, SignatureAlgorithm.RS256),
        Arguments.of("RFC 7520 4.2", PS384_7520, RSA_7520, SignatureAlgorithm.PS384),
        Arguments.of("RFC 7520 4.3", ES512_7520, P521_7520, SignatureAlgorithm.ES512),
        Arguments.of("RFC 8037 A.4", EDDSA_8037, ED25519_8037, SignatureAlgorithm.EdDSA));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("signatures")
  void aSignatureIsVerified(String what, String jws, String jwk, SignatureAlgorithm algorithm)
      throws Exception {
    VerificationKey key = key(jwk);

    assertThat(key.verifies(CompactJws.parse(bytes(jws)), algorithm)).as(what).isTrue();
    int payload = jws.indexOf('.') + 1;
    char other = jws.charAt(payload) == 'A' ? 'B' : 'A';
    String changed = jws.substring(0, payload) + other + jws.substring(payload + 1);
    assertThat(key.verifies(CompactJws.parse(bytes(changed)), algorithm)).as(what).isFalse();
  }

  static Stream<Arguments> thumbprints() {
    return Stream.of(
        Arguments.of(
            "RFC 7638 3.1",
            "{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu"
                + "1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_"
                + "RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1"
                + "n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-c"
                + "sFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}",
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        Arguments.of("RFC 8037 A.3", ED25519_8037, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        Arguments.of(
            "RFC 9449 6.1",
            "{\"kty\":\"EC\",\"x\":\"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs\","
                + "\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA\",\"crv\":\"P-256\"}",
            JKT_9449));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("thumbprints")
  void aThumbprintIsComputed(String what, String jwk, String thumbprint) throws Exception {
    assertThat(TestKey.base64(key(jwk).thumbprint())).as(what).isEqualTo(thumbprint);
  }

  @Test
  void theTokenOfRfc7515IsGoodUntilItEnds() {
    for (String[] example :
        List.of(new String[] {RSA_7515, RS256_7515}, new String[] {P256_7515, ES256_7515})) {
      TokenResult result = joe(example[0]).verify(bytes(example[1]));

      assertThat(result.failureAt(1_300_819_379_999L)).isNull();
      assertThat(result.failureAt(1_300_819_380_000L)).isEqualTo(TokenFailure.EXPIRED);
    }
  }

  @Test
  void unsecuredTokensOfRfc7515AndRfc7519AreRefused() {
    assertThat(joe(RSA_7515).verify(bytes("eyJhbGciOiJub25lIn0." + JOE + ".")).failure())
        .isEqualTo(TokenFailure.ALGORITHM);
  }

  @Test
  void theHmacTokenOfRfc7515AndRfc7519IsRefused() {
    String token =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
            + JOE
            + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    assertThat(joe(RSA_7515).verify(bytes(token)).failure()).isEqualTo(TokenFailure.ALGORITHM);
  }

  @Test
  void ofTheKeySetOfRfc7517OnlyTheKeyForSignaturesIsUsed() throws Exception {
    String set =
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
            + "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\",\"use\":\"enc\",\"kid\":\"1\"},"
            + RSA_7515.replace("}", ",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}")
            + "]}";

    KeySet keys = KeySet.parse(set);

    assertThat(keys.size()).isOne();
    assertThat(keys.knows("2011-04-29")).isTrue();
    assertThat(keys.findings())
        .singleElement()
        .hasToString("key 0 (\"1\"): use is \"enc\", not \"sig\"");
  }

  @Test
  void privateAndSymmetricKeysOfRfc7517AreRefused() throws Exception {
    String set =
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
            + "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\","
            + "\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\",\"use\":\"sig\",\"kid\":\"1\"},"
            + "{\"kty\":\"oct\",\"alg\":\"A128KW\",\"k\":\"GawgguFyGrWKav7AX4VKUg\"}]}";

    KeySet keys = KeySet.parse(set);

    assertThat(keys.isEmpty()).isTrue();
    assertThat(keys.findings()).hasSize(2);
    assertThat(keys.reduced()).isEqualTo("{\"keys\":[]}");
  }

  @Test
  void theCertificateOfTheTokenOfRfc8705IsRead() {
    String digest = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2";
    TestKey key = TestKey.of("ES256");
    TokenAuthentication authentication =
        compiled(
            TestTokens.message(key)
                .setIssuer("https://server.example.com")
                .clearAudiences()
                .setAnyAudience(true)
                .setBoundTo(JwtAuthentication.Binding.BINDING_CERTIFICATE));
    String claims =
        "{\"iss\":\"https://server.example.com\",\"sub\":\"ty.webb@example.com\",\"exp\":1493726400,"
            + "\"nbf\":1493722800,\"cnf\":{\"x5t#S256\":\"%s\"}}";

    TokenResult result = authentication.verify(bytes(key.token(claims.formatted(digest))));

    assertThat(result.failureAt(1_493_722_800_000L)).isNull();
    assertThat(result.failureAt(1_493_722_739_999L)).isEqualTo(TokenFailure.NOT_YET_VALID);
    // The RFC's text has bits that do not count.
    assertThat(result.certificate())
        .isNotNull()
        .hasToString(digest.substring(0, digest.length() - 1) + "0");
  }

  @Test
  void theProofOfRfc9449IsGoodForItsRequestAndToken() {
    DpopProofs proofs = DpopProofs.withoutNonces();

    assertThat(check(proofs, PROOF_9449, "GET", "/protectedresource", 1_562_262_618_000L)).isNull();
    assertThat(check(proofs, PROOF_9449, "GET", "/protectedresource", 1_562_262_619_000L))
        .isEqualTo(TokenFailure.PROOF_REPLAYED);
    assertThat(check(proofs, PROOF_9449, "POST", "/protectedresource", 1_562_262_618_000L))
        .isEqualTo(TokenFailure.PROOF_INVALID);
    assertThat(check(proofs, PROOF_9449, "GET", "/protected", 1_562_262_618_000L))
        .isEqualTo(TokenFailure.PROOF_INVALID);
    assertThat(check(proofs, PROOF_9449, "GET", "/protectedresource", 1_562_262_700_000L))
        .isEqualTo(TokenFailure.PROOF_INVALID);
  }

  @Test
  void theProofOfRfc9449WithoutATokenIsRefused() {
    assertThat(
            DpopProofs.withoutNonces()
                .check(
                    TestTokens.head(
                        "POST", "/token", Map.of("dpop", List.of(TOKENLESS_PROOF_9449))),
                    "https",
                    "server.example.com",
                    TOKEN_9449,
                    jkt(),
                    1_562_262_616_000L,
                    Duration.ZERO))
        .isEqualTo(TokenFailure.PROOF_INVALID);
  }

  private static @Nullable TokenFailure check(
      DpopProofs proofs, String proof, String method, String path, long now) {
    return proofs.check(
        TestTokens.head(method, path, Map.of("dpop", List.of(proof))),
        "https",
        "resource.example.org",
        TOKEN_9449,
        jkt(),
        now,
        Duration.ZERO);
  }

  private static Thumbprint jkt() {
    byte[] bytes = Base64Url.decode(JKT_9449);
    if (bytes == null) {
      throw new AssertionError("not base64url");
    }
    return Thumbprint.of(bytes);
  }

  private static TokenAuthentication joe(String jwk) {
    return compiled(
        TestTokens.message()
            .setIssuer("joe")
            .clearAudiences()
            .setAnyAudience(true)
            .clearClockSkew()
            .setKeySet(JwtKeySet.newBuilder().setJwks("{\"keys\":[" + jwk + "]}")));
  }

  private static VerificationKey key(String jwk) throws Exception {
    return VerificationKey.read((JsonValue.Members) StrictJson.parse(bytes(jwk)));
  }
}
