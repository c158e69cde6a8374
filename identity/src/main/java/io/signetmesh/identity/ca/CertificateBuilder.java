package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.security.KeyPair;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Date;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.CRLDistPoint;
import org.bouncycastle.asn1.x509.DistributionPoint;
import org.bouncycastle.asn1.x509.DistributionPointName;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.bc.BcX509ExtensionUtils;
import org.jspecify.annotations.Nullable;

/**
 * Builds and signs certificates of the three profiles of the mesh (RFC 5280): anchor, issuer and
 * leaf. The kind of the signing key selects the signature algorithm ({@link KeyKind}).
 */
public final class CertificateBuilder {
  /** Upper bound of a common name (X.520, ub-common-name). */
  private static final int MAX_COMMON_NAME = 64;

  private CertificateBuilder() {}

  /**
   * Makes a self-signed anchor with path length 1: it allows one CA below it.
   *
   * @param name common name of the subject; left out when longer than 64 characters
   * @throws PkiException when the key cannot sign
   */
  public static X509Certificate anchor(String name, KeyPair keys, Instant from, Instant until)
      throws PkiException {
    return anchor(name, keys.getPublic(), SigningKey.of(keys.getPrivate()), from, until);
  }

  /**
   * Makes a self-signed anchor with path length 1. The signing key may be in a token.
   *
   * @param name common name of the subject; left out when longer than 64 characters
   * @throws PkiException when the key cannot sign
   */
  public static X509Certificate anchor(
      String name, PublicKey key, SigningKey signer, Instant from, Instant until)
      throws PkiException {
    X500Name subject = subject(name);
    return ca(subject, subject, key, signer, null, key, 1, from, until);
  }

  /**
   * Makes an issuer of leaves, signed by an anchor.
   *
   * @param name common name of the subject; left out when longer than 64 characters
   * @param key public key of the issuer
   * @throws PkiException when the anchor's key cannot sign
   */
  public static X509Certificate issuer(
      String name,
      PublicKey key,
      SigningKey anchorKey,
      X509Certificate anchor,
      Instant from,
      Instant until)
      throws PkiException {
    return ca(
        X500Name.getInstance(anchor.getSubjectX500Principal().getEncoded()),
        subject(name),
        key,
        anchorKey,
        anchor,
        anchor.getPublicKey(),
        0,
        from,
        until);
  }

  /** A leaf for both sides of TLS; the DNS name is first among its names, the SPIFFE id second. */
  static X509Certificate leaf(
      WorkloadIdentity identity,
      PublicKey key,
      Issuer issuer,
      Instant from,
      Instant until,
      @Nullable URI crlUrl)
      throws PkiException {
    String dnsName = identity.dnsName();
    X500Name subject = subject(dnsName);
    X509v3CertificateBuilder builder =
        builder(
            X500Name.getInstance(issuer.certificate().getSubjectX500Principal().getEncoded()),
            subject,
            key,
            from,
            until);
    try {
      builder
          .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
          .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
          .addExtension(
              Extension.extendedKeyUsage,
              false,
              new ExtendedKeyUsage(
                  new KeyPurposeId[] {
                    KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth
                  }))
          .addExtension(
              Extension.subjectAlternativeName,
              subject.getRDNs().length == 0,
              new GeneralNames(
                  new GeneralName[] {
                    new GeneralName(GeneralName.dNSName, dnsName),
                    new GeneralName(GeneralName.uniformResourceIdentifier, identity.spiffeId())
                  }))
          .addExtension(Extension.subjectKeyIdentifier, false, keyIdentifier(key))
          .addExtension(
              Extension.authorityKeyIdentifier,
              false,
              new AuthorityKeyIdentifier(keyIdentifier(issuer.certificate())));
      if (crlUrl != null) {
        builder.addExtension(Extension.cRLDistributionPoints, false, distributionPoint(crlUrl));
      }
    } catch (IOException e) {
      throw new IllegalStateException("extension cannot be encoded", e);
    }
    return sign(builder, issuer.key(), issuer.certificate().getPublicKey());
  }

  private static CRLDistPoint distributionPoint(URI url) {
    GeneralNames name =
        new GeneralNames(
            new GeneralName(GeneralName.uniformResourceIdentifier, url.toASCIIString()));
    return new CRLDistPoint(
        new DistributionPoint[] {
          new DistributionPoint(new DistributionPointName(name), null, null)
        });
  }

  private static X509Certificate ca(
      X500Name issuerName,
      X500Name subject,
      PublicKey key,
      SigningKey signer,
      @Nullable X509Certificate signerCertificate,
      PublicKey signerKey,
      int pathLength,
      Instant from,
      Instant until)
      throws PkiException {
    X509v3CertificateBuilder builder = builder(issuerName, subject, key, from, until);
    byte[] authority =
        signerCertificate == null
            ? keyIdentifier(key).getKeyIdentifier()
            : keyIdentifier(signerCertificate);
    try {
      builder
          .addExtension(Extension.basicConstraints, true, new BasicConstraints(pathLength))
          .addExtension(
              Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign))
          .addExtension(Extension.subjectKeyIdentifier, false, keyIdentifier(key))
          .addExtension(
              Extension.authorityKeyIdentifier, false, new AuthorityKeyIdentifier(authority));
    } catch (IOException e) {
      throw new IllegalStateException("extension cannot be encoded", e);
    }
    return sign(builder, signer, signerKey);
  }

  private static X509v3CertificateBuilder builder(
      X500Name issuer, X500Name subject, PublicKey key, Instant from, Instant until) {
    return new X509v3CertificateBuilder(
        issuer,
        serial(),
        Date.from(from),
        Date.from(until),
        subject,
        SubjectPublicKeyInfo.getInstance(key.getEncoded()));
  }

  /** 128 random bits, so that serials neither repeat nor can be foreseen. */
  private static BigInteger serial() {
    SecureRandom random = new SecureRandom();
    BigInteger serial;
    do {
      serial = new BigInteger(128, random);
    } while (serial.signum() == 0);
    return serial;
  }

  /** Common name, or nothing when the name is longer than a common name may be. */
  private static X500Name subject(String name) {
    X500NameBuilder subject = new X500NameBuilder(BCStyle.INSTANCE);
    if (name.length() <= MAX_COMMON_NAME) {
      subject.addRDN(BCStyle.CN, name);
    }
    return subject.build();
  }

  private static SubjectKeyIdentifier keyIdentifier(PublicKey key) {
    return new BcX509ExtensionUtils()
        .createSubjectKeyIdentifier(SubjectPublicKeyInfo.getInstance(key.getEncoded()));
  }

  private static byte[] keyIdentifier(X509Certificate certificate) {
    byte[] extension = certificate.getExtensionValue(Extension.subjectKeyIdentifier.getId());
    return extension == null
        ? keyIdentifier(certificate.getPublicKey()).getKeyIdentifier()
        : SubjectKeyIdentifier.getInstance(ASN1OctetString.getInstance(extension).getOctets())
            .getKeyIdentifier();
  }

  private static X509Certificate sign(
      X509v3CertificateBuilder builder, SigningKey key, PublicKey publicKey) throws PkiException {
    try {
      return key.sign(
          KeyKind.of("issuer", publicKey),
          publicKey,
          signer ->
              Certificates.parseDer("certificate just signed", builder.build(signer).getEncoded()));
    } catch (PkiException | IOException | RuntimeException e) {
      throw new PkiException(
          "certificate cannot be signed with the issuer's key: " + e.getMessage(), e);
    }
  }
}
