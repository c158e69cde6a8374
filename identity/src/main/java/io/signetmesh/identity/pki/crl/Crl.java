package io.signetmesh.identity.pki.crl;

import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.RevocationList;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.security.auth.x500.X500Principal;
import org.jspecify.annotations.Nullable;

/**
 * A certificate revocation list as it was received: parsed, but not verified before {@link
 * #verify}. Entries stay in the encoding and take no objects.
 *
 * <p>Accepted are version 2 lists with a CRL number and nextUpdate: full, delta and indirect CRLs
 * of all certificates and all reasons. A list with any other critical extension must not be used
 * (RFC 5280 section 5.2) and is refused.
 */
public final class Crl {
  /** Largest accepted list, in bytes of DER: some 500,000 certificates of one issuer. */
  public static final int MAX_BYTES = 24 << 20;

  /** Longest identity taken, in bytes: a SPIFFE id has 2048 at most. */
  private static final int MAX_IDENTITY = 2048;

  private static final int CRL_SIGN = 6;

  private final byte[] der;
  private final int listStart;
  private final int listEnd;
  private final byte[] signatureAlgorithm;
  private final byte[] signature;
  private final X500Principal issuer;
  private final Instant thisUpdate;
  private final Instant nextUpdate;
  private final int entriesStart;
  private final int entriesEnd;

  private long number;
  private long base;
  private boolean isIndirect;
  private List<String> identities = List.of();
  private List<String> lifted = List.of();

  private Crl(byte[] der) throws PkiException {
    this.der = der;
    DerCursor top = new DerCursor(der, 0, der.length);
    DerCursor outer = top.enter(DerCursor.SEQUENCE);
    top.finish();
    this.listStart = outer.offset();
    DerCursor list = outer.enter(DerCursor.SEQUENCE);
    this.listEnd = outer.offset();
    this.signatureAlgorithm = outer.whole(DerCursor.SEQUENCE);
    byte[] bits = outer.content(DerCursor.BIT_STRING);
    outer.finish();
    if (bits.length < 2 || bits[0] != 0) {
      throw new PkiException("signature of " + bits.length + " bytes: expected whole bytes");
    }
    this.signature = Arrays.copyOfRange(bits, 1, bits.length);

    long version = list.number();
    if (version != 1) {
      throw new PkiException("version " + (version + 1) + ": expected 2");
    }
    if (!Arrays.equals(list.whole(DerCursor.SEQUENCE), signatureAlgorithm)) {
      throw new PkiException("two different signature algorithms: expected one");
    }
    this.issuer = name(list.whole(DerCursor.SEQUENCE));
    this.thisUpdate = CrlFormat.time(list);
    this.nextUpdate = CrlFormat.time(list);
    if (list.peek() == DerCursor.SEQUENCE) {
      DerCursor entries = list.enter(DerCursor.SEQUENCE);
      this.entriesStart = entries.offset();
      this.entriesEnd = entries.end();
    } else {
      this.entriesStart = 0;
      this.entriesEnd = 0;
    }
    DerCursor explicit = list.enter(CrlFormat.CONTEXT_0);
    list.finish();
    DerCursor extensions = explicit.enter(DerCursor.SEQUENCE);
    explicit.finish();
    readExtensions(extensions);
  }

  /**
   * Parses a list.
   *
   * @param source named in errors
   * @throws PkiException when the list is malformed, too large, or has an unsupported critical
   *     extension
   */
  public static Crl parse(String source, byte[] der) throws PkiException {
    if (der.length > MAX_BYTES) {
      throw new PkiException(
          source + ": CRL of " + der.length + " bytes: expected at most " + MAX_BYTES);
    }
    try {
      Crl crl = new Crl(der);
      crl.readEntries(null);
      return crl;
    } catch (PkiException e) {
      throw new PkiException(source + ": CRL: " + e.getMessage(), e);
    }
  }

  /**
   * Refuses a certificate that may not sign CRLs (RFC 5280 section 4.2.1.3).
   *
   * @throws PkiException when it is not a CA, or lacks the key usage cRLSign
   */
  public static void requireSigner(X509Certificate certificate) throws PkiException {
    boolean[] usage = certificate.getKeyUsage();
    if (certificate.getBasicConstraints() < 0 || usage == null || !usage[CRL_SIGN]) {
      throw new PkiException(
          "certificate "
              + Certificates.describe(certificate)
              + " may not sign a CRL: expected a CA certificate with key usage cRLSign");
    }
  }

  /** CRL number, from 1. */
  public long number() {
    return number;
  }

  /** BaseCRLNumber of a delta CRL (RFC 5280 section 5.2.4); 0 for a full list. */
  public long base() {
    return base;
  }

  /** Distinguished name of the list's signer. */
  public X500Principal issuer() {
    return issuer;
  }

  /** When the list was issued (RFC 5280 section 5.1.2.4). */
  public Instant thisUpdate() {
    return thisUpdate;
  }

  /** The latest time of the next list (RFC 5280 section 5.1.2.5). */
  public Instant nextUpdate() {
    return nextUpdate;
  }

  /**
   * Checks that a certificate is the list's issuer, may sign lists, and has signed this one.
   *
   * @param signer must itself have been verified
   * @throws PkiException when one of these checks fails
   */
  public void verify(X509Certificate signer) throws PkiException {
    requireSigner(signer);
    if (!signer.getSubjectX500Principal().equals(issuer)) {
      throw new PkiException(
          "CRL "
              + number
              + " is of another issuer than "
              + Certificates.describe(signer)
              + ": expected the certificate that signed it");
    }
    boolean isGood;
    try {
      Signature check = Signatures.of(CrlFormat.signatureAlgorithm(signatureAlgorithm));
      check.initVerify(signer.getPublicKey());
      check.update(der, listStart, listEnd - listStart);
      isGood = check.verify(signature);
    } catch (GeneralSecurityException e) {
      throw new PkiException(
          "signature of CRL " + number + " cannot be checked: " + e.getMessage(), e);
    }
    if (!isGood) {
      throw new PkiException(
          "CRL " + number + " is not signed by " + Certificates.describe(signer));
    }
  }

  /**
   * Applies this list to the list in force. A full list replaces it; a delta CRL adds to it.
   *
   * @param held the list in force; a delta CRL must have its number as base
   * @throws PkiException when a delta CRL has another base
   */
  public RevocationList onto(RevocationList held) throws PkiException {
    if (base > 0 && base != held.number()) {
      throw new PkiException(
          "CRL " + number + " adds to CRL " + base + ": CRL " + held.number() + " is in force");
    }
    RevocationList.Builder builder = (base > 0 ? held : RevocationList.NONE).change();
    readEntries(builder);
    identities.forEach(builder::revoke);
    lifted.forEach(builder::lift);
    return builder.build(number);
  }

  private void readEntries(RevocationList.@Nullable Builder to) throws PkiException {
    DerCursor entries = new DerCursor(der, entriesStart, entriesEnd);
    X500Principal certificateIssuer = issuer;
    while (entries.hasMore()) {
      DerCursor entry = entries.enter(DerCursor.SEQUENCE);
      byte[] serial = entry.integer();
      CrlFormat.skipTime(entry);
      RevocationReason reason = RevocationReason.UNSPECIFIED;
      if (entry.hasMore()) {
        DerCursor extensions = entry.enter(DerCursor.SEQUENCE);
        boolean hasReason = false;
        boolean hasIssuer = false;
        while (extensions.hasMore()) {
          Extension extension = Extension.read(extensions);
          if (extension.is(CrlFormat.REASON_CODE)) {
            extension.requireFirst(hasReason);
            hasReason = true;
            reason = reason(extension);
          } else if (extension.is(CrlFormat.CERTIFICATE_ISSUER)) {
            extension.requireFirst(hasIssuer);
            hasIssuer = true;
            if (!isIndirect) {
              throw extension.unexpected("names an issuer in a CRL that is not indirect");
            }
            certificateIssuer = certificateIssuer(extension.value());
          } else if (extension.critical && !extension.is(CrlFormat.INVALIDITY_DATE)) {
            throw extension.unexpected("is critical and unknown");
          }
        }
      }
      entry.finish();
      if (reason == RevocationReason.REMOVE_FROM_CRL && base == 0) {
        throw new PkiException("removeFromCRL in a full CRL: expected it in a delta CRL only");
      }
      if (to != null) {
        if (reason == RevocationReason.REMOVE_FROM_CRL) {
          to.lift(certificateIssuer, serial);
        } else {
          to.revoke(certificateIssuer, serial);
        }
      }
    }
  }

  private static RevocationReason reason(Extension extension) throws PkiException {
    DerCursor value = extension.value();
    byte[] code = value.content(DerCursor.ENUMERATED);
    value.finish();
    if (code.length != 1) {
      throw extension.unexpected("has a code of " + code.length + " bytes");
    }
    return RevocationReason.ofCode(code[0])
        .orElseThrow(() -> extension.unexpected("has the unknown code " + code[0]));
  }

  private static X500Principal certificateIssuer(DerCursor value) throws PkiException {
    DerCursor names = value.enter(DerCursor.SEQUENCE);
    value.finish();
    DerCursor directory = names.enter(CrlFormat.DIRECTORY_NAME);
    names.finish();
    byte[] name = directory.whole(DerCursor.SEQUENCE);
    directory.finish();
    return name(name);
  }

  private void readExtensions(DerCursor extensions) throws PkiException {
    Set<ByteBuffer> seen = new HashSet<>();
    while (extensions.hasMore()) {
      Extension extension = Extension.read(extensions);
      extension.requireFirst(!seen.add(ByteBuffer.wrap(extension.oid)));
      if (extension.is(CrlFormat.CRL_NUMBER)) {
        number = number(extension);
      } else if (extension.is(CrlFormat.DELTA_CRL_INDICATOR)) {
        base = number(extension);
      } else if (extension.is(CrlFormat.ISSUING_DISTRIBUTION_POINT)) {
        DerCursor value = extension.value();
        DerCursor point = value.enter(DerCursor.SEQUENCE);
        value.finish();
        isIndirect = point.truth(CrlFormat.INDIRECT_CRL);
        if (!isIndirect || point.hasMore()) {
          throw extension.unexpected("has another scope than indirectCRL");
        }
      } else if (extension.is(CrlFormat.REVOKED_IDENTITIES)) {
        identities = strings(extension);
      } else if (extension.is(CrlFormat.LIFTED_IDENTITIES)) {
        lifted = strings(extension);
      } else if (extension.critical) {
        throw extension.unexpected("is critical and unknown");
      }
    }
    if (number == 0) {
      throw new PkiException("no CRL number: expected 1 or more");
    }
    if (base >= number) {
      throw new PkiException("number " + number + " adds to " + base + ": expected an older base");
    }
    if (base == 0 && !lifted.isEmpty()) {
      throw new PkiException(
          "identities are lifted in a full CRL: expected it in a delta CRL only");
    }
  }

  private static long number(Extension extension) throws PkiException {
    DerCursor value = extension.value();
    long number = value.number();
    value.finish();
    if (number == 0) {
      throw extension.unexpected("is 0: expected 1 or more");
    }
    return number;
  }

  private static List<String> strings(Extension extension) throws PkiException {
    DerCursor value = extension.value();
    DerCursor sequence = value.enter(DerCursor.SEQUENCE);
    value.finish();
    List<String> strings = new ArrayList<>();
    while (sequence.hasMore()) {
      byte[] utf8 = sequence.content(DerCursor.UTF8_STRING);
      if (utf8.length == 0 || utf8.length > MAX_IDENTITY) {
        throw extension.unexpected(
            "has an identity of " + utf8.length + " bytes: expected 1 to " + MAX_IDENTITY);
      }
      try {
        strings.add(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString());
      } catch (CharacterCodingException e) {
        throw extension.unexpected("has an identity that is not UTF-8");
      }
    }
    return strings;
  }

  private static X500Principal name(byte[] der) throws PkiException {
    try {
      return new X500Principal(der);
    } catch (IllegalArgumentException e) {
      throw new PkiException("distinguished name cannot be read: " + e.getMessage(), e);
    }
  }

  /** An extension of the list or of an entry. */
  private record Extension(byte[] oid, boolean critical, byte[] der, int from, int to) {
    static Extension read(DerCursor extensions) throws PkiException {
      DerCursor inside = extensions.enter(DerCursor.SEQUENCE);
      byte[] oid = inside.content(DerCursor.OBJECT_IDENTIFIER);
      boolean critical = inside.peek() == DerCursor.BOOLEAN && inside.truth(DerCursor.BOOLEAN);
      DerCursor value = inside.enter(DerCursor.OCTET_STRING);
      inside.finish();
      return new Extension(oid, critical, value.array(), value.offset(), value.end());
    }

    boolean is(byte[] other) {
      return Arrays.equals(oid, other);
    }

    DerCursor value() {
      return new DerCursor(der, from, to);
    }

    void requireFirst(boolean seen) throws PkiException {
      if (seen) {
        throw unexpected("is there twice");
      }
    }

    PkiException unexpected(String what) {
      return new PkiException("extension at offset " + from + " " + what);
    }
  }

  @Override
  public String toString() {
    return "Crl[number="
        + number
        + ", base="
        + base
        + ", issuer="
        + issuer.getName()
        + ", nextUpdate="
        + nextUpdate
        + "]";
  }
}
