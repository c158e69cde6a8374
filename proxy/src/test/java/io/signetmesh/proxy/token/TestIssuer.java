package io.signetmesh.proxy.token;

import com.google.protobuf.Timestamp;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.linkerd.proxy.inbound.Authz;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.JwtKeySet;
import io.signetmesh.v1.TokenLocation;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.function.UnaryOperator;

/** An issuer of tokens, made for a test, and the authentication that its tokens pass. */
public final class TestIssuer {
  public static final String ISSUER = "https://login.test";
  public static final String AUDIENCE = "web";

  private final ECKey key;
  private final String name;

  /** An issuer with a new key whose id is {@code keyId}. */
  public TestIssuer(String name, String keyId) {
    this.name = name;
    try {
      this.key = new ECKeyGenerator(Curve.P_256).keyID(keyId).generate();
    } catch (JOSEException e) {
      throw new IllegalStateException("P-256 keys can be made", e);
    }
  }

  /** What tokens of the issuer pass. */
  public JwtAuthentication.Builder authentication() {
    return JwtAuthentication.newBuilder()
        .setName(name)
        .setIssuer(ISSUER)
        .addAudiences(AUDIENCE)
        .addAlgorithms("ES256")
        .addLocations(
            TokenLocation.newBuilder()
                .setHeader(
                    TokenLocation.Header.newBuilder()
                        .setName("authorization")
                        .setPrefix("Bearer ")))
        .setBoundTo(JwtAuthentication.Binding.BINDING_NONE)
        .setKeySet(keys());
  }

  /** The issuer's public keys. */
  public JwtKeySet.Builder keys() {
    return JwtKeySet.newBuilder().setJwks(new JWKSet(key.toPublicJWK()).toString());
  }

  /** The public keys of this issuer and of another one. */
  public JwtKeySet.Builder keysWith(TestIssuer other) {
    return JwtKeySet.newBuilder()
        .setJwks(new JWKSet(List.of(key.toPublicJWK(), other.key.toPublicJWK())).toString());
  }

  /** The issuer's public keys, which are used until a time. */
  public JwtKeySet.Builder keysUntil(Instant end) {
    return keys().setExpiresAt(Timestamp.newBuilder().setSeconds(end.getEpochSecond()));
  }

  /** The authorization, which requires a token of the issuer as well. */
  public Authz required(Authz authorization) {
    return authorization.toBuilder().addSignetTokens(name).build();
  }

  /** A token that is valid for an hour. */
  public String token(String subject) {
    return token(claims -> claims.subject(subject));
  }

  /** A token with other claims. */
  public String token(UnaryOperator<JWTClaimsSet.Builder> change) {
    Instant now = Instant.now();
    JWTClaimsSet claims =
        change
            .apply(
                new JWTClaimsSet.Builder()
                    .issuer(ISSUER)
                    .audience(AUDIENCE)
                    .issueTime(Date.from(now))
                    .expirationTime(Date.from(now.plusSeconds(3_600)))
                    .subject("alice")
                    .jwtID("id-1"))
            .build();
    SignedJWT jwt =
        new SignedJWT(
            new JWSHeader.Builder(JWSAlgorithm.ES256).keyID(key.getKeyID()).build(), claims);
    try {
      jwt.sign(new ECDSASigner(key));
    } catch (JOSEException e) {
      throw new IllegalStateException("ES256 can sign", e);
    }
    return jwt.serialize();
  }
}
