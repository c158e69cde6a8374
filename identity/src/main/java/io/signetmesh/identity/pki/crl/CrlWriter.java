package io.signetmesh.identity.pki.crl;

import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.bc.BcX509ExtensionUtils;
import org.bouncycastle.operator.ContentSigner;

/**
 * Writes and signs CRLs: version 2, with CRL number and authority key identifier (RFC 5280 section
 * 5). A list with certificates of an issuer other than its signer is an indirect CRL (sections
 * 5.2.5 and 5.3.3). Other lists are not marked indirect, because few verifiers accept indirect
 * CRLs.
 */
public final class CrlWriter {
  private static final byte[] TRUE = {(byte) 0xff};

  /** About what an entry takes. */
  private static final int ENTRY_BYTES = 64;

  private CrlWriter() {}

  /**
   * A revoked certificate.
   *
   * @param issuer its issuer
   * @param serial its serial number, positive
   * @param date when it was revoked
   * @param reason {@link RevocationReason#REMOVE_FROM_CRL} in delta CRLs only
   */
  public record Entry(
      X500Principal issuer, BigInteger serial, Instant date, RevocationReason reason) {}

  /**
   * The content of a list.
   *
   * @param number CRL number, from 1
   * @param base number of the list that a delta CRL adds to; 0 for a full list
   * @param thisUpdate when the list is issued
   * @param nextUpdate the latest time of the next list
   * @param entries certificates in any order
   * @param identities revoked identities
   * @param lifted identities that are no longer revoked; in delta CRLs only
   */
  public record Content(
      long number,
      long base,
      Instant thisUpdate,
      Instant nextUpdate,
      List<Entry> entries,
      List<String> identities,
      List<String> lifted) {}

  /**
   * Signs a list.
   *
   * @param signer certificate of the key; its subject is the issuer of the list
   * @param key signs; its algorithm must fit the certificate
   * @return the CRL in DER
   * @throws PkiException when the certificate may not sign CRLs
   * @throws RuntimeException from the key, when it cannot sign
   */
  public static byte[] sign(Content content, X509Certificate signer, ContentSigner key)
      throws PkiException {
    Crl.requireSigner(signer);
    byte[] identifier;
    byte[] list;
    byte[] signature;
    try (OutputStream out = key.getOutputStream()) {
      identifier = key.getAlgorithmIdentifier().getEncoded("DER");
      list = list(content, signer, identifier);
      out.write(list);
      signature = key.getSignature();
    } catch (IOException e) {
      throw new PkiException("CRL cannot be signed: " + e.getMessage(), e);
    }
    byte[] bits = new byte[signature.length + 1];
    System.arraycopy(signature, 0, bits, 1, signature.length);
    return new DerWriter(list.length + bits.length + 64)
        .element(DerCursor.BIT_STRING, bits)
        .prepend(identifier)
        .prepend(list)
        .wrap(DerCursor.SEQUENCE, 0)
        .toByteArray();
  }

  private static byte[] list(Content content, X509Certificate signer, byte[] identifier) {
    X500Principal own = signer.getSubjectX500Principal();
    List<Entry> entries = sorted(content.entries(), own);
    DerWriter out = new DerWriter(ENTRY_BYTES * entries.size() + 1024);
    boolean isIndirect = !entries.isEmpty() && !entries.getLast().issuer().equals(own);
    extensions(out, content, signer, isIndirect);
    if (!entries.isEmpty()) {
      int before = out.length();
      for (int i = entries.size() - 1; i >= 0; i--) {
        // Each of them names its issuer, although the first of a run would do (section 5.3.3): the
        // JDK takes entries of equal bytes for one.
        entry(out, entries.get(i), !entries.get(i).issuer().equals(own));
      }
      out.wrap(DerCursor.SEQUENCE, before);
    }
    time(out, content.nextUpdate());
    time(out, content.thisUpdate());
    return out.prepend(own.getEncoded())
        .prepend(identifier)
        .element(DerCursor.INTEGER, new byte[] {1})
        .wrap(DerCursor.SEQUENCE, 0)
        .toByteArray();
  }

  /** The signer's own first, then those of each other issuer, by serial number. */
  private static List<Entry> sorted(List<Entry> entries, X500Principal own) {
    Map<X500Principal, Integer> ranks = new HashMap<>();
    ranks.put(own, 0);
    for (Entry entry : entries) {
      ranks.computeIfAbsent(entry.issuer(), issuer -> ranks.size());
    }
    Entry[] order = entries.toArray(new Entry[0]);
    Arrays.sort(
        order,
        Comparator.comparingInt((Entry entry) -> ranks.getOrDefault(entry.issuer(), 0))
            .thenComparing(Entry::serial));
    return Arrays.asList(order);
  }

  private static void entry(DerWriter out, Entry entry, boolean namesIssuer) {
    int before = out.length();
    if (namesIssuer) {
      extension(
          out,
          CrlFormat.CERTIFICATE_ISSUER,
          true,
          new DerWriter(256)
              .prepend(entry.issuer().getEncoded())
              .wrap(CrlFormat.DIRECTORY_NAME, 0)
              .wrap(DerCursor.SEQUENCE, 0)
              .toByteArray());
    }
    if (entry.reason() != RevocationReason.UNSPECIFIED) {
      byte[] code = {(byte) entry.reason().code()};
      extension(
          out,
          CrlFormat.REASON_CODE,
          false,
          new DerWriter(8).element(DerCursor.ENUMERATED, code).toByteArray());
    }
    if (out.length() > before) {
      out.wrap(DerCursor.SEQUENCE, before);
    }
    time(out, entry.date());
    out.element(DerCursor.INTEGER, entry.serial().toByteArray());
    out.wrap(DerCursor.SEQUENCE, before);
  }

  private static void extensions(
      DerWriter out, Content content, X509Certificate signer, boolean isIndirect) {
    // From the last to the first.
    if (!content.lifted().isEmpty()) {
      extension(out, CrlFormat.LIFTED_IDENTITIES, false, strings(content.lifted()));
    }
    if (!content.identities().isEmpty()) {
      extension(out, CrlFormat.REVOKED_IDENTITIES, false, strings(content.identities()));
    }
    if (isIndirect) {
      extension(
          out,
          CrlFormat.ISSUING_DISTRIBUTION_POINT,
          true,
          new DerWriter(16)
              .element(CrlFormat.INDIRECT_CRL, TRUE)
              .wrap(DerCursor.SEQUENCE, 0)
              .toByteArray());
    }
    if (content.base() > 0) {
      extension(out, CrlFormat.DELTA_CRL_INDICATOR, true, number(content.base()));
    }
    extension(out, CrlFormat.CRL_NUMBER, false, number(content.number()));
    extension(
        out,
        CrlFormat.AUTHORITY_KEY_IDENTIFIER,
        false,
        new DerWriter(64)
            .element(0x80, keyIdentifier(signer))
            .wrap(DerCursor.SEQUENCE, 0)
            .toByteArray());
    out.wrap(DerCursor.SEQUENCE, 0).wrap(CrlFormat.CONTEXT_0, 0);
  }

  private static void extension(DerWriter out, byte[] oid, boolean critical, byte[] value) {
    int before = out.length();
    out.element(DerCursor.OCTET_STRING, value);
    if (critical) {
      out.element(DerCursor.BOOLEAN, new byte[] {(byte) 0xff});
    }
    out.element(DerCursor.OBJECT_IDENTIFIER, oid).wrap(DerCursor.SEQUENCE, before);
  }

  private static byte[] number(long number) {
    return new DerWriter(16)
        .element(DerCursor.INTEGER, BigInteger.valueOf(number).toByteArray())
        .toByteArray();
  }

  private static byte[] strings(List<String> strings) {
    DerWriter out = new DerWriter(100 * strings.size());
    for (String string : strings.reversed()) {
      out.element(DerCursor.UTF8_STRING, string.getBytes(StandardCharsets.UTF_8));
    }
    return out.wrap(DerCursor.SEQUENCE, 0).toByteArray();
  }

  private static void time(DerWriter out, Instant time) {
    out.element(CrlFormat.timeTag(time), CrlFormat.time(time));
  }

  private static byte[] keyIdentifier(X509Certificate signer) {
    byte[] extension = signer.getExtensionValue("2.5.29.14");
    return extension == null
        ? new BcX509ExtensionUtils()
            .createSubjectKeyIdentifier(
                SubjectPublicKeyInfo.getInstance(signer.getPublicKey().getEncoded()))
            .getKeyIdentifier()
        : SubjectKeyIdentifier.getInstance(ASN1OctetString.getInstance(extension).getOctets())
            .getKeyIdentifier();
  }
}
