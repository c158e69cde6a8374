package io.signetmesh.policy.index;

import io.linkerd.proxy.inbound.HttpRoute;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.effective.AssembledPolicy;
import io.signetmesh.policy.effective.Grants;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.effective.PolicyMode;
import io.signetmesh.policy.effective.PortPolicyMessages;
import io.signetmesh.policy.effective.ServerMessages;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.ServerModel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** Works out the policy of single ports. Ports that are alike share one policy. */
final class PortAssembly {
  private static final int MAX_DEFAULT_MESSAGES = 4_096;

  private final ObjectGraph graph;
  private final Grants grants;
  private final Map<DefaultPort, AssembledPolicy> defaultMessages = new HashMap<>();

  PortAssembly(PolicyConfig config, ObjectGraph graph) {
    this.graph = graph;
    this.grants = new Grants(config);
  }

  /** The policy of a port in both modes. */
  PortPolicyMessages of(WorkloadState workload, int port) {
    AssembledPolicy enforced = policy(PolicyMode.ENFORCED, workload, port);
    if (!enforced.leftOut() && workload.servers.get(port) == workload.dryRun.get(port)) {
      return enforced.alone();
    }
    return enforced.with(policy(PolicyMode.DRY_RUN, workload, port));
  }

  private AssembledPolicy policy(PolicyMode mode, WorkloadState workload, int port) {
    ServerState server = workload.servers(mode).get(port);
    if (server == null) {
      NamespaceState namespace =
          Objects.requireNonNull(graph.namespaces().get(workload.model.ref().namespace()));
      DefaultPort key =
          new DefaultPort(
              workload.settings.policyOf(port),
              workload.settings.opaquePorts().contains(port),
              workload.model.probePaths(port),
              namespace.denials(mode, grants, graph::find));
      AssembledPolicy known = defaultMessages.get(key);
      if (known == null) {
        if (defaultMessages.size() >= MAX_DEFAULT_MESSAGES) {
          defaultMessages.clear();
        }
        known = defaultPolicy(key);
        defaultMessages.put(key, known);
      }
      return known;
    }
    List<String> probes =
        ServerMessages.hasHttpRoutes(server.model.protocol())
            ? workload.model.probePaths(port)
            : List.<String>of();
    return server.policy(mode, probes, () -> serverPolicy(mode, server.model, probes));
  }

  private AssembledPolicy defaultPolicy(DefaultPort port) {
    List<HttpRoute> routes = new ArrayList<>();
    routes.add(ServerMessages.defaultHttpRoute());
    ServerMessages.probeRoute(grants.probe(), port.probes()).ifPresent(routes::add);
    return new AssembledPolicy(
        ServerMessages.server(
            ServerMessages.protocol(
                port.opaque() ? ProxyProtocol.OPAQUE : ProxyProtocol.UNKNOWN,
                routes,
                List.of(),
                null),
            grants.of(port.policy()).stream().toList(),
            port.denials().authz(),
            port.denials().conditions(),
            "",
            "default",
            port.policy().wireName()),
        port.denials().objects(),
        port.denials().leftOut());
  }

  private AssembledPolicy serverPolicy(PolicyMode mode, ServerModel server, List<String> probes) {
    NamespaceState namespace =
        Objects.requireNonNull(graph.namespaces().get(server.ref().namespace()));
    return new ServerAssembly(mode, namespace, grants, graph::find).assemble(server, probes);
  }

  /** Adds the objects that affect a port of a workload of the namespace. */
  void sources(NamespaceState namespace, Set<ObjectRef> sources) {
    for (PolicyMode mode : PolicyMode.values()) {
      // No workload has a Server at each of its ports.
      sources.addAll(namespace.denials(mode, grants, graph::find).objects());
      Set<ServerState> servers = Collections.newSetFromMap(new IdentityHashMap<>());
      namespace.workloads.values().forEach(one -> servers.addAll(one.servers(mode).values()));
      for (ServerState server : servers) {
        sources.addAll(
            server.anyPolicy(mode, () -> serverPolicy(mode, server.model, List.of())).objects());
      }
    }
  }

  /**
   * All that a port without Server depends on.
   *
   * @param policy default policy in force
   * @param opaque whether its bytes are looked at
   * @param probes probe paths on it
   * @param denials denials of the namespace
   */
  private record DefaultPort(
      AccessPolicy policy, boolean opaque, List<String> probes, NamespaceState.Denials denials) {}
}
