package io.signetmesh.identity.workload;

import com.google.protobuf.ByteString;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.JwtAuthority;
import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.crl.Crl;
import io.signetmesh.v1.RevocationUpdate;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads what the control plane says is to be trusted, and holds it to what is in force. */
final class TrustMessages {
  /** Foreign trust domains taken; each costs memory in every proxy. */
  private static final int MAX_FEDERATED = 256;

  /** Certificates of a signer's chain: more than the deepest that verifies. */
  private static final int MAX_SIGNER_CHAIN = 10;

  /** Retired anchors taken. */
  private static final int MAX_RETIRED = 16;

  private static final int DIGEST = 32;

  /** For clocks that differ. */
  private static final Duration SKEW = Duration.ofMinutes(5);

  private TrustMessages() {}

  /** A delta CRL that adds to another list than the one in force: the full list is needed. */
  static final class OtherBaseException extends Exception {
    private static final long serialVersionUID = 1L;

    OtherBaseException(String message) {
      super(message);
    }
  }

  /**
   * What a message comes to.
   *
   * @param trust what is in force next
   * @param renewal what is asked for now; null for nothing
   * @param refusal why parts of the message were not taken; empty when all were
   */
  record Taken(PeerTrust trust, @Nullable RenewalRequest renewal, String refusal) {}

  /**
   * Reads a message.
   *
   * @param current what is in force
   * @param clock the time at which the signer of a revocation list must be valid
   * @return what is in force next; the parts that do not change are the same objects
   * @throws PkiException when the own bundle or the revocation list cannot be read, is older than
   *     what is in force, or differs from what had the same version; nothing of the message is then
   *     taken. Other parts that are refused do not keep revocations out: the foreign bundles all
   *     stay as they are, the retired anchors stay as they are, no renewal is asked for
   * @throws OtherBaseException when only the full revocation list helps; nothing is taken
   */
  static Taken read(io.signetmesh.v1.TrustBundle message, PeerTrust current, InstantSource clock)
      throws PkiException, OtherBaseException {
    if (!message.getTrustDomain().equals(current.own().trustDomain())) {
      throw new PkiException(
          "trust bundle "
              + message.getVersion()
              + " is of another trust domain: expected "
              + current.own().trustDomain());
    }
    TrustBundle own = newer(bundle(message), current.own());
    RevocationList revoked =
        message.hasRevocation()
            ? revoked(message.getRevocation(), own, current.revoked(), clock)
            : current.revoked();
    PeerTrust next = current.withOwn(own).withRevoked(revoked);
    List<String> refusals = new ArrayList<>();
    try {
      next = withForeign(next, message);
    } catch (PkiException | IllegalArgumentException e) {
      refusals.add(String.valueOf(e.getMessage()));
      // The own anchors vouch for no domain that is named, whatever is wrong with its bundle.
      Set<String> names = new HashSet<>(next.foreignDomains());
      message.getForeignDomainsList().stream().limit(MAX_FEDERATED).forEach(names::add);
      names.remove(own.trustDomain());
      next = next.withForeignDomains(names);
    }
    try {
      next = next.withRetiredAnchors(retired(message));
    } catch (PkiException e) {
      refusals.add(String.valueOf(e.getMessage()));
    }
    RenewalRequest renewal = null;
    try {
      renewal = message.hasRenewal() ? RenewalRequest.parse(message.getRenewal()) : null;
    } catch (PkiException e) {
      refusals.add(String.valueOf(e.getMessage()));
    }
    return new Taken(next.equals(current) ? current : next, renewal, String.join("; ", refusals));
  }

  private static Set<String> retired(io.signetmesh.v1.TrustBundle message) throws PkiException {
    String source = "trust bundle " + message.getVersion();
    if (message.getRetiredAnchorsCount() > MAX_RETIRED) {
      throw new PkiException(
          source
              + " names "
              + message.getRetiredAnchorsCount()
              + " retired anchors: expected at most "
              + MAX_RETIRED);
    }
    Set<String> fingerprints = new HashSet<>();
    for (ByteString fingerprint : message.getRetiredAnchorsList()) {
      if (fingerprint.size() != DIGEST) {
        throw new PkiException(
            source
                + " has a retired anchor of "
                + fingerprint.size()
                + " bytes: expected a SHA-256 of "
                + DIGEST);
      }
      fingerprints.add(HexFormat.of().formatHex(fingerprint.toByteArray()));
    }
    return fingerprints;
  }

  private static PeerTrust withForeign(PeerTrust current, io.signetmesh.v1.TrustBundle message)
      throws PkiException {
    if (message.getFederatedCount() > MAX_FEDERATED) {
      throw new PkiException(
          "trust bundle "
              + message.getVersion()
              + " has "
              + message.getFederatedCount()
              + " federated trust domains: expected at most "
              + MAX_FEDERATED);
    }
    if (message.getForeignDomainsCount() > MAX_FEDERATED) {
      throw new PkiException(
          "trust bundle "
              + message.getVersion()
              + " names "
              + message.getForeignDomainsCount()
              + " foreign trust domains: expected at most "
              + MAX_FEDERATED);
    }
    List<TrustBundle> federated = new ArrayList<>();
    for (io.signetmesh.v1.TrustBundle foreign : message.getFederatedList()) {
      TrustBundle offered = bundle(foreign);
      Optional<TrustBundle> known = current.federated(offered.trustDomain());
      federated.add(known.isPresent() ? newer(offered, known.get()) : offered);
    }
    return current
        .withFederated(federated)
        .withForeignDomains(Set.copyOf(message.getForeignDomainsList()));
  }

  /**
   * The offered list, or the one in force if it has the same number. The signer must lead to an
   * anchor of the own trust domain, and must not be revoked itself.
   */
  private static RevocationList revoked(
      RevocationUpdate update, TrustBundle own, RevocationList held, InstantSource clock)
      throws PkiException, OtherBaseException {
    Crl crl = Crl.parse("revocation list", update.getCrl().toByteArray());
    if (crl.number() == held.number()) {
      return held;
    }
    if (crl.number() < held.number()) {
      throw new PkiException("CRL " + crl.number() + " is older than " + held.number());
    }
    if (crl.base() > 0 && crl.base() != held.number()) {
      throw new OtherBaseException(
          "CRL "
              + crl.number()
              + " adds to CRL "
              + crl.base()
              + ": CRL "
              + held.number()
              + " is in force");
    }
    if (clock.instant().minus(SKEW).isAfter(crl.nextUpdate())) {
      throw new PkiException("CRL " + crl.number() + " is out of date since " + crl.nextUpdate());
    }
    List<X509Certificate> chain = signerChain(update, crl.number());
    for (X509Certificate certificate : chain) {
      if (held.lists(certificate)) {
        throw new PkiException(
            "CRL "
                + crl.number()
                + " is signed under the revoked certificate "
                + Certificates.describe(certificate));
      }
    }
    try {
      ChainVerifier.of(own, clock).verifyIssuer(chain);
    } catch (CertificateException e) {
      throw new PkiException(
          "signer of CRL " + crl.number() + " is not trusted: " + e.getMessage(), e);
    }
    crl.verify(chain.getFirst());
    return crl.onto(held);
  }

  private static List<X509Certificate> signerChain(RevocationUpdate update, long number)
      throws PkiException {
    int length = update.getSignerChainCount();
    if (length < 1 || length > MAX_SIGNER_CHAIN) {
      throw new PkiException(
          "CRL "
              + number
              + " has "
              + length
              + " certificates of its signer: expected 1 to "
              + MAX_SIGNER_CHAIN);
    }
    List<X509Certificate> chain = new ArrayList<>(length);
    for (ByteString der : update.getSignerChainList()) {
      chain.add(
          Certificates.parseDer(
              "certificate " + (chain.size() + 1) + " of the signer of CRL " + number,
              der.toByteArray()));
    }
    return chain;
  }

  /** The offered bundle, or the one in force if they are the same. */
  private static TrustBundle newer(TrustBundle offered, TrustBundle current) throws PkiException {
    if (offered.version() < current.version()) {
      throw new PkiException(
          "trust bundle "
              + offered.version()
              + " of "
              + offered.trustDomain()
              + " is older than "
              + current.version());
    }
    if (offered.version() > current.version()) {
      return offered;
    }
    if (!Arrays.equals(offered.digest(), current.digest())
        || !offered.jwtAuthorities().equals(current.jwtAuthorities())) {
      throw new PkiException(
          "trust bundle "
              + offered.version()
              + " of "
              + offered.trustDomain()
              + " differs from the one of the same version");
    }
    return current;
  }

  private static TrustBundle bundle(io.signetmesh.v1.TrustBundle message) throws PkiException {
    String source = "trust bundle " + message.getVersion();
    if (message.getVersion() < 1) {
      throw new PkiException(source + ": expected a version of 1 or more");
    }
    List<X509Certificate> anchors = new ArrayList<>();
    for (ByteString der : message.getAnchorsList()) {
      anchors.add(
          Certificates.parseDer(
              "anchor " + (anchors.size() + 1) + " of " + source, der.toByteArray()));
    }
    List<JwtAuthority> authorities = new ArrayList<>();
    for (io.signetmesh.v1.JwtAuthority authority : message.getJwtAuthoritiesList()) {
      authorities.add(
          JwtAuthority.parse(
              "JWT authority " + (authorities.size() + 1) + " of " + source,
              authority.getKeyId(),
              authority.getPublicKey().toByteArray()));
    }
    return new TrustBundle(message.getVersion(), message.getTrustDomain(), anchors, authorities);
  }
}
