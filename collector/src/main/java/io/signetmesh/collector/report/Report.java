package io.signetmesh.collector.report;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A report: one table, whose rows are in the order of their weight.
 *
 * @param title what it tells
 * @param origin name of the log
 * @param scope which records it is about
 * @param columns headings
 * @param rows one cell for each column, as it was recorded: clients chose what is in it
 * @param notes what else has to be known
 */
public record Report(
    String title,
    String origin,
    Scope scope,
    List<Column> columns,
    List<List<Object>> rows,
    List<String> notes) {
  /**
   * A column.
   *
   * @param name in JSON
   * @param heading for people
   */
  public record Column(String name, String heading) {}

  /**
   * Which records a report is about.
   *
   * @param since first time; null when there is none
   * @param until time after the last; null when there is none
   * @param decisions that were counted
   * @param foreign records that were left out, because their writer does not speak for the workload
   * @param lost records of which gaps and the collector say that they are not there
   * @param unreadable entries that are no records
   */
  public record Scope(
      @Nullable Instant since,
      @Nullable Instant until,
      long decisions,
      long foreign,
      long lost,
      long unreadable) {}

  /** Copies the lists. */
  public Report {
    columns = List.copyOf(columns);
    rows = List.copyOf(rows);
    notes = List.copyOf(notes);
  }
}
