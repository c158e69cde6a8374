package io.signetmesh.crds.admission;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.signetmesh.crds.egress.EgressNetwork;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.UnreadFields;
import io.signetmesh.crds.policy.AuthorizationPolicy;
import io.signetmesh.crds.policy.DenyPolicy;
import io.signetmesh.crds.policy.HTTPLocalRateLimitPolicy;
import io.signetmesh.crds.policy.MeshTLSAuthentication;
import io.signetmesh.crds.policy.NetworkAuthentication;
import io.signetmesh.crds.policy.Server;
import io.signetmesh.crds.policy.ServerAuthorization;
import io.signetmesh.crds.profile.ServiceProfile;
import io.signetmesh.crds.rego.RegoAuthentication;
import io.signetmesh.crds.route.GatewayHttpRoute;
import io.signetmesh.crds.route.PolicyHttpRoute;
import io.signetmesh.crds.route.TcpRoute;
import io.signetmesh.crds.route.TlsRoute;
import io.signetmesh.crds.route.grpc.GrpcRoute;
import io.signetmesh.crds.token.JWTAuthentication;
import io.signetmesh.crds.workload.ExternalWorkload;
import java.util.List;

/**
 * Rules for one object that its schema cannot express, as an admission webhook would check them. No
 * rule depends on another object. The rules are stricter than Linkerd's webhook only where the
 * object could not work at all.
 */
public final class AdmissionRules {
  private AdmissionRules() {}

  /** Finds all violations of an object; empty for kinds without rules. */
  public static List<ManifestFinding> check(HasMetadata object) {
    return check(object, UnreadFields.NONE);
  }

  /** Finds all violations of an object, except those that an unread field alone causes. */
  public static List<ManifestFinding> check(HasMetadata object, UnreadFields unread) {
    ObjectFindings findings = new ObjectFindings(object, unread);
    switch (object) {
      case Server server -> {
        PolicyRules.check(server.spec(), findings);
      }
      case ServerAuthorization authorization -> {
        PolicyRules.check(authorization.spec(), findings);
      }
      case AuthorizationPolicy policy -> {
        PolicyRules.check(policy.spec(), findings);
      }
      case DenyPolicy policy -> {
        PolicyRules.check(policy.spec(), findings);
      }
      case MeshTLSAuthentication authentication ->
          PolicyRules.check(authentication.spec(), findings);
      case NetworkAuthentication authentication ->
          PolicyRules.check(authentication.spec(), findings);
      case JWTAuthentication authentication -> TokenRules.check(authentication.spec(), findings);
      case RegoAuthentication authentication -> RegoRules.check(authentication.spec(), findings);
      case EgressNetwork network -> {
        PolicyRules.check(network.spec(), findings);
        AnnotationRules.checkParent(network, findings);
      }
      case HTTPLocalRateLimitPolicy limits -> PolicyRules.check(limits.spec(), findings);
      case PolicyHttpRoute route -> RouteRules.check(route, findings);
      case GatewayHttpRoute route -> RouteRules.check(route, findings);
      case GrpcRoute route -> RouteRules.check(route, findings);
      case TlsRoute route -> RouteRules.check(route, findings);
      case TcpRoute route -> RouteRules.check(route, findings);
      case ServiceProfile profile -> ProfileRules.check(profile.spec(), findings);
      case ExternalWorkload workload -> WorkloadRules.check(workload.spec(), findings);
      case Pod pod -> WorkloadRules.check(pod, findings);
      case Service service -> WorkloadRules.check(service, findings);
      case EndpointSlice slice -> WorkloadRules.check(slice, findings);
      case Namespace namespace -> AnnotationRules.checkInbound(namespace, findings);
      default -> {}
    }
    AnnotationRules.checkOwn(
        object,
        object instanceof Server
            || object instanceof ServerAuthorization
            || object instanceof AuthorizationPolicy,
        findings);
    return findings.all();
  }
}
