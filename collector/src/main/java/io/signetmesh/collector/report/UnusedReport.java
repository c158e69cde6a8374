package io.signetmesh.collector.report;

import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Trial;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which policies nothing used in a period. */
public final class UnusedReport {
  private UnusedReport() {}

  /**
   * A policy that is in force.
   *
   * @param namespace that it is in
   * @param name as records name it, such as {@code policy.linkerd.io/authorizationpolicy/web}
   * @param source where it is defined
   */
  public record Policy(String namespace, String name, String source) {}

  private record Key(String namespace, String name) {}

  /** Makes the report. */
  public static Report of(Period period, Collection<Policy> policies) throws IOException {
    Map<Key, Seen> used = new HashMap<>();
    policies.forEach(policy -> used.put(new Key(policy.namespace, policy.name), new Seen()));
    Report.Scope scope =
        period.read(
            builder -> builder,
            (entry, decision) -> {
              String namespace = Names.namespace(decision);
              for (String name : uses(decision)) {
                Seen seen =
                    namespace == null || name == null ? null : used.get(new Key(namespace, name));
                if (seen != null) {
                  seen.add(decision.count(), entry.timeOrReceived());
                }
              }
            });
    List<List<Object>> rows = new ArrayList<>();
    policies.stream()
        .filter(policy -> count(used, policy) == 0)
        .sorted(Comparator.comparing(Policy::namespace).thenComparing(Policy::name))
        .forEach(policy -> rows.add(List.of(policy.namespace, policy.name, policy.source)));
    List<String> notes = new ArrayList<>(Names.notes(scope, 0));
    notes.add(
        "a record names the policy that matched first: one that is not used may be one that another"
            + " made needless");
    return new Report(
        "Policies that nothing used",
        period.log().origin(),
        scope,
        List.of(
            new Report.Column("namespace", "NAMESPACE"),
            new Report.Column("policy", "POLICY"),
            new Report.Column("source", "SOURCE")),
        rows,
        notes);
  }

  private static long count(Map<Key, Seen> used, Policy policy) {
    Seen seen = used.get(new Key(policy.namespace, policy.name));
    return seen == null ? 0 : seen.count();
  }

  /**
   * The policies that made a decision, or would have. What an authorization only came nearest to is
   * no use of it.
   */
  private static List<@Nullable String> uses(Decision decision) {
    List<@Nullable String> uses = new ArrayList<>(2);
    if (decided(decision.verdict(), decision.reason())) {
      uses.add(decision.authorization());
    }
    Trial trial = decision.trial();
    if (trial != null && decided(trial.verdict(), trial.reason())) {
      uses.add(trial.authorization());
    }
    return uses;
  }

  private static boolean decided(@Nullable String verdict, @Nullable String reason) {
    return "allow".equals(verdict)
        || "denied-by-policy".equals(reason)
        || "rate-limited".equals(reason);
  }
}
