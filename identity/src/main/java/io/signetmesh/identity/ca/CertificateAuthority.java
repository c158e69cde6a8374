package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Signs leaves for workloads. Whether a workload is who it claims to be has been settled before;
 * the authority makes sure that the request is for that workload and by the holder of its key, and
 * that what it signs will verify at the peers. Thread-safe.
 */
public final class CertificateAuthority {
  private final IssuerSource issuers;
  private final Supplier<TrustBundle> bundle;
  private final IssuancePolicy policy;
  private final InstantSource clock;
  private volatile @Nullable Issuer inUse;

  /**
   * Makes an authority.
   *
   * @param bundle the anchors that peers verify against: the issuer must lead to one of them
   */
  public CertificateAuthority(
      IssuerSource issuers,
      Supplier<TrustBundle> bundle,
      IssuancePolicy policy,
      InstantSource clock) {
    this.issuers = issuers;
    this.bundle = bundle;
    this.policy = policy;
    this.clock = clock;
  }

  /**
   * Checks that leaves can be signed now.
   *
   * @throws PkiException when the issuer is out of its time or does not lead to a trust anchor
   */
  public Issuer requireIssuer() throws IOException, PkiException {
    Issuer issuer = issuers.current();
    inUse = issuer;
    try {
      ChainVerifier.of(bundle.get(), clock).verifyIssuer(issuer.chain());
    } catch (CertificateException e) {
      throw new PkiException("issuer cannot sign: " + e.getMessage(), e);
    }
    return issuer;
  }

  /**
   * The issuer that was asked for last, without asking for a newer one; null before the first time.
   */
  public @Nullable Issuer issuerInUse() {
    return inUse;
  }

  /**
   * Signs a leaf: random 128-bit serial, both names of the workload, valid from now less the clock
   * skew to now plus lifetime and skew, but never outside the time of the issuer's chain.
   *
   * @return leaf first, then the issuer's chain without the anchor
   * @throws RequestRefusedException when the request is not for this identity, not by the holder of
   *     its key, or for another kind of key than ECDSA P-256
   * @throws PkiException when the issuer cannot sign
   */
  public List<X509Certificate> issue(WorkloadIdentity identity, SigningRequest request)
      throws IOException, PkiException, RequestRefusedException {
    try {
      request.requireNames(identity);
      request.requirePossession();
    } catch (PkiException e) {
      throw new RequestRefusedException(String.valueOf(e.getMessage()), e);
    }
    Issuer issuer = requireIssuer();
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    Instant from = now.minus(policy.clockSkew());
    Instant until = now.plus(policy.lifetime()).plus(policy.clockSkew());
    for (X509Certificate certificate : issuer.chain()) {
      Instant start = certificate.getNotBefore().toInstant();
      Instant end = certificate.getNotAfter().toInstant();
      from = from.isBefore(start) ? start : from;
      until = until.isAfter(end) ? end : until;
    }
    List<X509Certificate> chain = new ArrayList<>(issuer.chain().size() + 1);
    chain.add(CertificateBuilder.leaf(identity, request.publicKey(), issuer, from, until));
    for (X509Certificate certificate : issuer.chain()) {
      // An issuer that is itself the anchor is at the peers already.
      if (!bundle.get().anchors().contains(certificate)) {
        chain.add(certificate);
      }
    }
    return chain;
  }
}
