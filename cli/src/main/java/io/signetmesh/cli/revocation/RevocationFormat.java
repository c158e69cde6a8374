package io.signetmesh.cli.revocation;

/** How revocations are printed. */
public enum RevocationFormat {
  /** For people. */
  TEXT,
  /** For programs. */
  JSON,
  /** The signed list in DER (RFC 5280 section 5). */
  CRL,
  /** The signed list in PEM (RFC 7468). */
  PEM
}
