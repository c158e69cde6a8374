package io.signetmesh.policy.effective;

import io.linkerd.proxy.inbound.Server;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The policy that ports with equal policy share: the message with all features, the messages for
 * proxies with fewer features (made on demand), and the objects behind it.
 */
public final class PortPolicyMessages {
  private static final int WITHOUT_TRIAL = 1;
  private static final int WITHOUT_DENY = 2;

  /** Bit of the first condition that is left out; those of the others follow. */
  private static final int WITHOUT_CONDITION = 4;

  private static final int FORMS = WITHOUT_CONDITION << RequestCondition.values().length;

  private final Server full;
  private final Set<PolicySource> sources;

  /** What leaving out makes a difference. */
  private final Set<RequestCondition> conditions;

  /** Forms by what is left out; null as long as nobody asked for one. */
  private volatile @Nullable AtomicReferenceArray<@Nullable Server> forms;

  PortPolicyMessages(Server full, Set<PolicySource> sources) {
    this.full = RegoGrants.bounded(full);
    this.sources = Collections.unmodifiableSet(new LinkedHashSet<>(sources));
    this.conditions = ConditionForms.conditions(full);
  }

  Server full() {
    return full;
  }

  Set<PolicySource> sources() {
    return sources;
  }

  /** The form for proxies with these features, without generation. */
  Server rendered(PolicyFeatures features) {
    int left =
        (features.trial() || !full.hasSignetTrial() ? 0 : WITHOUT_TRIAL)
            | (features.deny() ? 0 : WITHOUT_DENY);
    for (RequestCondition condition : conditions) {
      left |= condition.isKnownBy(features) ? 0 : bit(condition);
    }
    if (left == 0) {
      return full;
    }
    AtomicReferenceArray<@Nullable Server> made = forms;
    if (made == null) {
      made = new AtomicReferenceArray<>(FORMS);
      forms = made;
    }
    Server form = made.get(left);
    if (form == null) {
      form = form(left);
      made.set(left, form);
    }
    return form;
  }

  private static int bit(RequestCondition condition) {
    return WITHOUT_CONDITION << condition.ordinal();
  }

  private Server form(int left) {
    Server form = full;
    if ((left & WITHOUT_TRIAL) != 0) {
      form = form.toBuilder().clearSignetTrial().build();
    }
    Set<RequestCondition> unknown = EnumSet.noneOf(RequestCondition.class);
    for (RequestCondition condition : conditions) {
      if ((left & bit(condition)) != 0) {
        unknown.add(condition);
      }
    }
    if (!unknown.isEmpty()) {
      form = ConditionForms.without(form, unknown);
    }
    if ((left & WITHOUT_DENY) != 0) {
      form = DenialFolding.fold(form);
      form = conditions.isEmpty() ? form : ConditionForms.pruned(form);
    }
    return ClaimFields.withheld(full, form);
  }

  @Override
  public boolean equals(Object other) {
    return other == this
        || (other instanceof PortPolicyMessages that
            && full.equals(that.full)
            && sources.equals(that.sources));
  }

  @Override
  public int hashCode() {
    return full.hashCode();
  }

  @Override
  public String toString() {
    return full.toString();
  }
}
