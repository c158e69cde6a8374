package io.signetmesh.identity.jwt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.signetmesh.identity.pki.JwtAuthority;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.interfaces.ECPrivateKey;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JwtSvidTest {
  private static final Instant NOW = Instant.parse("2026-11-28T12:00:00Z");
  private static final String WEB = "spiffe://cluster.local/ns/shop/sa/web";

  private final KeyPair key = PrivateKeys.generate();
  private final TrustBundle bundle =
      new TrustBundle(
          1,
          "cluster.local",
          TestPki.create("test").trust().anchors(),
          List.of(new JwtAuthority("k1", key.getPublic())));

  @Test
  void aTokenOfItsTrustDomainForTheAudienceIsTaken() throws Exception {
    JwtSvid svid = verify(token(claims -> {}));

    assertThat(svid.subject().toString()).isEqualTo(WEB);
    assertThat(svid.claims()).containsEntry("sub", WEB).containsKey("exp");
  }

  @Test
  void aTokenForAnotherAudienceIsRefused() throws Exception {
    refused(token(claims -> claims.audience("others")), "is not for audience \"payments\"");
    refused(token(claims -> claims.audience((String) null)), "is not for audience");
  }

  @Test
  void aTokenThatHasExpiredOrNeverEndsIsRefused() throws Exception {
    refused(token(claims -> claims.expirationTime(Date.from(NOW))), "expired at");
    refused(token(claims -> claims.expirationTime(null)), "has no end (exp)");
  }

  @Test
  void aTokenOfAnotherTrustDomainIsRefusedAlthoughAKnownKeySignedIt() throws Exception {
    refused(
        token(claims -> claims.subject("spiffe://other.example/web")),
        "is of trust domain other.example: unknown here");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "web",
        "https://cluster.local/web",
        "spiffe://CLUSTER.local/web",
        "spiffe://cluster.local/../web",
        "spiffe://cluster.local/web/",
        "spiffe://cluster.local//web",
        "spiffe://user@cluster.local/web",
        "spiffe://cluster.local/we%62"
      })
  void aSubjectThatIsNoSpiffeIdIsRefused(String subject) throws Exception {
    refused(token(claims -> claims.subject(subject)), "has no SPIFFE id as subject");
  }

  @Test
  void aKeyThatTheTrustDomainDoesNotHaveIsRefused() throws Exception {
    refused(sign(header("k2").build(), PrivateKeys.generate()), "which is none of cluster.local");
    refused(sign(header("k1").build(), PrivateKeys.generate()), "does not verify");
    refused(sign(header(null).build(), key), "has no key id (kid)");
  }

  @Test
  void aTokenThatIsSignedWithASharedSecretOrNotAtAllIsRefused() throws Exception {
    SignedJWT shared =
        new SignedJWT(
            new JWSHeader.Builder(JWSAlgorithm.HS256).keyID("k1").build(), claims().build());
    shared.sign(new MACSigner(key.getPublic().getEncoded()));
    refused(shared.serialize(), "is signed with \"HS256\"");

    String[] parts = token(claims -> {}).split("\\.");
    String none = "eyJhbGciOiJub25lIiwia2lkIjoiazEifQ";
    refused(none + "." + parts[1] + ".", "is not a signed JWT");
  }

  @Test
  void anotherTypeThanJwtIsRefused() throws Exception {
    refused(
        sign(header("k1").type(new JOSEObjectType("at+jwt")).build(), key),
        "has typ \"at+jwt\": expected JWT or JOSE");
  }

  @Test
  void oneTokenHasOneText() throws Exception {
    String token = token(claims -> {});

    refused(token + "=", "is not a signed JWT");
    refused(" " + token, "is not a signed JWT");
    refused("", "has 0 characters");
    refused("a".repeat(20_000), "has 20000 characters");
  }

  @Test
  void theKeySetIsReadByOthers() throws Exception {
    String json = new String(JwtKeySet.encode(bundle.jwtAuthorities()), StandardCharsets.UTF_8);

    var read = JWKSet.parse(json).getKeys();
    assertThat(read).hasSize(1);
    assertThat(read.getFirst().getKeyID()).isEqualTo("k1");
    assertThat(read.getFirst().isPrivate()).isFalse();
    assertThat(read.getFirst().toECKey().toPublicKey()).isEqualTo(key.getPublic());
    assertThat(json).contains("\"use\":\"jwt-svid\"");
  }

  private JwtSvid verify(String token) throws InvalidJwtSvidException {
    return JwtSvid.verify(
        token,
        "payments",
        domain -> Optional.of(bundle).filter(b -> b.trustDomain().equals(domain)),
        InstantSource.fixed(NOW));
  }

  private void refused(String token, String why) {
    assertThatThrownBy(() -> verify(token))
        .isInstanceOf(InvalidJwtSvidException.class)
        .hasMessageContaining(why);
  }

  private String token(Consumer<JWTClaimsSet.Builder> change) throws Exception {
    JWTClaimsSet.Builder claims = claims();
    change.accept(claims);
    SignedJWT jwt = new SignedJWT(header("k1").build(), claims.build());
    jwt.sign(new ECDSASigner((ECPrivateKey) key.getPrivate()));
    return jwt.serialize();
  }

  private String sign(JWSHeader header, KeyPair by) throws Exception {
    SignedJWT jwt = new SignedJWT(header, claims().build());
    jwt.sign(new ECDSASigner((ECPrivateKey) by.getPrivate()));
    return jwt.serialize();
  }

  private static JWSHeader.Builder header(@Nullable String keyId) {
    return new JWSHeader.Builder(JWSAlgorithm.ES256).type(JOSEObjectType.JWT).keyID(keyId);
  }

  private static JWTClaimsSet.Builder claims() {
    return new JWTClaimsSet.Builder()
        .subject(WEB)
        .audience("payments")
        .issueTime(Date.from(NOW))
        .expirationTime(Date.from(NOW.plus(Duration.ofMinutes(5))));
  }
}
