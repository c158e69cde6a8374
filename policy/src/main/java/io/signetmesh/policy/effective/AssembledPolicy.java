package io.signetmesh.policy.effective;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.policy.model.ObjectRef;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The policy of ports that are alike, in one mode. */
public final class AssembledPolicy {
  private static final int MAX_DRY_RUNS = 64;

  private final Server message;
  private final Set<ObjectRef> objects;
  private final boolean leftOut;
  private @Nullable PortPolicyMessages alone;
  private final Map<AssembledPolicy, PortPolicyMessages> withDryRun = new IdentityHashMap<>(0);

  /**
   * @param message without generation and dry-run policy
   * @param objects what the message was made of
   * @param leftOut whether an object that does not count in this mode would affect the ports
   */
  public AssembledPolicy(Server message, List<ObjectRef> objects, boolean leftOut) {
    this.message = message;
    this.objects = new LinkedHashSet<>(objects);
    this.leftOut = leftOut;
  }

  /** Whether an object that does not count in this mode would affect the ports. */
  public boolean leftOut() {
    return leftOut;
  }

  /** What the message was made of. */
  public Set<ObjectRef> objects() {
    return objects;
  }

  /** Whether message and objects of the two are equal. */
  public boolean isLike(AssembledPolicy other) {
    return this == other
        || (leftOut == other.leftOut
            && objects.equals(other.objects)
            && message.equals(other.message));
  }

  /** The policy of a port without a dry run, or with one that makes no difference. */
  public PortPolicyMessages alone() {
    PortPolicyMessages policy = alone;
    if (policy == null) {
      policy = new PortPolicyMessages(message, sources(Set.of()));
      alone = policy;
    }
    return policy;
  }

  /** The policy of a port that has this one enforced and another one in dry run. */
  public PortPolicyMessages with(AssembledPolicy dryRun) {
    if (dryRun.message.equals(message)) {
      return alone();
    }
    if (withDryRun.size() >= MAX_DRY_RUNS) {
      withDryRun.clear();
    }
    return withDryRun.computeIfAbsent(
        dryRun,
        other ->
            new PortPolicyMessages(
                message.toBuilder().setSignetTrial(other.message).build(), sources(other.objects)));
  }

  private Set<PolicySource> sources(Set<ObjectRef> dryRun) {
    Set<PolicySource> sources = new TreeSet<>();
    objects.forEach(object -> sources.add(PolicySource.enforced(object)));
    for (ObjectRef object : dryRun) {
      if (!objects.contains(object)) {
        sources.add(new PolicySource(object, EnforcementMode.AUDIT));
      }
    }
    return sources;
  }
}
