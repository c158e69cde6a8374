package io.signetmesh.policy.effective;

import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.policy.model.ObjectRef;
import java.util.Comparator;

/**
 * An object that affects the policy of a port: a Server, an authorization, a denial, a route or a
 * rate limit.
 *
 * @param object which one
 * @param mode whether it is enforced there or a dry run
 */
public record PolicySource(ObjectRef object, EnforcementMode mode)
    implements Comparable<PolicySource> {
  private static final Comparator<PolicySource> ORDER =
      Comparator.comparing(PolicySource::object).thenComparing(PolicySource::mode);

  /** An object that is enforced. */
  public static PolicySource enforced(ObjectRef object) {
    return new PolicySource(object, EnforcementMode.ENFORCE);
  }

  @Override
  public int compareTo(PolicySource other) {
    return ORDER.compare(this, other);
  }
}
