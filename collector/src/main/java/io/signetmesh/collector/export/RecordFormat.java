package io.signetmesh.collector.export;

import io.signetmesh.collector.query.AuditEntry;

/** Writes entries in a format that others read. Thread-safe. */
public interface RecordFormat {
  /** What a file begins with; nothing for most formats. */
  default byte[] head() {
    return new byte[0];
  }

  /**
   * An entry with its line end.
   *
   * @param id of the entry, by which a receiver drops what it gets twice
   */
  byte[] entry(String id, AuditEntry entry);
}
