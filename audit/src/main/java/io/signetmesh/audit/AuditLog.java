package io.signetmesh.audit;

/** Takes records. Recording never blocks and never throws, so event loops may call it. */
@FunctionalInterface
public interface AuditLog {
  /** Takes a record; one that cannot be written is counted as lost. */
  void record(AuditEvent event);

  /** A log that keeps nothing, for tools that decide without serving traffic. */
  static AuditLog none() {
    return event -> {};
  }
}
