package io.signetmesh.identity.jwt;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.factories.DefaultJWSVerifierFactory;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.signetmesh.identity.crypto.JwsSignatures;
import io.signetmesh.identity.pki.JwtAuthority;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.text.ParseException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * A verified JWT-SVID.
 *
 * @param subject SPIFFE id of the workload ({@code sub})
 * @param claims all claims of the token
 */
public record JwtSvid(SpiffeId subject, Map<String, Object> claims) {
  private static final int MAX_TOKEN = 16 * 1024;

  /** JWT-SVID section 2.1. */
  private static final Set<JWSAlgorithm> ALGORITHMS =
      Set.of(
          JWSAlgorithm.ES256,
          JWSAlgorithm.ES384,
          JWSAlgorithm.ES512,
          JWSAlgorithm.RS256,
          JWSAlgorithm.RS384,
          JWSAlgorithm.RS512,
          JWSAlgorithm.PS256,
          JWSAlgorithm.PS384,
          JWSAlgorithm.PS512);

  private static final Set<String> TYPES = Set.of("JWT", "JOSE");

  /**
   * Verifies a token (SPIFFE JWT-SVID section 5).
   *
   * @param audience audience that the token must be for
   * @param bundles gives the bundle of a trust domain; a SPIFFE id is verified only with the bundle
   *     of its own trust domain
   * @throws InvalidJwtSvidException when the token is not a JWT-SVID that is valid now, for this
   *     audience, and signed by its subject's trust domain
   */
  public static JwtSvid verify(
      String token,
      String audience,
      Function<String, Optional<TrustBundle>> bundles,
      InstantSource clock)
      throws InvalidJwtSvidException {
    SignedJWT jwt = parse(token);
    JWSHeader header = jwt.getHeader();
    if (!ALGORITHMS.contains(header.getAlgorithm())) {
      throw invalid(
          "is signed with "
              + WorkloadIdentity.printable(header.getAlgorithm().getName())
              + ": expected ES256 to ES512, RS256 to RS512 or PS256 to PS512");
    }
    JOSEObjectType type = header.getType();
    if (type != null && !TYPES.contains(type.getType())) {
      throw invalid(
          "has typ " + WorkloadIdentity.printable(type.getType()) + ": expected JWT or JOSE");
    }
    String keyId = header.getKeyID();
    if (keyId == null || keyId.isEmpty()) {
      throw invalid("has no key id (kid)");
    }
    JWTClaimsSet claims;
    SpiffeId subject;
    try {
      claims = jwt.getJWTClaimsSet();
      subject = SpiffeId.parse(String.valueOf(claims.getSubject()));
    } catch (ParseException e) {
      throw invalid("has no claims that can be read");
    } catch (IllegalArgumentException e) {
      throw invalid("has no SPIFFE id as subject: " + e.getMessage());
    }
    TrustBundle bundle =
        bundles
            .apply(subject.trustDomain())
            .filter(found -> found.trustDomain().equals(subject.trustDomain()))
            .orElseThrow(
                () -> invalid("is of trust domain " + subject.trustDomain() + ": unknown here"));
    JwtAuthority authority =
        bundle.jwtAuthorities().stream()
            .filter(known -> known.keyId().equals(keyId))
            .findFirst()
            .orElseThrow(
                () ->
                    invalid(
                        "is signed with key "
                            + WorkloadIdentity.printable(keyId)
                            + ", which is none of "
                            + subject.trustDomain()));
    try {
      if (!jwt.verify(
          JwsSignatures.fastest(
              new DefaultJWSVerifierFactory().createJWSVerifier(header, authority.key()),
              header.getAlgorithm()))) {
        throw invalid("has a signature that does not verify");
      }
    } catch (JOSEException | IllegalStateException e) {
      throw invalid("has a signature that cannot be verified with key " + authority.keyId());
    }
    checkUse(claims, audience, clock.instant());
    return new JwtSvid(subject, claims.getClaims());
  }

  private static void checkUse(JWTClaimsSet claims, String audience, Instant now)
      throws InvalidJwtSvidException {
    List<String> audiences = claims.getAudience();
    if (audience.isEmpty() || audiences == null || !audiences.contains(audience)) {
      throw invalid("is not for audience " + WorkloadIdentity.printable(audience));
    }
    if (claims.getExpirationTime() == null) {
      throw invalid("has no end (exp)");
    }
    Instant end = claims.getExpirationTime().toInstant();
    if (!now.isBefore(end)) {
      throw invalid("expired at " + end + ", it is " + now);
    }
    if (claims.getNotBeforeTime() != null && now.isBefore(claims.getNotBeforeTime().toInstant())) {
      throw invalid("is not valid before " + claims.getNotBeforeTime().toInstant());
    }
  }

  /** One token has one text: the decoder passes over characters that are not of base64url. */
  private static SignedJWT parse(String token) throws InvalidJwtSvidException {
    if (token.isEmpty() || token.length() > MAX_TOKEN) {
      throw invalid("has " + token.length() + " characters: expected 1 to " + MAX_TOKEN);
    }
    try {
      SignedJWT jwt = SignedJWT.parse(token);
      if (!jwt.serialize().equals(token)) {
        throw new ParseException("more than a JWT", 0);
      }
      for (Base64URL part : jwt.getParsedParts()) {
        if (!Base64URL.encode(part.decode()).equals(part)) {
          throw new ParseException("not base64url", 0);
        }
      }
      return jwt;
    } catch (ParseException | RuntimeException e) {
      // The cause quotes parts of the token: left out.
      throw invalid("is not a signed JWT");
    }
  }

  private static InvalidJwtSvidException invalid(String why) {
    return new InvalidJwtSvidException("token " + why);
  }
}
