package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.math.BigInteger;
import java.security.KeyPair;
import java.security.PrivateKey;
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
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;

/** Writes and signs certificates: the three profiles of the mesh (RFC 5280). */
final class CertificateBuilder {
  private static final String SIGNATURE = "SHA256withECDSA";

  /** Upper bound of a common name (X.520, ub-common-name). */
  private static final int MAX_COMMON_NAME = 64;

  private CertificateBuilder() {}

  /** A self-signed anchor that allows one CA below it. */
  static X509Certificate anchor(String name, KeyPair keys, Instant from, Instant until) {
    X500Name subject = subject(name);
    return ca(subject, subject, keys.getPublic(), keys.getPrivate(), null, 1, from, until);
  }

  /** An issuer of leaves under an anchor. */
  static X509Certificate issuer(
      String name,
      PublicKey key,
      PrivateKey anchorKey,
      X509Certificate anchor,
      Instant from,
      Instant until) {
    return ca(
        X500Name.getInstance(anchor.getSubjectX500Principal().getEncoded()),
        subject(name),
        key,
        anchorKey,
        anchor,
        0,
        from,
        until);
  }

  /** A leaf for both sides of TLS; the DNS name is first among its names, the SPIFFE id second. */
  static X509Certificate leaf(
      WorkloadIdentity identity, PublicKey key, Issuer issuer, Instant from, Instant until) {
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
    } catch (IOException e) {
      throw new IllegalStateException("extension cannot be encoded", e);
    }
    return sign(builder, issuer.privateKey());
  }

  private static X509Certificate ca(
      X500Name issuerName,
      X500Name subject,
      PublicKey key,
      PrivateKey signer,
      @Nullable X509Certificate signerCertificate,
      int pathLength,
      Instant from,
      Instant until) {
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
    return sign(builder, signer);
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

  private static X509Certificate sign(X509v3CertificateBuilder builder, PrivateKey key) {
    try {
      ContentSigner signer = new JcaContentSignerBuilder(SIGNATURE).build(key);
      return Certificates.parseDer("certificate just signed", builder.build(signer).getEncoded());
    } catch (OperatorCreationException | IOException | PkiException e) {
      throw new IllegalStateException("certificate cannot be signed with the issuer's key", e);
    }
  }
}
