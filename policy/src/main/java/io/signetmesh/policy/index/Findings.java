package io.signetmesh.policy.index;

import io.signetmesh.policy.facts.AuthorizationPolicyFact;
import io.signetmesh.policy.facts.DenyPolicyFact;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.MeshTlsFact;
import io.signetmesh.policy.facts.NamespaceFact;
import io.signetmesh.policy.facts.NetworkFact;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.RateLimitFact;
import io.signetmesh.policy.facts.RouteFact;
import io.signetmesh.policy.facts.ServerAuthorizationFact;
import io.signetmesh.policy.facts.ServerFact;
import io.signetmesh.policy.facts.ServiceAccountFact;
import io.signetmesh.policy.facts.UnusableFact;
import io.signetmesh.policy.facts.WorkloadFact;
import io.signetmesh.policy.index.Finding.Rule;
import java.util.Map;
import java.util.Set;

/**
 * Looks over all objects for what is wrong or hardly meant. Works on a copy of the facts and by
 * namespace, so the time it takes grows with the number of objects and not with its square.
 */
final class Findings {
  private final Examination seen;
  private final ClientFindings clients;
  private final PolicyFindings policies;
  private final RequestFindings requests;
  private final PortFindings ports;

  /**
   * @param facts sorted, and not changed any more
   */
  Findings(Map<ObjectRef, Fact> facts, PolicyConfig config) {
    seen = new Examination(facts, config);
    clients = new ClientFindings(seen);
    policies = new PolicyFindings(seen, clients);
    requests = new RequestFindings(seen, clients);
    ports = new PortFindings(seen);
  }

  Diagnosis collect() {
    for (Fact fact : seen.facts.values()) {
      switch (fact) {
        case UnusableFact unusable -> unusable(unusable);
        case ServerFact server -> ports.server(server);
        case AuthorizationPolicyFact policy -> policies.policy(policy);
        case DenyPolicyFact policy -> policies.policy(policy);
        case ServerAuthorizationFact authorization -> policies.serverAuthorization(authorization);
        case MeshTlsFact authentication -> clients.meshTls(authentication);
        case NetworkFact authentication -> clients.network(authentication);
        case RouteFact route -> requests.route(route);
        case RateLimitFact limits -> requests.rateLimit(limits);
        case WorkloadFact workload -> {
          ports.annotations(workload);
          clients.workload(workload);
        }
        case NamespaceFact namespace -> {}
        case ServiceAccountFact account ->
            clients.identity(account, account.ref().name(), account.ref().namespace());
      }
    }
    for (NamespaceContents namespace : seen.namespaces.values()) {
      ports.conflicts(namespace);
      ports.tried(namespace);
      ports.opaque(namespace);
      new Shadows(namespace, seen.facts, seen.grants, seen::warning).look();
    }
    return seen.diagnosis();
  }

  private void unusable(UnusableFact unusable) {
    seen.error(
        unusable,
        Rule.NOT_UNDERSTOOD,
        "",
        unusable.reason()
            + (unusable.ref().kind() == ObjectRef.Kind.RATE_LIMIT_POLICY
                ? "; it limits nothing"
                : "; it grants nothing"),
        unusable.ref().kind() == ObjectRef.Kind.MESH_TLS_AUTHENTICATION
                || unusable.ref().kind() == ObjectRef.Kind.NETWORK_AUTHENTICATION
            ? seen.bearing(unusable.ref())
            // What it would be about is not known.
            : Set.of(ObjectRef.namespace(unusable.ref().namespace())));
  }
}
