package io.signetmesh.proxy;

import io.signetmesh.audit.HeadSigner;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadCertificate;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Signs the heads of a journal with the workload's newest leaf. Without a leaf that is valid now it
 * signs nothing: nobody would take such a head. Not thread-safe: for the thread that writes
 * journals.
 */
final class LeafHeads implements HeadSigner {
  private static final Logger log = LoggerFactory.getLogger(LeafHeads.class);

  private final Supplier<@Nullable Credentials> newest;
  private final InstantSource clock;

  /** The certificate that the encoded chain is of. */
  private @Nullable WorkloadCertificate encoded;

  private List<byte[]> chain = List.of();

  /**
   * @param newest the credentials of the workload; gives null before the first ones, and must not
   *     wait
   */
  LeafHeads(Supplier<@Nullable Credentials> newest, InstantSource clock) {
    this.newest = newest;
    this.clock = clock;
  }

  @Override
  public @Nullable Signed sign(byte[] statement) {
    Credentials now = newest.get();
    if (now == null || !isValid(now.certificate(), clock.instant())) {
      return null;
    }
    WorkloadCertificate certificate = now.certificate();
    try {
      List<byte[]> certificates = chain(certificate);
      return new Signed(certificate.sign(statement), certificates);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("no signature by the key of " + certificate, e);
    }
  }

  @Override
  public boolean accepts(
      byte[] statement, byte[] signature, List<byte[]> certificates, Instant time) {
    Credentials now = newest.get();
    if (now == null) {
      return false;
    }
    try {
      List<X509Certificate> path = new ArrayList<>();
      for (byte[] certificate : certificates) {
        path.add(Certificates.parseDer("a certificate of the last head", certificate));
      }
      // First of all: keys that nobody trusts are not computed with.
      String signer = identity(now, path, time);
      if (!signer.equals(identity(now, now.certificate().chain(), clock.instant()))) {
        return false;
      }
      return WorkloadCertificate.isSigned(path.getFirst(), statement, signature);
    } catch (GeneralSecurityException e) {
      log.debug("the last head of the journal does not verify", e);
      return false;
    }
  }

  private static String identity(Credentials trust, List<X509Certificate> path, Instant at)
      throws PkiException, CertificateException {
    ChainVerifier verifier = ChainVerifier.of(trust.trust(), () -> at);
    return verifier.verifyPeer(path, Purpose.CLIENT).identity().name();
  }

  private static boolean isValid(WorkloadCertificate certificate, Instant at) {
    return !at.isBefore(certificate.notBefore()) && !at.isAfter(certificate.notAfter());
  }

  /** Encoded once for each leaf. */
  @SuppressWarnings("ReferenceEquality") // Each renewal makes another one.
  private List<byte[]> chain(WorkloadCertificate certificate) throws CertificateEncodingException {
    if (certificate != encoded) {
      List<byte[]> all = new ArrayList<>();
      for (X509Certificate each : certificate.chain()) {
        all.add(each.getEncoded());
      }
      chain = all;
      encoded = certificate;
    }
    return chain;
  }
}
