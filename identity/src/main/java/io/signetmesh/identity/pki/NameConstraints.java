package io.signetmesh.identity.pki;

import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.NameConstraintValidatorException;
import org.bouncycastle.asn1.x509.PKIXNameConstraintValidator;

/** Name constraints along a path (RFC 5280 sections 4.2.1.10 and 6.1.3). */
final class NameConstraints {
  private NameConstraints() {}

  /**
   * Checks each certificate against the constraints of those above it.
   *
   * @param path from the anchor to the leaf
   */
  static void check(List<X509Certificate> path) throws CertificateException {
    PKIXNameConstraintValidator constraints = new PKIXNameConstraintValidator();
    for (int i = 0; i < path.size(); i++) {
      X509Certificate certificate = path.get(i);
      boolean last = i == path.size() - 1;
      boolean selfIssued =
          certificate.getSubjectX500Principal().equals(certificate.getIssuerX500Principal());
      try {
        if (i > 0 && (last || !selfIssued)) {
          checkNames(constraints, certificate);
        }
        add(constraints, certificate);
      } catch (NameConstraintValidatorException | RuntimeException e) {
        throw new CertificateException(
            "certificate "
                + Certificates.describe(certificate)
                + " is outside the name constraints of its issuers: "
                + e.getMessage(),
            e);
      }
    }
  }

  private static void checkNames(
      PKIXNameConstraintValidator constraints, X509Certificate certificate)
      throws NameConstraintValidatorException {
    byte[] subject = certificate.getSubjectX500Principal().getEncoded();
    X500Name name = X500Name.getInstance(subject);
    if (name.getRDNs().length > 0) {
      constraints.checkPermittedDN(name);
      constraints.checkExcludedDN(name);
    }
    byte[] alternatives = certificate.getExtensionValue("2.5.29.17");
    if (alternatives != null) {
      for (GeneralName alternative :
          GeneralNames.getInstance(ASN1OctetString.getInstance(alternatives).getOctets())
              .getNames()) {
        constraints.checkPermitted(alternative);
        constraints.checkExcluded(alternative);
      }
    }
  }

  private static void add(PKIXNameConstraintValidator constraints, X509Certificate certificate) {
    byte[] extension = certificate.getExtensionValue("2.5.29.30");
    if (extension == null) {
      return;
    }
    var parsed =
        org.bouncycastle.asn1.x509.NameConstraints.getInstance(
            ASN1OctetString.getInstance(extension).getOctets());
    GeneralSubtree[] permitted = parsed.getPermittedSubtrees();
    if (permitted != null) {
      constraints.intersectPermittedSubtree(permitted);
    }
    GeneralSubtree[] excluded = parsed.getExcludedSubtrees();
    if (excluded != null) {
      for (GeneralSubtree subtree : excluded) {
        constraints.addExcludedSubtree(subtree);
      }
    }
  }
}
