package io.signetmesh.identity.ca;

import io.signetmesh.identity.ca.RequestRefusedException.Reason;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Signs leaves for workloads. The caller has already attested the workload's identity. The
 * authority checks that the request is for that identity and signed by its own key, and that the
 * leaf will verify at the peers. Thread-safe.
 */
public final class CertificateAuthority {
  private final IssuerSource issuers;
  private final Supplier<TrustBundle> bundle;
  private final IssuancePolicy policy;
  private final InstantSource clock;
  private volatile @Nullable Issuer inUse;
  private volatile @Nullable CheckedIssuer checked;

  /**
   * Creates an authority.
   *
   * @param issuers asked for the issuer before each signature
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
   * @return the issuer to sign with
   * @throws IOException when the issuer cannot be read
   * @throws PkiException when the issuer is outside its validity period or does not lead to a trust
   *     anchor
   * @throws IssuanceStoppedException when the issuer or its anchor ends within {@link
   *     IssuancePolicy#leastRemaining}: leaves would expire almost at once
   */
  public Issuer requireIssuer() throws IOException, PkiException {
    return require().issuer();
  }

  private CheckedIssuer require() throws IOException, PkiException {
    Issuer issuer = issuers.current();
    inUse = issuer;
    TrustBundle trust = bundle.get();
    CheckedIssuer seen = checked;
    if (seen != null && seen.isOf(issuer, trust)) {
      seen.verifyAgain();
    } else {
      seen = CheckedIssuer.of(issuer, trust, clock);
      checked = seen;
    }
    Instant now = clock.instant();
    if (Duration.between(now, seen.end()).compareTo(policy.leastRemaining()) < 0) {
      throw new IssuanceStoppedException(
          "issuing has stopped: "
              + seen.ending()
              + " ends at "
              + seen.end()
              + ", it is "
              + now
              + ": expected at least "
              + policy.leastRemaining().toSeconds()
              + " s to go; put a new one in force");
    }
    return seen;
  }

  /**
   * The issuer that the last check or signature used, without asking the source; null before the
   * first.
   */
  public @Nullable Issuer issuerInUse() {
    return inUse;
  }

  /**
   * Signs a leaf with a random 128-bit serial number and both names of the workload. It is valid
   * from now less the clock skew to now plus lifetime and skew, but never outside the validity of
   * the issuer's chain and of the anchor above it.
   *
   * @return leaf first, then the issuer's chain without the anchor, then its cross-certificates
   * @throws IOException when the issuer cannot be read
   * @throws RequestRefusedException when the request is for another identity or for a CA, is not
   *     signed by its own key, or has a key other than ECDSA P-256 or P-384
   * @throws PkiException when the issuer cannot sign
   * @throws IssuanceStoppedException when the issuer or its anchor is about to end
   */
  public List<X509Certificate> issue(WorkloadIdentity identity, SigningRequest request)
      throws IOException, PkiException, RequestRefusedException {
    refuseUnless(() -> request.requireNames(identity), Reason.NAMES);
    refuseUnless(request::requireNoCa, Reason.CA);
    refuseUnless(request::requireKey, Reason.KEY);
    refuseUnless(request::requirePossession, Reason.POSSESSION);
    CheckedIssuer checkedIssuer = require();
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    Instant from = now.minus(policy.clockSkew());
    Instant until = now.plus(policy.lifetime()).plus(policy.clockSkew());
    from = from.isBefore(checkedIssuer.start()) ? checkedIssuer.start() : from;
    until = until.isAfter(checkedIssuer.end()) ? checkedIssuer.end() : until;
    List<X509Certificate> chain = new ArrayList<>(checkedIssuer.sent().size() + 1);
    chain.add(
        CertificateBuilder.leaf(
            identity, request.publicKey(), checkedIssuer.issuer(), from, until, policy.crlUrl()));
    chain.addAll(checkedIssuer.sent());
    chain.addAll(checkedIssuer.issuer().crossCertificates(now));
    return chain;
  }

  /** One rule for requests. */
  @FunctionalInterface
  private interface Rule {
    void check() throws PkiException;
  }

  private static void refuseUnless(Rule rule, Reason reason) throws RequestRefusedException {
    try {
      rule.check();
    } catch (PkiException e) {
      throw new RequestRefusedException(reason, e);
    }
  }
}
