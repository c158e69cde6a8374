package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.Server;

/**
 * The policy of one workload port.
 *
 * @param server as sent to the proxy, without its generation
 * @param generation generation of the index at which this state was first known
 */
public record EffectivePolicy(Server server, long generation) {
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
