package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.policy.facts.ObjectRef;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The policy of ports that are alike, in one world. */
final class WorldPolicy {
  private static final int MAX_TRIALS = 64;

  private final Server message;
  private final Set<ObjectRef> objects;
  private final boolean leftOut;
  private @Nullable PortPolicy alone;
  private final Map<WorldPolicy, PortPolicy> withTrial = new IdentityHashMap<>(0);

  /**
   * @param message without generation and trial
   * @param objects what the message was made of
   * @param leftOut whether an object bears on the ports that is not in this world
   */
  WorldPolicy(Server message, List<ObjectRef> objects, boolean leftOut) {
    this.message = message;
    this.objects = new LinkedHashSet<>(objects);
    this.leftOut = leftOut;
  }

  /** Whether an object bears on the ports that is not in this world. */
  boolean leftOut() {
    return leftOut;
  }

  /** What the message was made of. */
  Set<ObjectRef> objects() {
    return objects;
  }

  /** Whether the two come to the same. */
  boolean isLike(WorldPolicy other) {
    return this == other
        || (leftOut == other.leftOut
            && objects.equals(other.objects)
            && message.equals(other.message));
  }

  /** The policy of a port on which nothing is tried, or nothing that would make a difference. */
  PortPolicy alone() {
    PortPolicy policy = alone;
    if (policy == null) {
      policy = new PortPolicy(message, sources(Set.of()));
      alone = policy;
    }
    return policy;
  }

  /** The policy of a port on which the other one is tried. */
  PortPolicy with(WorldPolicy trial) {
    if (trial.message.equals(message)) {
      return alone();
    }
    if (withTrial.size() >= MAX_TRIALS) {
      withTrial.clear();
    }
    return withTrial.computeIfAbsent(
        trial,
        other ->
            new PortPolicy(
                message.toBuilder().setSignetTrial(other.message).build(), sources(other.objects)));
  }

  private Set<PolicySource> sources(Set<ObjectRef> tried) {
    Set<PolicySource> sources = new TreeSet<>();
    objects.forEach(object -> sources.add(PolicySource.enforced(object)));
    for (ObjectRef object : tried) {
      if (!objects.contains(object)) {
        sources.add(new PolicySource(object, EnforcementMode.AUDIT));
      }
    }
    return sources;
  }
}
