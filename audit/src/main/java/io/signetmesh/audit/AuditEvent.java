package io.signetmesh.audit;

/** An event that an {@link AuditLog} records. */
public sealed interface AuditEvent permits DecisionEvent, AdministrativeEvent {
  /** Time of the event in milliseconds since the Unix epoch. */
  long epochMillis();

  /** How many events the record stands for, 1 or more: so many are lost with it. */
  default long count() {
    return 1;
  }
}
