package io.signetmesh.collector.ingest;

import io.signetmesh.identity.channel.Caller;

/** Whom a writer of records may speak for. Implementations are thread-safe and do not block. */
public interface WriterRights {
  /**
   * Whether a writer may deliver the decisions of a workload.
   *
   * @param workload {@code namespace/name}, as the record states it: any text
   */
  boolean speaksFor(Caller writer, String workload);

  /** Whether a writer may deliver acts of the control plane. */
  boolean isControlPlane(Caller writer);
}
