package io.signetmesh.audit;

/** An event that an {@link AuditLog} records. */
public sealed interface AuditEvent permits DecisionEvent, AdministrativeEvent {
  /** Time of the event in milliseconds since the Unix epoch. */
  long epochMillis();
}
