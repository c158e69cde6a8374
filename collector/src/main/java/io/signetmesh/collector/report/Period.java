package io.signetmesh.collector.report;

import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.AuditEntry.Missing;
import io.signetmesh.collector.query.EntryCandidates;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryLookup;
import io.signetmesh.collector.query.EntryScan;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.LongConsumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The decisions of a period. Foreign ones are left out: a report says what happened, and not what
 * somebody says of the workload of another.
 *
 * @param log that is read
 * @param lookup which entries are looked at
 * @param since first time; null for the beginning
 * @param until time after the last; null for the end
 * @param progress told how far the log was read
 */
public record Period(
    LogDirectory log,
    EntryLookup lookup,
    @Nullable Instant since,
    @Nullable Instant until,
    LongConsumer progress) {

  /**
   * Reads decisions, and what says that records are missing.
   *
   * @param narrowed adds what else is wanted of decisions; no others are counted
   * @param decisions gets each one with its entry
   * @return which records they were
   * @throws MalformedLogException when a bundle of the log is missing or malformed
   * @throws IOException when the log cannot be read
   */
  Report.Scope read(
      UnaryOperator<EntryFilter.Builder> narrowed, BiConsumer<AuditEntry, Decision> decisions)
      throws IOException {
    List<EntryFilter> wanted =
        List.of(
            narrowed.apply(filter().kind(EntryFilter.Kind.DECISION)).build(),
            filter().kind(EntryFilter.Kind.GAP).build(),
            filter().kind(EntryFilter.Kind.MISSING).build());
    Counting counting = new Counting(decisions);
    EntryCandidates candidates =
        EntryCandidates.ofAny(wanted.stream().map(lookup::candidates).toList());
    new EntryScan(
            log, entry -> wanted.stream().anyMatch(one -> one.test(entry)), candidates, progress)
        .run(log.minimum(), log.size(), counting);
    return new Report.Scope(
        since, until, counting.decided, counting.foreign, counting.lost, counting.unreadable);
  }

  private EntryFilter.Builder filter() {
    return new EntryFilter.Builder().since(since).until(until);
  }

  private static final class Counting implements EntryScan.Sink {
    private final BiConsumer<AuditEntry, Decision> decisions;
    private long decided;
    private long foreign;
    private long lost;
    private long unreadable;

    Counting(BiConsumer<AuditEntry, Decision> decisions) {
      this.decisions = decisions;
    }

    @Override
    public boolean entry(AuditEntry entry) {
      switch (entry.event()) {
        case Decision decision -> {
          if (entry.foreign()) {
            foreign++;
          } else {
            decided += decision.count();
            decisions.accept(entry, decision);
          }
        }
        case Gap gap -> lost += gap.lost();
        case Missing missing -> lost += missing.unsure() ? 0 : missing.to() - missing.from() + 1;
        default -> {
          // Says nothing of decisions.
        }
      }
      return true;
    }

    @Override
    public boolean unreadable(long from, long to, String why) throws IOException {
      if (to - from > 1) {
        throw new MalformedLogException(why + ": a report of a part would say less than there is");
      }
      unreadable++;
      return true;
    }
  }
}
