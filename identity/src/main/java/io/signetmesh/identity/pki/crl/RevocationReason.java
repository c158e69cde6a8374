package io.signetmesh.identity.pki.crl;

import java.util.Optional;

/** Why a certificate is revoked: CRLReason of RFC 5280 section 5.3.1. */
public enum RevocationReason {
  /** No reason given. */
  UNSPECIFIED(0, "unspecified"),
  /** The private key of the certificate is, or may be, known to others. */
  KEY_COMPROMISE(1, "keyCompromise"),
  /** The private key of a CA is, or may be, known to others. */
  CA_COMPROMISE(2, "cACompromise"),
  /** The name of the subject, or its organization, has changed. */
  AFFILIATION_CHANGED(3, "affiliationChanged"),
  /** Another certificate takes its place. */
  SUPERSEDED(4, "superseded"),
  /** It is no longer needed. */
  CESSATION_OF_OPERATION(5, "cessationOfOperation"),
  /** The certificate is suspended. The only reason that can be taken back. */
  CERTIFICATE_HOLD(6, "certificateHold"),
  /** In a delta CRL: the certificate is no longer listed. */
  REMOVE_FROM_CRL(8, "removeFromCRL"),
  /** A privilege in the certificate was withdrawn. */
  PRIVILEGE_WITHDRAWN(9, "privilegeWithdrawn"),
  /** The private key of an attribute authority is known to others. */
  AA_COMPROMISE(10, "aACompromise");

  private final int code;
  private final String text;

  RevocationReason(int code, String text) {
    this.code = code;
    this.text = text;
  }

  /** The CRLReason code (RFC 5280 section 5.3.1). */
  public int code() {
    return code;
  }

  /** The CRLReason name in RFC 5280, e.g. {@code keyCompromise}. */
  public String text() {
    return text;
  }

  /** The reason with a CRLReason code; empty for a code that RFC 5280 does not define. */
  public static Optional<RevocationReason> ofCode(long code) {
    for (RevocationReason reason : values()) {
      if (reason.code == code) {
        return Optional.of(reason);
      }
    }
    return Optional.empty();
  }

  /** The reason with a CRLReason name, in any case; empty for an unknown name. */
  public static Optional<RevocationReason> ofText(String text) {
    for (RevocationReason reason : values()) {
      if (reason.text.equalsIgnoreCase(text)) {
        return Optional.of(reason);
      }
    }
    return Optional.empty();
  }
}
