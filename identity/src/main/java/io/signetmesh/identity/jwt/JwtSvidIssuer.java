package io.signetmesh.identity.jwt;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.signetmesh.identity.crypto.JwsSignatures;
import java.security.interfaces.ECPrivateKey;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Signs JWT-SVIDs with ES256. The caller has already authenticated the subject. Thread-safe. */
public final class JwtSvidIssuer {
  /** Longest validity of a token. */
  public static final Duration LIFETIME = Duration.ofMinutes(5);

  private final JwtSigningKeys keys;
  private final InstantSource clock;

  /** Creates an issuer that signs with the current key of a key set. */
  public JwtSvidIssuer(JwtSigningKeys keys, InstantSource clock) {
    this.keys = keys;
    this.clock = clock;
  }

  /**
   * A signed token.
   *
   * @param token JWS compact serialization (RFC 7515 section 7.1); a secret
   * @param id {@code jti}
   * @param keyId {@code kid} of the key that signed it
   * @param issuedAt {@code iat}, whole seconds
   * @param expiresAt {@code exp}, whole seconds
   */
  public record Minted(String token, String id, String keyId, Instant issuedAt, Instant expiresAt) {
    @Override
    public String toString() {
      return "Minted[" + id + ", until " + expiresAt + "]";
    }
  }

  /**
   * Signs a token that is valid for {@link #LIFETIME}, or until the bound if that is earlier.
   *
   * @param audience recipients of the token ({@code aud}), at least one
   * @param bound latest end of the token, such as the end of the workload's certificate
   * @return empty when no published key can sign
   * @throws IllegalArgumentException when there is no audience, or the bound is not later than now
   */
  public Optional<Minted> mint(SpiffeId subject, List<String> audience, Instant bound) {
    if (audience.isEmpty()) {
      throw new IllegalArgumentException("no audience: expected at least one");
    }
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    Instant wanted = now.plus(LIFETIME);
    Instant end = (wanted.isAfter(bound) ? bound : wanted).truncatedTo(ChronoUnit.SECONDS);
    if (!end.isAfter(now)) {
      throw new IllegalArgumentException("token would end at " + end + ", it is " + now);
    }
    return keys.current().map(key -> sign(key, subject, audience, now, end));
  }

  private static Minted sign(
      JwtSigningKeys.SigningKey key,
      SpiffeId subject,
      List<String> audience,
      Instant now,
      Instant end) {
    String id = UUID.randomUUID().toString();
    String keyId = key.authority().keyId();
    SignedJWT token =
        new SignedJWT(
            new JWSHeader.Builder(JWSAlgorithm.ES256).type(JOSEObjectType.JWT).keyID(keyId).build(),
            new JWTClaimsSet.Builder()
                .subject(subject.toString())
                .audience(audience)
                .issueTime(Date.from(now))
                .expirationTime(Date.from(end))
                .jwtID(id)
                .build());
    try {
      token.sign(
          JwsSignatures.fastest(
              new ECDSASigner((ECPrivateKey) key.privateKey()), JWSAlgorithm.ES256));
    } catch (JOSEException e) {
      throw new IllegalStateException("token cannot be signed", e);
    }
    return new Minted(token.serialize(), id, keyId, now, end);
  }
}
