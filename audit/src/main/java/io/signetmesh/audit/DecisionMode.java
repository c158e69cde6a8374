package io.signetmesh.audit;

/** Whether a decision enforces policy. */
public enum DecisionMode {
  /** The verdict is that of the policy in force. */
  ENFORCE("enforce"),
  /**
   * No authorization allows the client. The access policy {@code audit} allowed it, so that the
   * record shows who would be denied.
   */
  AUDIT("audit");

  private final String label;

  DecisionMode(String label) {
    this.label = label;
  }

  /** Spelling in records: lower case. */
  public String label() {
    return label;
  }
}
