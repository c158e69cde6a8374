package io.signetmesh.bench.audit;

import io.signetmesh.collector.query.EntryFilter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The queries that are measured. */
final class Queries {
  private Queries() {}

  /** Queries for all entries that pass, by what they ask. */
  static Map<String, EntryFilter> of(GeneratedRecords records) {
    Map<String, EntryFilter> queries = new LinkedHashMap<>();
    queries.put(
        "denials of a client in the day",
        new EntryFilter.Builder().verdict("deny").client(records.busyClient()).build());
    queries.put(
        "denials by rate limit in an hour",
        new EntryFilter.Builder()
            .reason("rate-limited")
            .since(GeneratedRecords.BEGIN.plus(Duration.ofHours(9)))
            .until(GeneratedRecords.BEGIN.plus(Duration.ofHours(10)))
            .build());
    queries.put("a rare route", new EntryFilter.Builder().route("ledger-admin-export").build());
    queries.put("a path prefix", new EntryFilter.Builder().path("/api/v1/invoices/19999*").build());
    queries.put(
        "would-be denials of a client in ten minutes",
        new EntryFilter.Builder()
            .wouldBe("deny")
            .client("orders-*")
            .since(GeneratedRecords.BEGIN.plus(Duration.ofHours(13)))
            .until(GeneratedRecords.BEGIN.plus(Duration.ofMinutes(13 * 60 + 10)))
            .build());
    queries.put("gaps", new EntryFilter.Builder().kind(EntryFilter.Kind.GAP).build());
    return queries;
  }

  /** The median. */
  static double median(List<Double> values) {
    List<Double> sorted = new ArrayList<>(values);
    sorted.sort(null);
    return sorted.get(sorted.size() / 2);
  }
}
