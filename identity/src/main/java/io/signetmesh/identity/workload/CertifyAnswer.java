package io.signetmesh.identity.workload;

import com.google.protobuf.ByteString;
import io.linkerd.proxy.identity.CertifyResponse;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.identity.pki.WorkloadCertificate;
import java.security.KeyPair;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/**
 * A certificate that has been checked before use.
 *
 * @param certificate what to show to peers
 * @param validUntil end of use: what the server says or the end of the certificates that lead to an
 *     anchor, whichever comes first; the chain may have others, for peers with other anchors
 */
record CertifyAnswer(WorkloadCertificate certificate, Instant validUntil) {

  /**
   * Checks an answer: the chain leads to the anchors for both purposes, the leaf is for our name
   * and our key, and its end lies in the future.
   *
   * @throws PkiException when any of that is not so
   */
  static CertifyAnswer check(
      CertifyResponse response,
      String localName,
      KeyPair keys,
      TrustBundle trust,
      InstantSource clock)
      throws PkiException {
    List<X509Certificate> chain = new ArrayList<>();
    chain.add(Certificates.parseDer("leaf received", response.getLeafCertificate().toByteArray()));
    for (ByteString der : response.getIntermediateCertificatesList()) {
      chain.add(
          Certificates.parseDer("intermediate " + chain.size() + " received", der.toByteArray()));
    }
    if (!response.hasValidUntil()) {
      throw new PkiException("answer without valid_until");
    }
    VerifiedPeer verified;
    try {
      ChainVerifier verifier = ChainVerifier.of(trust, clock);
      verified = verifier.verifyPeer(chain, Purpose.SERVER);
      verifier.verify(chain, Purpose.CLIENT);
    } catch (CertificateException e) {
      throw new PkiException("certificate received does not verify: " + e.getMessage(), e);
    }
    PeerIdentity identity = verified.identity();
    if (!identity.matches(localName)) {
      throw new PkiException(
          "certificate received is for " + identity.names() + ": expected " + localName);
    }
    if (!chain.getFirst().getPublicKey().equals(keys.getPublic())) {
      throw new PkiException("certificate received is for another key than the one sent");
    }
    WorkloadCertificate certificate = new WorkloadCertificate(keys.getPrivate(), chain);
    Instant until;
    try {
      until =
          Instant.ofEpochSecond(
              response.getValidUntil().getSeconds(), response.getValidUntil().getNanos());
    } catch (DateTimeException e) {
      throw new PkiException("valid_until is no time: " + response.getValidUntil().getSeconds());
    }
    if (verified.notAfter().isBefore(until)) {
      until = verified.notAfter();
    }
    if (!until.isAfter(clock.instant())) {
      throw new PkiException("certificate received is valid until " + until + ", which is past");
    }
    return new CertifyAnswer(certificate, until);
  }
}
