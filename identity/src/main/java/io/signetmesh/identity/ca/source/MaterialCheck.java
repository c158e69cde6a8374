package io.signetmesh.identity.ca.source;

import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.IssuanceStoppedException;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.RequestRefusedException;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.source.AuthoritySource.Material;
import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.UntrustedChainException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.pki.crl.Crl;
import java.io.IOException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The checks of issuer and trust anchors before they are put in force: the key is of an accepted
 * kind and belongs to the certificate; the certificate is a CA that may sign certificates, is
 * within its validity period and leads to an anchor. Last, it signs a test leaf and verifies that
 * as a peer does.
 */
public final class MaterialCheck {
  private static final int KEY_CERT_SIGN = 5;

  private final WorkloadIdentity sample;
  private final IssuancePolicy policy;
  private final InstantSource clock;
  private final BooleanSupplier hasRevocations;
  private final Function<X509Certificate, String> retired;

  /**
   * Creates a check.
   *
   * @param sample identity of the test leaf: the identity server itself
   * @param policy how leaves are issued
   */
  public MaterialCheck(WorkloadIdentity sample, IssuancePolicy policy, InstantSource clock) {
    this(sample, policy, clock, () -> false, anchor -> "");
  }

  /**
   * Creates a check for a server that may have revocations and retired anchors.
   *
   * @param sample identity of the test leaf: the identity server itself
   * @param policy how leaves are issued
   * @param hasRevocations whether something is revoked: the issuer must then be able to sign a CRL
   * @param retired why an anchor must not come into force again ({@code RetiredAnchors}); empty
   *     when nothing speaks against it
   */
  public MaterialCheck(
      WorkloadIdentity sample,
      IssuancePolicy policy,
      InstantSource clock,
      BooleanSupplier hasRevocations,
      Function<X509Certificate, String> retired) {
    this.hasRevocations = hasRevocations;
    this.retired = retired;
    this.sample = sample;
    this.policy = policy;
    this.clock = clock;
  }

  /**
   * Checks everything.
   *
   * @param source named in errors
   * @param inForce the issuer whose leaves must stay trusted; null at the start
   * @param trust the bundle in force; null at the start
   * @return the issuer, ready to sign
   * @throws RefusedMaterialException with the first rule that is broken
   */
  Issuer require(
      String source, Material material, @Nullable Issuer inForce, @Nullable TrustBundle trust)
      throws RefusedMaterialException {
    Issuer issuer = issuer(source, material);
    requireCrlSigner(source, issuer);
    TrustBundle bundle = bundle(source, material.anchors());
    requireNoneRetired(source, material.anchors());
    verify(source, issuer, bundle);
    tryOut(source, issuer, bundle);
    if (inForce != null && trust != null) {
      requireNotCutOff(source, inForce, trust, bundle);
    }
    return issuer;
  }

  private static Issuer issuer(String source, Material material) throws RefusedMaterialException {
    if (material.chain().isEmpty()) {
      throw new RefusedMaterialException(
          Reason.MALFORMED, source + ": no certificate: expected the issuer first");
    }
    X509Certificate certificate = material.chain().getFirst();
    String issuer = source + ": issuer " + Certificates.describe(certificate);
    try {
      KeyKind.of(issuer, certificate.getPublicKey());
    } catch (PkiException e) {
      throw new RefusedMaterialException(Reason.KEY_KIND, String.valueOf(e.getMessage()), e);
    }
    if (certificate.getBasicConstraints() < 0) {
      throw new RefusedMaterialException(Reason.NOT_CA, issuer + " is not a CA certificate");
    }
    boolean[] usage = certificate.getKeyUsage();
    if (usage == null || !usage[KEY_CERT_SIGN]) {
      throw new RefusedMaterialException(
          Reason.NOT_CA,
          issuer
              + (usage == null ? " has no key usage" : " has a key usage without keyCertSign")
              + ": expected keyCertSign");
    }
    try {
      return Issuer.of(source, material.key(), material.chain())
          .withCrossCertificates(source, material.crossCertificates());
    } catch (PkiException | RuntimeException e) {
      throw new RefusedMaterialException(Reason.KEY_MISMATCH, String.valueOf(e.getMessage()), e);
    }
  }

  /** Without a list nobody would hear of the next bundle, either: every stream would end. */
  private void requireCrlSigner(String source, Issuer issuer) throws RefusedMaterialException {
    if (!hasRevocations.getAsBoolean()) {
      return;
    }
    try {
      Crl.requireSigner(issuer.certificate());
    } catch (PkiException e) {
      throw new RefusedMaterialException(
          Reason.NO_CRL_SIGN, source + ": there are revocations, and " + e.getMessage(), e);
    }
  }

  private TrustBundle bundle(String source, List<X509Certificate> anchors)
      throws RefusedMaterialException {
    try {
      return new TrustBundle(1, sample.trustDomain(), anchors);
    } catch (IllegalArgumentException e) {
      throw new RefusedMaterialException(Reason.MALFORMED, source + ": " + e.getMessage(), e);
    }
  }

  /** Whoever has the key of an anchor that has left must not be trusted again by accident. */
  private void requireNoneRetired(String source, List<X509Certificate> anchors)
      throws RefusedMaterialException {
    for (X509Certificate anchor : anchors) {
      String refusal = retired.apply(anchor);
      if (!refusal.isEmpty()) {
        throw new RefusedMaterialException(
            Reason.RETIRED,
            source
                + ": trust anchor "
                + Certificates.describe(anchor)
                + " "
                + refusal
                + ": take it out, and bring an anchor of a new key");
      }
    }
  }

  private void verify(String source, Issuer issuer, TrustBundle bundle)
      throws RefusedMaterialException {
    try {
      ChainVerifier.of(bundle, clock).verifyIssuer(issuer.chain());
    } catch (CertificateException e) {
      throw refused(source, e);
    }
  }

  private static RefusedMaterialException refused(String source, CertificateException e) {
    Reason reason =
        switch (e) {
          case CertificateExpiredException expired -> Reason.EXPIRED;
          case CertificateNotYetValidException early -> Reason.NOT_YET_VALID;
          case UntrustedChainException untrusted -> Reason.UNTRUSTED;
          default -> Reason.PROFILE;
        };
    return new RefusedMaterialException(reason, source + ": " + e.getMessage(), e);
  }

  /** Signs a leaf and verifies it, so that what cannot work is found here and not at the peers. */
  private void tryOut(String source, Issuer issuer, TrustBundle bundle)
      throws RefusedMaterialException {
    try {
      List<X509Certificate> chain =
          new CertificateAuthority(() -> issuer, () -> bundle, policy, clock)
              .issue(
                  sample,
                  SigningRequest.parse(
                      SigningRequest.create(sample.dnsName(), PrivateKeys.generate())));
      ChainVerifier verifier = ChainVerifier.of(bundle, clock);
      for (Purpose purpose : Purpose.values()) {
        verifier.verify(chain, purpose);
      }
    } catch (IssuanceStoppedException e) {
      throw new RefusedMaterialException(Reason.EXPIRED, source + ": " + e.getMessage(), e);
    } catch (CertificateException e) {
      throw refused(source, e);
    } catch (IOException | PkiException | RequestRefusedException | RuntimeException e) {
      throw new RefusedMaterialException(
          Reason.PROFILE, source + ": cannot sign a leaf: " + e.getMessage(), e);
    }
  }

  /** Leaves of the issuer in force are out there: an anchor that vouches for them must stay. */
  private void requireNotCutOff(
      String source, Issuer inForce, TrustBundle trust, TrustBundle bundle)
      throws RefusedMaterialException {
    if (!leadsTo(inForce, bundle) && leadsTo(inForce, trust)) {
      throw new RefusedMaterialException(
          Reason.CUTS_OFF_ISSUER,
          source
              + ": no anchor is left that vouches for "
              + Certificates.describe(inForce.certificate())
              + ", the issuer in force: add new anchors beside the old ones first");
    }
  }

  /** Whether peers with this bundle trust what the issuer signs. */
  boolean leadsTo(Issuer issuer, TrustBundle bundle) {
    try {
      ChainVerifier.of(bundle, clock).verifyIssuer(issuer.chain());
      return true;
    } catch (CertificateException e) {
      return false;
    }
  }
}
