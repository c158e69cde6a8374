package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.metrics.registry.Labels;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.TlsTarget;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How policies, decisions, errors and endpoints are named in labels. */
final class MetricLabels {
  private static final ResourceRef AUDIT = new ResourceRef("", "default", "audit");

  private MetricLabels() {}

  /** Labels of what happens under a policy. */
  static Labels.Builder policyLabels(Target target, TlsStatus tls, ServerPolicy policy) {
    return Labels.builder()
        .add(target.labels())
        .add(tls.labels())
        .add(server(policy.server(), target.port()));
  }

  static Labels errorLabels(ProxyError error, Target target) {
    return Labels.builder().add("error", error.label()).add(target.labels()).build();
  }

  static Labels server(ResourceRef ref, String port) {
    return resource("srv", ref).and("srv_port", port);
  }

  static Labels resource(String prefix, ResourceRef ref) {
    return Labels.of(
        prefix + "_group", ref.group(), prefix + "_kind", ref.kind(), prefix + "_name", ref.name());
  }

  static Labels authorization(Decision decision) {
    return authorization(authorizationOf(decision));
  }

  /** What a decision is counted under; Linkerd counts what only an audit lets through as this. */
  static @Nullable ResourceRef authorizationOf(Decision decision) {
    return decision.mode() == Decision.Mode.AUDIT ? AUDIT : decision.authorization();
  }

  static Labels authorization(@Nullable ResourceRef ref) {
    return ref == null ? Labels.none() : resource("authz", ref);
  }

  static TlsStatus tlsOf(Endpoint endpoint) {
    TlsTarget tls = endpoint.tls();
    return tls == null
        ? TlsStatus.NoIdentity.NOT_PROVIDED_BY_SERVICE_DISCOVERY
        : new TlsStatus.ToServer(tls.identity());
  }

  static Labels destinationLabels(Endpoint endpoint) {
    Map<String, String> given = endpoint.labels();
    if (given.isEmpty()) {
      return Labels.none();
    }
    Labels.Builder labels = Labels.builder();
    given.forEach((name, value) -> labels.add("dst_" + labelName(name), value));
    return labels.build();
  }

  /**
   * The control plane names these labels, so that a name may hold characters that labels may not.
   */
  private static String labelName(String name) {
    StringBuilder clean = new StringBuilder(name.length());
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean allowed =
          c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_';
      clean.append(allowed ? c : '_');
    }
    return clean.toString();
  }
}
