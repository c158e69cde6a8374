package io.signetmesh.identity.workload;

import com.google.protobuf.ByteString;
import io.linkerd.proxy.identity.CertifyResponse;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
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
 * @param validUntil end of use: what the server says or the chain's end, whichever comes first
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
    PeerIdentity identity;
    try {
      ChainVerifier verifier = ChainVerifier.of(trust, clock);
      identity = verifier.verify(chain, Purpose.SERVER);
      verifier.verify(chain, Purpose.CLIENT);
    } catch (CertificateException e) {
      throw new PkiException("certificate received does not verify: " + e.getMessage(), e);
    }
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
    if (certificate.notAfter().isBefore(until)) {
      until = certificate.notAfter();
    }
    if (!until.isAfter(clock.instant())) {
      throw new PkiException("certificate received is valid until " + until + ", which is past");
    }
    return new CertifyAnswer(certificate, until);
  }
}
