package io.signetmesh.identity.pki;

import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.util.List;

/** The NIST curves that the mesh accepts, compared by value: a key may carry its curve in full. */
final class EllipticCurves {
  private static final ECParameterSpec P256 = named("secp256r1");
  private static final ECParameterSpec P384 = named("secp384r1");
  private static final List<ECParameterSpec> ACCEPTED = List.of(P256, P384, named("secp521r1"));

  private EllipticCurves() {}

  static boolean isP256(ECParameterSpec curve) {
    return same(curve, P256);
  }

  static boolean isP384(ECParameterSpec curve) {
    return same(curve, P384);
  }

  static boolean isAccepted(ECParameterSpec curve) {
    for (ECParameterSpec accepted : ACCEPTED) {
      if (same(curve, accepted)) {
        return true;
      }
    }
    return false;
  }

  private static boolean same(ECParameterSpec a, ECParameterSpec b) {
    return a.getCofactor() == b.getCofactor()
        && a.getOrder().equals(b.getOrder())
        && a.getGenerator().equals(b.getGenerator())
        && a.getCurve().equals(b.getCurve());
  }

  private static ECParameterSpec named(String name) {
    try {
      AlgorithmParameters parameters = AlgorithmParameters.getInstance("EC");
      parameters.init(new ECGenParameterSpec(name));
      return parameters.getParameterSpec(ECParameterSpec.class);
    } catch (GeneralSecurityException e) {
      throw new ExceptionInInitializerError(e);
    }
  }
}
