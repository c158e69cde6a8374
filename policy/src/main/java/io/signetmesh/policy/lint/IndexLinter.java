package io.signetmesh.policy.lint;

import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.model.ObjectRef;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The linter's report on the newest state of an index. It is made once for each generation, when
 * somebody asks. Changes of the index do not wait for it.
 *
 * <p>Safe for use by several threads.
 */
public final class IndexLinter {
  private final PolicyIndex index;

  /** Taken before the lock of the index. */
  private final ReentrantLock lock = new ReentrantLock();

  private @Nullable LintReport last;
  private @Nullable Scopes scopes;

  private record Scopes(LintReport report, List<ObjectScope> all) {}

  /** A linter that has not looked at the index yet. */
  public IndexLinter(PolicyIndex index) {
    this.index = index;
  }

  /** The index. */
  public PolicyIndex index() {
    return index;
  }

  /** The report on the newest state. The first call of a generation takes its time. */
  public LintReport report() {
    lock.lock();
    try {
      LintReport report = last;
      if (report == null || report.snapshot().generation() != index.generation()) {
        last = null;
        report = Linter.lint(index.snapshot());
        last = report;
      }
      return report;
    } finally {
      lock.unlock();
    }
  }

  /** All findings, sorted. */
  public List<LintFinding> findings() {
    return report().findings();
  }

  /**
   * Findings about objects that affect a port, or would if they were corrected, most telling first.
   *
   * @return empty as well when there is no such workload
   */
  public List<LintFinding> findings(ObjectRef workload, int port) {
    return index.workload(workload).map(model -> report().findings(model, port)).orElse(List.of());
  }

  /**
   * The Servers, authorizations, denials, routes and rate limits, sorted, each with whether it
   * affects any port of any workload, and why not. The first call of a generation takes its time.
   */
  public List<ObjectScope> scopes() {
    lock.lock();
    try {
      LintReport report = report();
      Scopes known = scopes;
      if (known == null || known.report != report) {
        // Of its generation or a later one, which makes another report with the next call.
        known = new Scopes(report, report.scopes(index.sources()));
        scopes = known;
      }
      return known.all;
    } finally {
      lock.unlock();
    }
  }
}
