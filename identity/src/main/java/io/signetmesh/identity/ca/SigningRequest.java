package io.signetmesh.identity.ca;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
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
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.PKCSException;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequest;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/**
 * A certificate signing request (PKCS#10, RFC 2986) that has been parsed but not yet found good.
 * Only its key and names are ever looked at; nothing of it is copied into a certificate but the
 * key.
 */
public final class SigningRequest {
  /** Largest request taken, bytes of DER. */
  private static final int MAX_DER = 16 * 1024;

  private static final Set<String> SIGNATURES =
      Set.of("1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4");

  private final JcaPKCS10CertificationRequest request;
  private final PublicKey publicKey;
  private final List<String> commonNames;
  private final List<GeneralName> alternativeNames;

  private SigningRequest(
      JcaPKCS10CertificationRequest request,
      PublicKey publicKey,
      List<String> commonNames,
      List<GeneralName> alternativeNames) {
    this.request = request;
    this.publicKey = publicKey;
    this.commonNames = commonNames;
    this.alternativeNames = alternativeNames;
  }

  /**
   * Parses a request in DER.
   *
   * @throws PkiException when the bytes are no PKCS#10 request, or hold more than one
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
          request, request.getPublicKey(), commonNames, alternativeNames(request));
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      throw new PkiException("not a certificate signing request (PKCS#10) in DER", e);
    }
  }

  /** The key to be certified. */
  public PublicKey publicKey() {
    return publicKey;
  }

  /**
   * Checks that the request asks for exactly this identity: one DNS name equal to it and no other
   * name, and a common name that is missing or equal to it.
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
   * Checks that the requester holds the private key, and that the key is ECDSA P-256.
   *
   * @throws PkiException when it is another kind of key, or the signature of the request is not its
   *     own
   */
  public void requirePossession() throws PkiException {
    if (!PrivateKeys.isP256(publicKey)) {
      throw new PkiException(
          "certificate signing request has a key of type "
              + publicKey.getAlgorithm()
              + " that is not taken: expected ECDSA P-256");
    }
    String algorithm = request.getSignatureAlgorithm().getAlgorithm().getId();
    if (!SIGNATURES.contains(algorithm)) {
      throw new PkiException(
          "certificate signing request is signed with algorithm "
              + algorithm
              + ": expected ECDSA with SHA-256, SHA-384 or SHA-512");
    }
    boolean valid;
    try {
      valid = request.isSignatureValid(new JcaContentVerifierProviderBuilder().build(publicKey));
    } catch (OperatorCreationException | PKCSException | RuntimeException e) {
      valid = false;
    }
    if (!valid) {
      throw new PkiException(
          "certificate signing request is not signed by its own key: no proof of possession");
    }
  }

  /** Makes a request for an identity, signed by the key to be certified. */
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
          .build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate()))
          .getEncoded();
    } catch (IOException | OperatorCreationException e) {
      throw new IllegalStateException("certificate signing request cannot be made", e);
    }
  }

  private static List<GeneralName> alternativeNames(PKCS10CertificationRequest request) {
    List<GeneralName> names = new ArrayList<>();
    for (Attribute attribute :
        request.getAttributes(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest)) {
      for (var value : attribute.getAttributeValues()) {
        Extension extension =
            Extensions.getInstance(value).getExtension(Extension.subjectAlternativeName);
        if (extension != null) {
          names.addAll(List.of(GeneralNames.getInstance(extension.getParsedValue()).getNames()));
        }
      }
    }
    return names;
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
