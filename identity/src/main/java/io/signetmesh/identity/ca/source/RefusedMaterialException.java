package io.signetmesh.identity.ca.source;

import org.jspecify.annotations.Nullable;

/**
 * An issuer or trust anchors that cannot be put in force. The message names the part and the
 * reason.
 */
public final class RefusedMaterialException extends Exception {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  /** Why material was refused. */
  public enum Reason {
    /** A file, an entry or the token is missing or cannot be read. */
    UNREADABLE("unreadable"),
    /** A file is there and holds something else than was expected. */
    MALFORMED("malformed"),
    /** The private key is not that of the issuer's certificate. */
    KEY_MISMATCH("key_mismatch"),
    /** The issuer has a key of a kind that is not taken. */
    KEY_KIND("key_kind"),
    /** The issuer lacks what makes a CA: basic constraints, or keyCertSign. */
    NOT_CA("not_ca"),
    /** There are revocations, and the issuer may not sign a list of them: no cRLSign. */
    NO_CRL_SIGN("no_crl_sign"),
    /** A certificate of the issuer's chain has expired, or is about to. */
    EXPIRED("expired"),
    /** The time of a certificate has not come yet. */
    NOT_YET_VALID("not_yet_valid"),
    /** The issuer does not lead to one of the trust anchors. */
    UNTRUSTED("untrusted"),
    /** Leaves of the issuer would not verify for another reason: path length, name constraints. */
    PROFILE("profile"),
    /** The trust anchors would no longer vouch for the issuer that is in force. */
    CUTS_OFF_ISSUER("cuts_off_issuer"),
    /** A rotation retired one of the trust anchors, or another one of its key. */
    RETIRED("retired");

    private final String label;

    Reason(String label) {
      this.label = label;
    }

    /** Label of the reason in metrics and audit records. */
    public String label() {
      return label;
    }
  }

  RefusedMaterialException(Reason reason, String message) {
    this(reason, message, null);
  }

  RefusedMaterialException(Reason reason, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  /** Why the material was refused. */
  public Reason reason() {
    return reason;
  }
}
