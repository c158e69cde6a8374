package io.signetmesh.cli;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;

/** An issuer of tokens with a key of its own, and the manifests of a shop that knows it. */
public final class TokenIssuer {
  /** What {@link #authentication} wants, valid from 2026-11-01T00:00:00Z to an hour later. */
  public static final String CLAIMS =
      "{\"iss\":\"https://login.test\",\"aud\":\"web\",\"sub\":\"alice\",\"groups\":[\"staff\"],"
          + "\"iat\":1793491200,\"nbf\":1793491200,\"exp\":1793494800}";

  private final ECKey key;

  public TokenIssuer() {
    try {
      this.key = new ECKeyGenerator(Curve.P_256).keyID("one").generate();
    } catch (JOSEException e) {
      throw new IllegalStateException("P-256 keys can be made", e);
    }
  }

  /** The public keys as a JWK set. */
  public String keys() {
    return new JWKSet(key.toPublicJWK()).toString();
  }

  /** Claims in a token. */
  public String token(String claims) {
    JWSObject jws =
        new JWSObject(
            new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("one").build(), new Payload(claims));
    try {
      jws.sign(new ECDSASigner(key));
    } catch (JOSEException e) {
      throw new IllegalStateException("ES256 can sign", e);
    }
    return jws.serialize();
  }

  /** A JWTAuthentication of namespace shop, for members of the staff. */
  public static String authentication(String keys, String more) {
    return """
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: JWTAuthentication
        metadata: {name: users, namespace: shop}
        spec:
          issuer: https://login.test
          audiences: [web]
          keys: {%s}
          claims: [{path: [groups], anyOf: [staff]}]
          %s
        """
        .formatted(keys, more);
  }

  /** The authentication, and a policy that lets its users of the frontend call the web server. */
  public static String manifests(String keys, String more) {
    return authentication(keys, more)
        + """
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: users, namespace: shop}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: web}
          requiredAuthenticationRefs:
            - {group: policy.signetmesh.io, kind: JWTAuthentication, name: users}
        """;
  }
}
