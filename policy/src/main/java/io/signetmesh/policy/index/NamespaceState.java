package io.signetmesh.policy.index;

import io.signetmesh.policy.facts.AuthorizationPolicyFact;
import io.signetmesh.policy.facts.PolicyAnnotations;
import io.signetmesh.policy.facts.RouteFact;
import io.signetmesh.policy.facts.ServerAuthorizationFact;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** All that a namespace holds; policy never reaches over its border, authentications apart. */
final class NamespaceState {
  PolicyAnnotations annotations = PolicyAnnotations.NONE;
  final Map<String, ServerState> servers = new HashMap<>();
  final NavigableSet<ServerState> serversByAge =
      new TreeSet<>(Comparator.comparing((ServerState server) -> server.fact));
  final Map<io.signetmesh.policy.facts.ObjectRef, WorkloadState> workloads = new TreeMap<>();
  final Map<Target, NavigableMap<String, AuthorizationPolicyFact>> policies = new HashMap<>();
  final NavigableMap<String, ServerAuthorizationFact> serverAuthorizations = new TreeMap<>();
  final Map<String, NavigableSet<RouteFact>> routesByServer = new HashMap<>();

  boolean isEmpty() {
    return annotations.equals(PolicyAnnotations.NONE)
        && servers.isEmpty()
        && workloads.isEmpty()
        && policies.isEmpty()
        && serverAuthorizations.isEmpty()
        && routesByServer.isEmpty();
  }
}
