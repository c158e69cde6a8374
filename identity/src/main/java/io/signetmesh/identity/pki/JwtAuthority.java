package io.signetmesh.identity.pki;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;

/**
 * A key that JWT-SVIDs of a trust domain are signed with (SPIFFE JWT-SVID section 3).
 *
 * @param keyId {@code kid} in the header of tokens, 1 to 128 characters
 * @param key public key: ECDSA P-256 to P-521, or RSA of 2048 bits or more
 */
public record JwtAuthority(String keyId, PublicKey key) {
  private static final int MAX_KEY_ID = 128;
  private static final int MAX_DER = 4 * 1024;

  /** Refuses an empty or overlong key id. */
  public JwtAuthority {
    if (keyId.isEmpty() || keyId.length() > MAX_KEY_ID) {
      throw new IllegalArgumentException(
          "key id of " + keyId.length() + " characters: expected 1 to " + MAX_KEY_ID);
    }
  }

  /**
   * Parses a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) with an ECDSA or RSA key.
   *
   * @param source named in errors
   * @param keyId {@code kid} of the key, 1 to 128 characters
   * @throws PkiException when the bytes hold anything else
   */
  public static JwtAuthority parse(String source, String keyId, byte[] der) throws PkiException {
    if (der.length == 0 || der.length > MAX_DER) {
      throw new PkiException(
          source + ": public key of " + der.length + " bytes: expected 1 to " + MAX_DER);
    }
    try {
      var algorithm = SubjectPublicKeyInfo.getInstance(der).getAlgorithm().getAlgorithm();
      String name =
          algorithm.equals(X9ObjectIdentifiers.id_ecPublicKey)
              ? "EC"
              : algorithm.equals(PKCSObjectIdentifiers.rsaEncryption) ? "RSA" : "unknown";
      return new JwtAuthority(
          keyId, KeyFactory.getInstance(name).generatePublic(new X509EncodedKeySpec(der)));
    } catch (GeneralSecurityException | RuntimeException e) {
      throw new PkiException(source + ": not a public key for ECDSA or RSA", e);
    }
  }
}
