package io.signetmesh.cli.record;

import io.signetmesh.audit.verify.HeadCheck;
import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.identity.pki.WorkloadCertificate;
import java.security.GeneralSecurityException;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Takes heads whose certificate led to a trust anchor at the time that they state. Not thread-safe.
 */
final class LeafHeadCheck implements HeadCheck {
  private final @Nullable String expected;
  private final ChainVerifier verifier;
  private final SortedMap<String, Long> signers = new TreeMap<>();

  /** When the head was signed that is checked now. */
  private Instant at = Instant.EPOCH;

  /**
   * @param expected identity that has to have signed; null: any that the anchors vouch for
   */
  LeafHeadCheck(TrustBundle anchors, @Nullable String expected) {
    this.expected = expected;
    this.verifier = ChainVerifier.of(anchors, () -> at);
  }

  /** Who has signed, with the number of heads. */
  SortedMap<String, Long> signers() {
    return signers;
  }

  @Override
  public @Nullable String fault(
      byte[] statement, byte[] signature, List<byte[]> certificates, Instant time) {
    at = time;
    try {
      List<X509Certificate> chain = new ArrayList<>();
      for (byte[] certificate : certificates) {
        chain.add(Certificates.parseDer("a certificate of the head", certificate));
      }
      // First of all: keys that nobody trusts are not computed with.
      VerifiedPeer signer = verifier.verifyPeer(chain, Purpose.CLIENT);
      if (expected != null && !signer.identity().matches(expected)) {
        return "it is signed by " + signer.identity().names() + ": expected " + expected;
      }
      Signature check = Signatures.of(WorkloadCertificate.SIGNATURE);
      check.initVerify(chain.getFirst().getPublicKey());
      check.update(statement);
      if (!check.verify(signature)) {
        return "it is not by the key of its certificate";
      }
      signers.merge(signer.identity().name(), 1L, Long::sum);
      return null;
    } catch (PkiException | CertificateException e) {
      return "its certificate does not verify: " + e.getMessage();
    } catch (GeneralSecurityException e) {
      return "it is no signature by the key of its certificate: " + e.getMessage();
    }
  }
}
