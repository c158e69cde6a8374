package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * An issuer beside the trust bundle that peers verify its leaves against. Signatures found good are
 * remembered, times are checked each time. Immutable, thread-safe.
 */
final class CheckedIssuer {
  private final Issuer issuer;
  private final TrustBundle bundle;
  private final ChainVerifier verifier;
  private final List<X509Certificate> sent;
  private final Instant start;
  private final X509Certificate firstToEnd;

  private CheckedIssuer(
      Issuer issuer,
      TrustBundle bundle,
      ChainVerifier verifier,
      List<X509Certificate> sent,
      Instant start,
      X509Certificate firstToEnd) {
    this.issuer = issuer;
    this.bundle = bundle;
    this.verifier = verifier;
    this.sent = sent;
    this.start = start;
    this.firstToEnd = firstToEnd;
  }

  /**
   * Finds the anchor above an issuer.
   *
   * @throws PkiException when the issuer is out of its time or does not lead to a trust anchor
   */
  static CheckedIssuer of(Issuer issuer, TrustBundle bundle, InstantSource clock)
      throws PkiException {
    ChainVerifier verifier = ChainVerifier.of(bundle, clock);
    verify(verifier, issuer);
    List<X509Certificate> sent = new ArrayList<>(issuer.chain().size());
    for (X509Certificate certificate : issuer.chain()) {
      // An issuer that is itself the anchor is at the peers already.
      if (!bundle.anchors().contains(certificate)) {
        sent.add(certificate);
      }
    }
    List<X509Certificate> path = new ArrayList<>(issuer.chain());
    path.add(longestAnchor(issuer, bundle, clock));
    Instant start = Instant.MIN;
    X509Certificate firstToEnd = path.getFirst();
    for (X509Certificate certificate : path) {
      Instant from = certificate.getNotBefore().toInstant();
      start = from.isAfter(start) ? from : start;
      firstToEnd =
          certificate.getNotAfter().before(firstToEnd.getNotAfter()) ? certificate : firstToEnd;
    }
    return new CheckedIssuer(issuer, bundle, verifier, List.copyOf(sent), start, firstToEnd);
  }

  /** The anchor that vouches longest: of several, the peers need only one. */
  private static X509Certificate longestAnchor(
      Issuer issuer, TrustBundle bundle, InstantSource clock) {
    List<X509Certificate> above = new ArrayList<>();
    for (X509Certificate anchor : bundle.anchors()) {
      try {
        ChainVerifier.of(new TrustBundle(1, bundle.trustDomain(), List.of(anchor)), clock)
            .verifyIssuer(issuer.chain());
        above.add(anchor);
      } catch (CertificateException e) {
        // Another anchor it is.
      }
    }
    return above.stream()
        .max((a, b) -> a.getNotAfter().compareTo(b.getNotAfter()))
        .orElseThrow(() -> new NoSuchElementException("verified a moment ago"));
  }

  boolean isOf(Issuer otherIssuer, TrustBundle otherBundle) {
    return issuer == otherIssuer && bundle == otherBundle;
  }

  /**
   * Checks it again, at the time of the clock.
   *
   * @throws PkiException when the issuer is out of its time
   */
  void verifyAgain() throws PkiException {
    verify(verifier, issuer);
  }

  private static void verify(ChainVerifier verifier, Issuer issuer) throws PkiException {
    try {
      verifier.verifyIssuer(issuer.chain());
    } catch (CertificateException e) {
      throw new PkiException("issuer cannot sign: " + e.getMessage(), e);
    }
  }

  Issuer issuer() {
    return issuer;
  }

  /** What goes along with a leaf: the chain without anchors. */
  List<X509Certificate> sent() {
    return sent;
  }

  /** When the last of the chain and its anchor began. */
  Instant start() {
    return start;
  }

  /** When the first of the chain and its anchor ends: no leaf is trusted longer. */
  Instant end() {
    return firstToEnd.getNotAfter().toInstant();
  }

  /** Names the certificate that ends first. */
  String ending() {
    return (bundle.anchors().contains(firstToEnd) ? "trust anchor " : "issuer ")
        + Certificates.describe(firstToEnd);
  }
}
