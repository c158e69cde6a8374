package io.signetmesh.policy.lint;

import io.signetmesh.policy.index.PolicySnapshot;
import io.signetmesh.policy.lint.LintFinding.Rule;
import io.signetmesh.policy.model.AuthorizationPolicyModel;
import io.signetmesh.policy.model.DenyPolicyModel;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.MeshTlsModel;
import io.signetmesh.policy.model.NamespaceModel;
import io.signetmesh.policy.model.NetworkModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RateLimitModel;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.ServiceAccountModel;
import io.signetmesh.policy.model.UnusableModel;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.Set;

/**
 * Finds what is wrong with the objects of a snapshot, or hardly what their authors want. It works
 * by namespace, so the time grows with the number of objects and not with its square.
 */
public final class Linter {
  private final LintContext seen;
  private final ClientFindings clients;
  private final TokenFindings tokens;
  private final RegoFindings bundles;
  private final PolicyFindings policies;
  private final RequestFindings requests;
  private final PortFindings ports;

  private Linter(PolicySnapshot snapshot) {
    seen = new LintContext(snapshot);
    clients = new ClientFindings(seen);
    tokens = new TokenFindings(seen);
    bundles = new RegoFindings(seen);
    policies = new PolicyFindings(seen, clients);
    requests = new RequestFindings(seen, clients);
    ports = new PortFindings(seen);
  }

  /** Checks all objects of a snapshot. */
  public static LintReport lint(PolicySnapshot snapshot) {
    return new Linter(snapshot).run();
  }

  private LintReport run() {
    for (PolicyObject object : seen.objects.values()) {
      switch (object) {
        case UnusableModel unusable -> unusable(unusable);
        case ServerModel server -> ports.server(server);
        case AuthorizationPolicyModel policy -> policies.policy(policy);
        case DenyPolicyModel policy -> policies.policy(policy);
        case ServerAuthorizationModel authorization -> policies.serverAuthorization(authorization);
        case MeshTlsModel authentication -> clients.meshTls(authentication);
        case NetworkModel authentication -> clients.network(authentication);
        case JwtModel.Authentication authentication -> tokens.authentication(authentication);
        case RegoModel.Authentication authentication -> bundles.authentication(authentication);
        case RegoModel.FetchedBundle bundle -> {}
        case JwtModel.Holder holder -> {}
        case JwtModel.FetchedKeys keys -> {}
        case RouteModel route -> requests.route(route);
        case RateLimitModel limits -> requests.rateLimit(limits);
        case WorkloadModel workload -> {
          ports.annotations(workload);
          clients.workload(workload);
        }
        case NamespaceModel namespace -> {}
        case ServiceAccountModel account ->
            clients.identity(account, account.ref().name(), account.ref().namespace());
      }
    }
    for (NamespaceContents namespace : seen.namespaces.values()) {
      ports.conflicts(namespace);
      ports.dryRun(namespace);
      ports.opaque(namespace);
      tokens.forwarded(namespace);
      bundles.sizes(namespace);
      new ShadowedPolicies(namespace, seen.objects, seen.grants, seen::warning).look();
    }
    return seen.report();
  }

  private void unusable(UnusableModel unusable) {
    seen.error(
        unusable,
        Rule.NOT_UNDERSTOOD,
        "",
        unusable.reason()
            + (unusable.ref().kind() == ObjectRef.Kind.RATE_LIMIT_POLICY
                ? "; it limits nothing"
                : "; it grants nothing"),
        unusable.ref().kind().isAuthentication()
            ? seen.affectedBy(unusable.ref())
            // What it would be about is not known.
            : Set.of(ObjectRef.namespace(unusable.ref().namespace())));
  }
}
