package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Server;
import java.util.Set;

/**
 * The policy of one workload port.
 *
 * @param server as sent to the proxy, without its generation
 * @param generation generation of the index at which this state was first known
 * @param sources the objects that bear on the port, enforced or tried; ports that are alike share
 *     one set
 */
public record EffectivePolicy(Server server, long generation, Set<PolicySource> sources) {
  /** Keeps an unmodifiable copy. */
  public EffectivePolicy {
    sources = Set.copyOf(sources);
  }

  /** A policy that no object bears on. */
  public EffectivePolicy(Server server, long generation) {
    this(server, generation, Set.of());
  }

  /** The message with the generation stamped in. */
  public Server stamped() {
    return server.toBuilder().setSignetGeneration(generation).build();
  }

  /** {@code group/kind/name} of the server; without group for a default one. */
  public String serverLabel() {
    String group = server.getLabelsOrDefault("group", "");
    String rest =
        server.getLabelsOrDefault("kind", "default") + "/" + server.getLabelsOrDefault("name", "");
    return group.isEmpty() ? rest : group + "/" + rest;
  }
}
