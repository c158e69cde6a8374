package io.signetmesh.collector.query;

/** Finds out which entries of a log may pass a filter. */
@FunctionalInterface
public interface EntryLookup {
  /** Has all entries looked at. */
  EntryLookup ALL = filter -> EntryCandidates.ALL;

  /** The candidates for a filter. */
  EntryCandidates candidates(EntryFilter filter);
}
