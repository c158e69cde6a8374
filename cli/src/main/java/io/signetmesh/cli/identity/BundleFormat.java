package io.signetmesh.cli.identity;

/** How a trust bundle is printed. */
public enum BundleFormat {
  /** For people. */
  TEXT,
  /** As trust domains exchange it: JSON of SPIFFE Trust Domain and Bundle section 4. */
  SPIFFE,
  /** The anchors (RFC 7468). */
  PEM,
  /** The anchors in words, for programs. */
  JSON
}
