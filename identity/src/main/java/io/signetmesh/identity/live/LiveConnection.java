package io.signetmesh.identity.live;

/**
 * A connection whose peer has shown a certificate. It is called, on the event loop that it was
 * registered for, when the trust in that certificate ends.
 */
public interface LiveConnection {
  /** A stage before the end of a certificate. Requests in progress continue. */
  enum Notice {
    /** The certificate ends soon: do not start anything new. */
    ENDS_SOON,
    /** The certificate ends now: start nothing new and close the connection if it is idle. */
    ENDS_NOW
  }

  /** Why a connection is cut. */
  enum Cause {
    /** The identity, or a certificate of the path, is on the revocation list. */
    REVOKED("peer-revoked"),
    /** The trust domain, or the anchor at the end of the path, is no longer trusted. */
    UNTRUSTED("peer-untrusted"),
    /** A certificate of the path, or the own leaf that the connection started with, has expired. */
    EXPIRED("peer-expired");

    private final String code;

    Cause(String code) {
      this.code = code;
    }

    /** Stable lower-case code with hyphens. */
    public String code() {
      return code;
    }
  }

  /**
   * Announces the end of the certificates. May be called more than once, and is not called when the
   * peer is revoked.
   */
  default void notice(Notice notice) {}

  /**
   * The trust has ended: put it on record. Called once, after the registration has been closed, and
   * before {@link #cut}, which makes the addresses of the connection unknown. What this throws does
   * not keep the connection from being cut.
   *
   * @param why names the certificate, identity or trust domain, for audit records
   */
  void record(Cause cause, String why);

  /** Cuts the connection without waiting for the peer. Called once, after {@link #record}. */
  void cut();
}
