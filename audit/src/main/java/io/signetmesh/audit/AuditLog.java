package io.signetmesh.audit;

/** Records events. Recording never blocks and never throws, so it is safe on event loops. */
@FunctionalInterface
public interface AuditLog {
  /** Records an event. If it cannot be written, it is counted as lost. */
  void record(AuditEvent event);

  /** A log that discards everything, for tools that decide without serving traffic. */
  static AuditLog none() {
    return event -> {};
  }
}
