package io.signetmesh.proxy;

import io.signetmesh.audit.AuditEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.DecisionMode;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.config.AuditSettings;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Records what a proxy has decided as it is configured: of what is allowed everything, a sample, or
 * what is first seen and how many more there were. All else is always recorded: what is denied, and
 * what would be if all that is in audit mode was enforced.
 */
final class AllowedRecords implements AuditLog, AutoCloseable {
  /** For all that is remembered of a workload, in bytes. */
  private static final long MAX_BYTES = 1 << 20;

  private static final long LOOK_MILLIS = 250;

  private final Journal journal;
  private final int sample;
  private final @Nullable SeenAllows seen;
  private volatile boolean closed;

  AllowedRecords(Journal journal, int sample, @Nullable SeenAllows seen) {
    this.journal = journal;
    this.sample = sample;
    this.seen = seen;
  }

  /**
   * @param timer has what was counted summed up
   */
  static AllowedRecords of(
      Journal journal, AuditSettings settings, ScheduledExecutorService timer) {
    SeenAllows seen =
        settings.allows() == AuditSettings.Allows.FIRST_SEEN
            ? new SeenAllows(settings.window(), MAX_BYTES, System::nanoTime)
            : null;
    int sample = settings.allows() == AuditSettings.Allows.SAMPLED ? settings.sample() : 1;
    AllowedRecords made = new AllowedRecords(journal, sample, seen);
    if (seen != null) {
      timer.scheduleWithFixedDelay(
          () -> seen.sumUp(journal::offer), LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
    }
    return made;
  }

  /** What is to be recorded of an event; null: nothing, it is counted or not in the sample. */
  private @Nullable AuditEvent selected(AuditEvent event) {
    if (!(event instanceof DecisionEvent decision) || isAlwaysRecorded(decision) || closed) {
      return event;
    }
    SeenAllows counts = seen;
    if (counts != null) {
      return counts.count(decision) ? null : event;
    }
    if (sample == 1) {
      return event;
    }
    return ThreadLocalRandom.current().nextInt(sample) == 0 ? decision.sampledOf(sample) : null;
  }

  private static boolean isAlwaysRecorded(DecisionEvent decision) {
    return decision.verdict() != Verdict.ALLOW
        || decision.mode() != DecisionMode.ENFORCE
        || (decision.trial() != null && decision.trial().verdict() != Verdict.ALLOW)
        || decision.reason().equals(Reason.TUNNEL.code());
  }

  private void forget(AuditEvent event) {
    SeenAllows counts = seen;
    if (counts != null && event instanceof DecisionEvent decision) {
      counts.forget(decision);
    }
  }

  @Override
  public void record(AuditEvent event) {
    AuditEvent selected = selected(event);
    if (selected != null) {
      journal.record(selected);
    }
  }

  @Override
  public boolean admit(AuditEvent event) {
    AuditEvent selected = selected(event);
    if (selected == null) {
      return journal.admitsUnrecorded();
    }
    boolean admitted = journal.admit(selected);
    if (!admitted) {
      forget(event);
    }
    return admitted;
  }

  @Override
  public boolean reserve() {
    return journal.reserve();
  }

  @Override
  public void recordReserved(AuditEvent event) {
    AuditEvent selected = selected(event);
    if (selected == null) {
      journal.release();
    } else {
      journal.recordReserved(selected);
    }
  }

  /** Records what was counted. From now on, everything is recorded. */
  @Override
  public void close() {
    closed = true;
    SeenAllows counts = seen;
    if (counts != null) {
      counts.sumUpAll(
          summary -> {
            journal.record(summary);
            return true;
          });
    }
  }
}
