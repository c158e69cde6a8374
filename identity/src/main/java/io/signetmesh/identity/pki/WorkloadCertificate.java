package io.signetmesh.identity.pki;

import io.signetmesh.identity.crypto.Signatures;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;

/**
 * A leaf certificate with its chain and private key: what is shown to peers.
 *
 * @param privateKey key of the leaf; never printed
 * @param chain leaf first, then the intermediates towards the anchor, without the anchor
 */
public record WorkloadCertificate(PrivateKey privateKey, List<X509Certificate> chain) {
  /** What {@link #sign} makes. */
  public static final String SIGNATURE = "SHA256withECDSA";

  /** Refuses an empty chain and a key that is not the leaf's. */
  public WorkloadCertificate {
    chain = List.copyOf(chain);
    if (chain.isEmpty()) {
      throw new IllegalArgumentException("certificate chain is empty: expected the leaf first");
    }
    if (!PrivateKeys.matches(privateKey, chain.getFirst().getPublicKey())) {
      throw new IllegalArgumentException(
          "private key does not belong to certificate " + Certificates.describe(chain.getFirst()));
    }
  }

  /** The end-entity certificate. */
  public X509Certificate leaf() {
    return chain.getFirst();
  }

  /**
   * Signs a statement with the key of the leaf, {@value #SIGNATURE}. Never what somebody else has
   * chosen: each kind of statement begins with a text of its own.
   *
   * @throws InvalidKeyException when the key is not of an elliptic curve, as those that workloads
   *     generate are
   */
  public byte[] sign(byte[] statement) throws GeneralSecurityException {
    Signature signature = Signatures.of(SIGNATURE);
    signature.initSign(privateKey);
    signature.update(statement);
    return signature.sign();
  }

  /**
   * Whether a statement was signed with the key of a leaf, as {@link #sign} does. Only for leaves
   * that were verified: keys that nobody trusts are not computed with.
   *
   * @throws GeneralSecurityException when it is no signature of that kind, or no key for it
   */
  public static boolean isSigned(X509Certificate leaf, byte[] statement, byte[] signature)
      throws GeneralSecurityException {
    Signature check = Signatures.of(SIGNATURE);
    check.initVerify(leaf.getPublicKey());
    check.update(statement);
    return check.verify(signature);
  }

  /** Start of validity: the latest {@code notBefore} of the chain. */
  public Instant notBefore() {
    Instant latest = Instant.MIN;
    for (X509Certificate certificate : chain) {
      Instant start = certificate.getNotBefore().toInstant();
      latest = start.isAfter(latest) ? start : latest;
    }
    return latest;
  }

  /** End of validity: the earliest {@code notAfter} of the chain. */
  public Instant notAfter() {
    Instant earliest = Instant.MAX;
    for (X509Certificate certificate : chain) {
      Instant end = certificate.getNotAfter().toInstant();
      earliest = end.isBefore(earliest) ? end : earliest;
    }
    return earliest;
  }

  @Override
  public String toString() {
    return "WorkloadCertificate[" + Certificates.describe(leaf()) + ", until " + notAfter() + "]";
  }
}
