package io.signetmesh.audit;

/** Outcome of a decision. */
public enum Verdict {
  ALLOW("allow"),
  DENY("deny");

  private final String label;

  Verdict(String label) {
    this.label = label;
  }

  /** Lower-case form as written in records. */
  public String label() {
    return label;
  }
}
