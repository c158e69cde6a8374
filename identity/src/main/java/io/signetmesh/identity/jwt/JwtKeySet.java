package io.signetmesh.identity.jwt;

import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import io.signetmesh.identity.pki.JwtAuthority;
import java.nio.charset.StandardCharsets;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.util.List;

/** JWT authorities as a JWK set (RFC 7517; SPIFFE Trust Domain and Bundle section 4.2). */
public final class JwtKeySet {
  private static final KeyUse USE = new KeyUse("jwt-svid");

  private JwtKeySet() {}

  /** Encodes the set as JSON in UTF-8. */
  public static byte[] encode(List<JwtAuthority> authorities) {
    List<JWK> keys = authorities.stream().map(JwtKeySet::jwk).toList();
    return new JWKSet(keys).toString(true).getBytes(StandardCharsets.UTF_8);
  }

  private static JWK jwk(JwtAuthority authority) {
    return switch (authority.key()) {
      case ECPublicKey key ->
          new ECKey.Builder(Curve.forECParameterSpec(key.getParams()), key)
              .keyID(authority.keyId())
              .keyUse(USE)
              .build();
      case RSAPublicKey key -> new RSAKey.Builder(key).keyID(authority.keyId()).keyUse(USE).build();
      default ->
          throw new IllegalArgumentException(
              "JWT authority "
                  + authority.keyId()
                  + " has a key for "
                  + authority.key().getAlgorithm()
                  + ": expected ECDSA or RSA");
    };
  }
}
