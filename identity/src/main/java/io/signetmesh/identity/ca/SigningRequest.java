package io.signetmesh.identity.ca;

import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.Provider;
import java.security.PublicKey;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.pkcs.Attribute;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x500.style.IETFUtils;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.PKCSException;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequest;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.jspecify.annotations.Nullable;

/**
 * A certificate signing request (PKCS#10, RFC 2986) that has been parsed but not yet checked. Only
 * its key is copied into a certificate.
 */
public final class SigningRequest {
  /** Largest request taken, bytes of DER. */
  private static final int MAX_DER = 8 * 1024;

  private static final Set<String> SIGNATURES =
      Set.of("1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4");

  private final JcaPKCS10CertificationRequest request;
  private final PublicKey publicKey;
  private final List<String> commonNames;
  private final List<GeneralName> alternativeNames;
  private final @Nullable String caAskedFor;

  private SigningRequest(
      JcaPKCS10CertificationRequest request,
      PublicKey publicKey,
      List<String> commonNames,
      List<GeneralName> alternativeNames,
      @Nullable String caAskedFor) {
    this.request = request;
    this.publicKey = publicKey;
    this.commonNames = commonNames;
    this.alternativeNames = alternativeNames;
    this.caAskedFor = caAskedFor;
  }

  /**
   * Parses a request in DER.
   *
   * @throws PkiException when the bytes are not exactly one PKCS#10 request
   */
  public static SigningRequest parse(byte[] der) throws PkiException {
    if (der.length == 0 || der.length > MAX_DER) {
      throw new PkiException(
          "certificate signing request of " + der.length + " bytes: expected 1 to " + MAX_DER);
    }
    try {
      // fromByteArray refuses bytes after the request.
      var request =
          new JcaPKCS10CertificationRequest(
              new PKCS10CertificationRequest(
                  org.bouncycastle.asn1.pkcs.CertificationRequest.getInstance(
                      ASN1Primitive.fromByteArray(der))));
      // The signature is checked over the request as written here: it must be what came.
      if (!Arrays.equals(der, request.toASN1Structure().getEncoded(ASN1Encoding.DER))) {
        throw new PkiException("certificate signing request is not in canonical form (DER)");
      }
      List<String> commonNames = new ArrayList<>();
      for (RDN rdn : request.getSubject().getRDNs(BCStyle.CN)) {
        for (var part : rdn.getTypesAndValues()) {
          if (part.getType().equals(BCStyle.CN)) {
            commonNames.add(IETFUtils.valueToString(part.getValue()));
          }
        }
      }
      return new SigningRequest(
          request,
          request.getPublicKey(),
          commonNames,
          alternativeNames(request),
          caAskedFor(request));
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      throw new PkiException("not a certificate signing request (PKCS#10) in DER", e);
    }
  }

  /** The key to be certified. */
  public PublicKey publicKey() {
    return publicKey;
  }

  /**
   * Checks that the request asks for exactly this identity: one DNS name equal to it, no other
   * name, and no common name or one equal to it.
   *
   * @throws PkiException when it asks for anything else
   */
  public void requireNames(WorkloadIdentity identity) throws PkiException {
    String expected = identity.dnsName();
    if (alternativeNames.size() != 1
        || alternativeNames.getFirst().getTagNo() != GeneralName.dNSName
        || !alternativeNames.getFirst().getName().toString().equals(expected)) {
      throw new PkiException(
          "certificate signing request names "
              + describe(alternativeNames)
              + ": expected exactly the DNS name "
              + expected);
    }
    for (String commonName : commonNames) {
      if (!commonName.isEmpty() && !commonName.equals(expected)) {
        throw new PkiException(
            "certificate signing request has common name "
                + WorkloadIdentity.printable(commonName)
                + ": expected none or "
                + expected);
      }
    }
  }

  /**
   * Checks that the request does not ask for a CA: neither basic constraints with CA true, nor key
   * usage keyCertSign or cRLSign. The CA would ignore both; the error tells the requester.
   *
   * @throws PkiException when it asks for either
   */
  public void requireNoCa() throws PkiException {
    if (caAskedFor != null) {
      throw new PkiException(
          "certificate signing request asks for a CA certificate ("
              + caAskedFor
              + "): expected an end-entity one");
    }
  }

  /**
   * Checks that the key is ECDSA P-256 or P-384.
   *
   * @throws PkiException when it is another kind of key
   */
  public void requireKey() throws PkiException {
    if (!PrivateKeys.isP256(publicKey) && !PrivateKeys.isP384(publicKey)) {
      throw new PkiException(
          "certificate signing request has a key of type "
              + KeyKind.describe(publicKey)
              + " that is not taken: expected ECDSA P-256 or P-384");
    }
  }

  /**
   * Checks that the requester holds the private key, and that the key is ECDSA P-256 or P-384.
   *
   * @throws PkiException when the key is of another kind, or the request is not signed by it
   */
  public void requirePossession() throws PkiException {
    requireKey();
    String algorithm = request.getSignatureAlgorithm().getAlgorithm().getId();
    if (!SIGNATURES.contains(algorithm)) {
      throw new PkiException(
          "certificate signing request is signed with algorithm "
              + algorithm
              + ": expected ECDSA with SHA-256, SHA-384 or SHA-512");
    }
    boolean valid;
    try {
      JcaContentVerifierProviderBuilder verifier = new JcaContentVerifierProviderBuilder();
      Provider provider = Signatures.provider("SHA256withECDSA");
      if (provider != null) {
        verifier.setProvider(provider);
      }
      valid = request.isSignatureValid(verifier.build(publicKey));
    } catch (OperatorCreationException | PKCSException | RuntimeException e) {
      valid = false;
    }
    if (!valid) {
      throw new PkiException(
          "certificate signing request is not signed by its own key: no proof of possession");
    }
  }

  /** Makes a request for a DNS name, signed by the key to be certified; in DER. */
  public static byte[] create(String dnsName, KeyPair keys) {
    try {
      X500NameBuilder subject = new X500NameBuilder(BCStyle.INSTANCE);
      if (dnsName.length() <= 64) {
        subject.addRDN(BCStyle.CN, dnsName);
      }
      ExtensionsGenerator extensions = new ExtensionsGenerator();
      extensions.addExtension(
          Extension.subjectAlternativeName,
          subject.build().getRDNs().length == 0,
          new GeneralNames(new GeneralName(GeneralName.dNSName, dnsName)));
      return new JcaPKCS10CertificationRequestBuilder(subject.build(), keys.getPublic())
          .addAttribute(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest, extensions.generate())
          .build(
              SigningKey.of(keys.getPrivate())
                  .contentSigner(
                      PrivateKeys.isP384(keys.getPublic()) ? KeyKind.P384 : KeyKind.P256))
          .getEncoded();
    } catch (IOException | PkiException e) {
      throw new IllegalStateException("certificate signing request cannot be made", e);
    }
  }

  private static List<GeneralName> alternativeNames(PKCS10CertificationRequest request) {
    List<GeneralName> names = new ArrayList<>();
    for (Extensions extensions : extensions(request)) {
      Extension extension = extensions.getExtension(Extension.subjectAlternativeName);
      if (extension != null) {
        names.addAll(List.of(GeneralNames.getInstance(extension.getParsedValue()).getNames()));
      }
    }
    return names;
  }

  /** The extension that asks for a CA, as people name it; null when none does. */
  private static @Nullable String caAskedFor(PKCS10CertificationRequest request) {
    for (Extensions extensions : extensions(request)) {
      Extension constraints = extensions.getExtension(Extension.basicConstraints);
      if (constraints != null
          && BasicConstraints.getInstance(constraints.getParsedValue()).isCA()) {
        return "basicConstraints CA:TRUE";
      }
      Extension usage = extensions.getExtension(Extension.keyUsage);
      if (usage != null) {
        KeyUsage asked = KeyUsage.getInstance(usage.getParsedValue());
        if (asked.hasUsages(KeyUsage.keyCertSign)) {
          return "keyUsage keyCertSign";
        }
        if (asked.hasUsages(KeyUsage.cRLSign)) {
          return "keyUsage cRLSign";
        }
      }
    }
    return null;
  }

  private static List<Extensions> extensions(PKCS10CertificationRequest request) {
    List<Extensions> all = new ArrayList<>();
    for (Attribute attribute :
        request.getAttributes(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest)) {
      for (var value : attribute.getAttributeValues()) {
        all.add(Extensions.getInstance(value));
      }
    }
    return all;
  }

  private static String describe(List<GeneralName> names) {
    if (names.isEmpty()) {
      return "nobody";
    }
    StringBuilder text = new StringBuilder();
    for (GeneralName name : names.subList(0, Math.min(names.size(), 4))) {
      String kind =
          switch (name.getTagNo()) {
            case GeneralName.dNSName -> "DNS";
            case GeneralName.uniformResourceIdentifier -> "URI";
            case GeneralName.iPAddress -> "IP";
            case GeneralName.rfc822Name -> "e-mail";
            default -> "type " + name.getTagNo();
          };
      text.append(text.isEmpty() ? "" : ", ")
          .append(kind)
          .append(' ')
          .append(WorkloadIdentity.printable(name.getName().toString()));
    }
    return names.size() > 4 ? text + " and " + (names.size() - 4) + " more" : text.toString();
  }
}
