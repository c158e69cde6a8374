package io.signetmesh.identity.crypto;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSProvider;
import java.security.Provider;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Signatures of tokens (RFC 7515) by the same provider as all others. */
public final class JwsSignatures {
  private static final Map<JWSAlgorithm, String> ALGORITHMS =
      Map.of(
          JWSAlgorithm.ES256, "SHA256withECDSA",
          JWSAlgorithm.ES384, "SHA384withECDSA",
          JWSAlgorithm.ES512, "SHA512withECDSA",
          JWSAlgorithm.RS256, "SHA256withRSA",
          JWSAlgorithm.RS384, "SHA384withRSA",
          JWSAlgorithm.RS512, "SHA512withRSA");

  private JwsSignatures() {}

  /**
   * Has a signer or verifier compute by the fastest provider that has the algorithm ({@link
   * Signatures#provider}). One of another algorithm is left as it is.
   *
   * @return the same signer or verifier
   */
  public static <T extends JWSProvider> T fastest(T signerOrVerifier, JWSAlgorithm algorithm) {
    String name = ALGORITHMS.get(algorithm);
    @Nullable Provider provider = name == null ? null : Signatures.provider(name);
    if (provider != null) {
      signerOrVerifier.getJCAContext().setProvider(provider);
    }
    return signerOrVerifier;
  }
}
