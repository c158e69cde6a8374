package io.signetmesh.identity.pki.crl;

import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Map;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;

/** Object identifiers, times and algorithms of CRLs. */
final class CrlFormat {
  static final byte[] CRL_NUMBER = oid("2.5.29.20");
  static final byte[] REASON_CODE = oid("2.5.29.21");
  static final byte[] INVALIDITY_DATE = oid("2.5.29.24");
  static final byte[] DELTA_CRL_INDICATOR = oid("2.5.29.27");
  static final byte[] ISSUING_DISTRIBUTION_POINT = oid("2.5.29.28");
  static final byte[] CERTIFICATE_ISSUER = oid("2.5.29.29");
  static final byte[] AUTHORITY_KEY_IDENTIFIER = oid("2.5.29.35");

  /** Below a random UUID (ITU-T X.667), so that nobody needs to register it. */
  private static final String PRIVATE_ARC = "2.25.242134813218343476671323528121405287728";

  /**
   * Identities that are revoked, as SEQUENCE OF UTF8String: DNS names and SPIFFE ids. In a delta
   * CRL those that are revoked in addition. Not critical.
   */
  static final byte[] REVOKED_IDENTITIES = oid(PRIVATE_ARC + ".1");

  /** In a delta CRL: identities that are revoked no longer. As above. */
  static final byte[] LIFTED_IDENTITIES = oid(PRIVATE_ARC + ".2");

  /** ExplicitTags of certificate and CRL. */
  static final int CONTEXT_0 = 0xa0;

  /** directoryName of a GeneralName. */
  static final int DIRECTORY_NAME = 0xa4;

  /** indirectCRL of an issuing distribution point. */
  static final int INDIRECT_CRL = 0x84;

  private static final DateTimeFormatter UTC_TIME = DateTimeFormatter.ofPattern("yyMMddHHmmss'Z'");
  private static final DateTimeFormatter GENERALIZED_TIME =
      DateTimeFormatter.ofPattern("yyyyMMddHHmmss'Z'");

  /** UTCTime ends with this year (RFC 5280 section 5.1.2.4). */
  private static final int LAST_UTC_YEAR = 2049;

  private static final Map<String, String> SIGNATURES =
      Map.of(
          "1.2.840.10045.4.3.2", "SHA256withECDSA",
          "1.2.840.10045.4.3.3", "SHA384withECDSA",
          "1.2.840.10045.4.3.4", "SHA512withECDSA",
          "1.2.840.113549.1.1.11", "SHA256withRSA",
          "1.2.840.113549.1.1.12", "SHA384withRSA",
          "1.2.840.113549.1.1.13", "SHA512withRSA",
          "1.3.101.112", "Ed25519");

  private CrlFormat() {}

  /** JCA name of the algorithm of an AlgorithmIdentifier in DER. */
  static String signatureAlgorithm(byte[] identifier) throws PkiException {
    String oid;
    try {
      oid = AlgorithmIdentifier.getInstance(identifier).getAlgorithm().getId();
    } catch (RuntimeException e) {
      throw new PkiException("signature algorithm cannot be read: " + e.getMessage(), e);
    }
    String name = SIGNATURES.get(oid);
    if (name == null) {
      throw new PkiException(
          "signature algorithm " + oid + ": expected one of " + SIGNATURES.values());
    }
    return name;
  }

  static byte[] oid(String text) {
    try {
      byte[] whole = new ASN1ObjectIdentifier(text).getEncoded("DER");
      return Arrays.copyOfRange(whole, 2, whole.length);
    } catch (IOException e) {
      throw new IllegalStateException("object identifier cannot be encoded", e);
    }
  }

  /** Tag of a time: UTCTime as long as it can say the year. */
  static int timeTag(Instant time) {
    return time.atOffset(ZoneOffset.UTC).getYear() <= LAST_UTC_YEAR
        ? DerCursor.UTC_TIME
        : DerCursor.GENERALIZED_TIME;
  }

  static byte[] time(Instant time) {
    DateTimeFormatter format = timeTag(time) == DerCursor.UTC_TIME ? UTC_TIME : GENERALIZED_TIME;
    return format.format(time.atOffset(ZoneOffset.UTC)).getBytes(StandardCharsets.US_ASCII);
  }

  /** Moves behind a Time of digits and Z: one that nobody asks for, without objects for it. */
  static void skipTime(DerCursor cursor) throws PkiException {
    boolean isUtc = cursor.peek() == DerCursor.UTC_TIME;
    int start = cursor.offset();
    DerCursor inside = cursor.enter(isUtc ? DerCursor.UTC_TIME : DerCursor.GENERALIZED_TIME);
    byte[] der = inside.array();
    int last = inside.end() - 1;
    boolean isTime = inside.end() - inside.offset() == (isUtc ? 13 : 15) && der[last] == 'Z';
    for (int i = inside.offset(); isTime && i < last; i++) {
      isTime = der[i] >= '0' && der[i] <= '9';
    }
    if (!isTime) {
      throw new PkiException("time at offset " + start + ": expected digits, seconds and Z");
    }
  }

  /** Reads a Time as RFC 5280 restricts it: in UTC, with seconds, without fractions. */
  static Instant time(DerCursor cursor) throws PkiException {
    boolean isUtc = cursor.peek() == DerCursor.UTC_TIME;
    int start = cursor.offset();
    byte[] content = cursor.content(isUtc ? DerCursor.UTC_TIME : DerCursor.GENERALIZED_TIME);
    if (content.length != (isUtc ? 13 : 15)) {
      throw new PkiException("time at offset " + start + ": expected seconds and Z");
    }
    String digits = new String(content, StandardCharsets.US_ASCII);
    try {
      String full = isUtc ? (digits.charAt(0) < '5' ? "20" : "19") + digits : digits;
      return LocalDateTime.parse(full, GENERALIZED_TIME).toInstant(ZoneOffset.UTC);
    } catch (DateTimeException e) {
      throw new PkiException("time at offset " + start + ": " + e.getMessage(), e);
    }
  }
}
