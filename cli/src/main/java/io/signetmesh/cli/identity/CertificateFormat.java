package io.signetmesh.cli.identity;

/** How certificates are printed. */
public enum CertificateFormat {
  /** For people. */
  TEXT,
  /** For programs. */
  JSON,
  /** The certificates themselves (RFC 7468). */
  PEM
}
