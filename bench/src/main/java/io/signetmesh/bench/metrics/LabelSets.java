package io.signetmesh.bench.metrics;

/** Label sets as those of inbound requests: 16 labels, two of which differ from set to set. */
final class LabelSets {
  private LabelSets() {}

  /** Names and values in turn. */
  static String[] number(int i) {
    return new String[] {
      "direction", "inbound",
      "target_addr", "10.0.0.7:8080",
      "target_ip", "10.0.0.7",
      "target_port", "8080",
      "tls", "true",
      "client_id", "client-" + i + ".shop.serviceaccount.identity.linkerd.cluster.local",
      "srv_group", "policy.linkerd.io",
      "srv_kind", "server",
      "srv_name", "web",
      "srv_port", "8080",
      "route_group", "policy.linkerd.io",
      "route_kind", "HTTPRoute",
      "route_name", "orders",
      "authz_group", "policy.linkerd.io",
      "authz_kind", "authorizationpolicy",
      "authz_name", "clients-" + i
    };
  }
}
