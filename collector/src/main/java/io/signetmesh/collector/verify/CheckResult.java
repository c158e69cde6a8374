package io.signetmesh.collector.verify;

import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.SignedNote;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a check found out.
 *
 * @param origin name of the log
 * @param checkpoint by which it was checked, the newest one of an export; null when there is none
 *     that is good
 * @param note the checkpoint with its signatures; null when there is none that is good
 * @param from first entry that was checked
 * @param to the entry after the last one
 * @param witnesses that have cosigned the checkpoint, of those that are known
 * @param counts what it holds; null when nothing was read
 * @param findings what is missing or changed, at most {@link #MAX_FINDINGS}; empty when it is
 *     complete and unaltered
 */
public record CheckResult(
    String origin,
    @Nullable Checkpoint checkpoint,
    @Nullable SignedNote note,
    long from,
    long to,
    List<Witnessed> witnesses,
    @Nullable Counts counts,
    List<Finding> findings) {
  /** Findings that are told: what is checked is bad enough then. */
  public static final int MAX_FINDINGS = 1000;

  /**
   * A cosignature.
   *
   * @param name of the witness
   * @param time when it signed
   */
  public record Witnessed(String name, Instant time) {}

  /** Copies the lists. */
  public CheckResult {
    witnesses = List.copyOf(witnesses);
    findings = List.copyOf(findings);
  }

  /** Whether nothing is missing or changed. */
  public boolean isGood() {
    return findings.isEmpty();
  }
}
