package io.signetmesh.policy.effective;

import io.linkerd.proxy.inbound.Server;
import java.util.Set;

/** The policy of one workload port. */
public final class EffectivePolicy {
  private final PortPolicyMessages policy;
  private final long generation;

  /** The policy of an index. */
  public EffectivePolicy(PortPolicyMessages policy, long generation) {
    this.policy = policy;
    this.generation = generation;
  }

  /**
   * A policy that does not come from an index.
   *
   * @param server with all features, without its generation
   * @param generation generation at which this state was first known
   * @param sources the objects that affect the port
   */
  public EffectivePolicy(Server server, long generation, Set<PolicySource> sources) {
    this(new PortPolicyMessages(server, sources), generation);
  }

  /** A policy that does not come from an index, without objects behind it. */
  public EffectivePolicy(Server server, long generation) {
    this(server, generation, Set.of());
  }

  /** The message with all features but its generation: denials and the dry-run policy included. */
  public Server server() {
    return policy.full();
  }

  /** Generation of the index at which this state was first known. */
  public long generation() {
    return generation;
  }

  /**
   * The objects that affect the port, sorted: its Server, authorizations, denials, routes and rate
   * limit, enforced or in dry run. Ports that are alike share one set.
   */
  public Set<PolicySource> sources() {
    return policy.sources();
  }

  /** The message with all features and the generation stamped in. */
  public Server stamped() {
    return server().toBuilder().setSignetGeneration(generation).build();
  }

  /**
   * The message for a proxy that has these features, without generation. A proxy that knows no
   * denials gets no grant that a denial overlaps.
   */
  public Server rendered(PolicyFeatures features) {
    return policy.rendered(features);
  }

  /** The message for a proxy that has these features, with the generation if the proxy reads it. */
  public Server message(PolicyFeatures features) {
    Server message = rendered(features);
    return features.generation()
        ? message.toBuilder().setSignetGeneration(generation).build()
        : message;
  }

  /** {@code group/kind/name} of the server; without group for a default one. */
  public String serverLabel() {
    Server server = server();
    String group = server.getLabelsOrDefault("group", "");
    String rest =
        server.getLabelsOrDefault("kind", "default") + "/" + server.getLabelsOrDefault("name", "");
    return group.isEmpty() ? rest : group + "/" + rest;
  }

  /** Whether this is that policy, at any generation. */
  public boolean is(PortPolicyMessages other) {
    return policy == other || policy.equals(other);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof EffectivePolicy that
        && generation == that.generation
        && policy.equals(that.policy);
  }

  @Override
  public int hashCode() {
    return policy.hashCode() * 31 + Long.hashCode(generation);
  }

  @Override
  public String toString() {
    return "generation " + generation + ": " + policy;
  }
}
