package io.signetmesh.audit;

/** What a record tells. */
public sealed interface AuditEvent permits DecisionEvent, AdministrativeEvent {
  /** When it happened, milliseconds since the epoch. */
  long epochMillis();
}
