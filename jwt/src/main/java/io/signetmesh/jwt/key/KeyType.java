package io.signetmesh.jwt.key;

import com.nimbusds.jose.jwk.Curve;
import org.jspecify.annotations.Nullable;

/** Kinds of public keys (RFC 7518 section 6, RFC 8037 section 2). */
enum KeyType {
  P256("EC", Curve.P_256, 32),
  P384("EC", Curve.P_384, 48),
  P521("EC", Curve.P_521, 66),
  RSA("RSA", null, 0),
  ED25519("OKP", Curve.Ed25519, 32);

  private final String kty;
  private final @Nullable Curve curve;
  private final int coordinate;

  KeyType(String kty, @Nullable Curve curve, int coordinate) {
    this.kty = kty;
    this.curve = curve;
    this.coordinate = coordinate;
  }

  /** The kind with a curve; null for curves that no algorithm here uses. */
  static @Nullable KeyType ofCurve(String kty, String crv) {
    for (KeyType type : values()) {
      if (type.curve != null && type.kty.equals(kty) && type.curve.getName().equals(crv)) {
        return type;
      }
    }
    return null;
  }

  /** Value of {@code kty}. */
  String kty() {
    return kty;
  }

  /** Name of the {@link java.security.KeyFactory}. */
  String jca() {
    return this == ED25519 ? "Ed25519" : kty;
  }

  /** The curve; null for RSA. */
  @Nullable Curve curve() {
    return curve;
  }

  /** Bytes of a coordinate, and half of a signature's; 0 for RSA. */
  int coordinate() {
    return coordinate;
  }
}
