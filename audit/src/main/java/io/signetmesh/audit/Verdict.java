package io.signetmesh.audit;

/** Outcome of a decision. */
public enum Verdict {
  /** The client is allowed. */
  ALLOW("allow"),
  /** The client is denied. */
  DENY("deny");

  private final String label;

  Verdict(String label) {
    this.label = label;
  }

  /** Spelling in records: lower case. */
  public String label() {
    return label;
  }
}
