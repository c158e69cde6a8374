package io.signetmesh.audit;

/** Records events. Recording never blocks and never throws, so it is safe on event loops. */
@FunctionalInterface
public interface AuditLog {
  /** Records an event. If it cannot be written, it is counted as lost. */
  void record(AuditEvent event);

  /**
   * Records an event that lets traffic in, which must not go on where it is not recorded and the
   * log was made for that. Only what can be kept counts: for a refusal, record that one instead.
   *
   * @return false when the event is not recorded, nor counted as lost, and the traffic is to be
   *     refused
   */
  default boolean admit(AuditEvent event) {
    record(event);
    return true;
  }

  /**
   * Keeps room for one event that lets traffic in and is known only later, as {@link #admit} does.
   *
   * @return false when the traffic is to be refused; else {@link #recordReserved} has to follow
   */
  default boolean reserve() {
    return true;
  }

  /** Records an event for which room was kept. */
  default void recordReserved(AuditEvent event) {
    record(event);
  }

  /** A log that discards everything, for tools that decide without serving traffic. */
  static AuditLog none() {
    return event -> {};
  }
}
