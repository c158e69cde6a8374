package io.signetmesh.audit;

/** Whether a decision enforces policy. */
public enum DecisionMode {
  /** The verdict is that of the policy in force. */
  ENFORCE("enforce"),
  /** Nothing allows the client; it was let through so that it is seen who would be refused. */
  AUDIT("audit");

  private final String label;

  DecisionMode(String label) {
    this.label = label;
  }

  /** Lower-case form as written in records. */
  public String label() {
    return label;
  }
}
