package io.signetmesh.collector.report;

import io.signetmesh.collector.query.AuditEntry.Decision;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What names in decisions mean. */
final class Names {
  private static final String DEFAULT = "default/";

  /** Authorizations that every proxy has, whatever policy says. */
  private static final Set<String> ALWAYS = Set.of("default/localhost", "default/probe");

  private Names() {}

  static String text(@Nullable String value) {
    return value == null ? "-" : value;
  }

  static String workload(Decision decision) {
    return text(decision.workload());
  }

  static @Nullable String namespace(Decision decision) {
    String workload = decision.workload();
    int slash = workload == null ? -1 : workload.indexOf('/');
    return workload == null || slash < 0 ? null : workload.substring(0, slash);
  }

  /** Whether it is let in whatever policy says: over loopback, and probes. */
  static boolean isAlwaysAllowed(Decision decision) {
    return "loopback".equals(decision.reason()) || ALWAYS.contains(text(decision.authorization()));
  }

  /** Whether it is let in by a default policy or access policy, and not by an authorization. */
  static boolean isByDefault(Decision decision) {
    String authorization = decision.authorization();
    return "audited".equals(decision.reason())
        || authorization == null
        || authorization.startsWith(DEFAULT);
  }

  /** What has to be known of a report. */
  static List<String> notes(Report.Scope scope, long beyond) {
    List<String> notes = new ArrayList<>();
    if (scope.foreign() > 0) {
      notes.add(
          scope.foreign()
              + " foreign records are left out: their writer does not speak for the workload");
    }
    if (scope.lost() > 0) {
      notes.add(scope.lost() + " records are not in the log: what they say is not counted");
    }
    if (scope.unreadable() > 0) {
      notes.add(scope.unreadable() + " entries are no records of a collector");
    }
    if (beyond > 0) {
      notes.add(
          beyond + " decisions are not in the table: it has at most " + Tally.MAX_KEYS + " rows");
    }
    return notes;
  }
}
