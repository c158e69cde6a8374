package io.signetmesh.proxy.http;

import com.google.protobuf.Duration;
import io.linkerd.proxy.grpc_route.GrpcRouteMatch;
import io.linkerd.proxy.http_route.HostMatch;
import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.meta.Resource;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import java.util.List;

/** Policy as the controller sends it, in a few words. */
final class PolicyMessages {
  private PolicyMessages() {}

  static Server.Builder server(ProxyProtocol protocol) {
    return Server.newBuilder()
        .putLabels("group", "policy.linkerd.io")
        .putLabels("kind", "server")
        .putLabels("name", "web")
        .setProtocol(protocol)
        .setSignetGeneration(7);
  }

  static ProxyProtocol detect(HttpRoute... routes) {
    return ProxyProtocol.newBuilder()
        .setDetect(
            ProxyProtocol.Detect.newBuilder()
                .setTimeout(Duration.newBuilder().setSeconds(2))
                .addAllHttpRoutes(List.of(routes)))
        .build();
  }

  static ProxyProtocol limited(HttpLocalRateLimit limit, HttpRoute... routes) {
    ProxyProtocol protocol = detect(routes);
    return protocol.toBuilder()
        .setDetect(protocol.getDetect().toBuilder().setHttpLocalRateLimit(limit))
        .build();
  }

  static ProxyProtocol grpc(HttpLocalRateLimit limit, GrpcRoute... routes) {
    return ProxyProtocol.newBuilder()
        .setGrpc(
            ProxyProtocol.Grpc.newBuilder()
                .addAllRoutes(List.of(routes))
                .setSignetLocalRateLimit(limit))
        .build();
  }

  static HttpLocalRateLimit.Limit rate(int requestsPerSecond) {
    return HttpLocalRateLimit.Limit.newBuilder().setRequestsPerSecond(requestsPerSecond).build();
  }

  /** A route of a path prefix. */
  static HttpRoute prefix(String name, String prefix, Authz... authorizations) {
    return route(name, PathMatch.newBuilder().setPrefix(prefix).build(), authorizations).build();
  }

  /** A route of one path. */
  static HttpRoute exact(String name, String path, Authz... authorizations) {
    return route(name, PathMatch.newBuilder().setExact(path).build(), authorizations).build();
  }

  /** A route of one host, whatever the path. */
  static HttpRoute host(String name, String host, Authz... authorizations) {
    return route(name, PathMatch.newBuilder().setPrefix("/").build(), authorizations)
        .addHosts(HostMatch.newBuilder().setExact(host))
        .build();
  }

  static HttpRoute.Builder route(String name, PathMatch path, Authz... authorizations) {
    return HttpRoute.newBuilder()
        .setMetadata(resource("policy.linkerd.io", "HTTPRoute", name))
        .addAllAuthorizations(List.of(authorizations))
        .addRules(
            HttpRoute.Rule.newBuilder().addMatches(HttpRouteMatch.newBuilder().setPath(path)));
  }

  static GrpcRoute grpcService(String name, String service, Authz... authorizations) {
    return GrpcRoute.newBuilder()
        .setMetadata(resource("gateway.networking.k8s.io", "GRPCRoute", name))
        .addAllAuthorizations(List.of(authorizations))
        .addRules(
            GrpcRoute.Rule.newBuilder()
                .addMatches(
                    GrpcRouteMatch.newBuilder()
                        .setRpc(
                            io.linkerd.proxy.grpc_route.GrpcRpcMatch.newBuilder()
                                .setService(service))))
        .build();
  }

  /** Allows identities from anywhere. */
  static Authz identities(String name, String... identities) {
    Authn.PermitMeshTLS.PermitClientIdentities.Builder ids =
        Authn.PermitMeshTLS.PermitClientIdentities.newBuilder();
    for (String identity : identities) {
      ids.addIdentities(Identity.newBuilder().setName(identity));
    }
    return authorization(
        resource("policy.linkerd.io", "AuthorizationPolicy", name),
        Authn.newBuilder().setMeshTLS(Authn.PermitMeshTLS.newBuilder().setIdentities(ids)).build());
  }

  /** Allows everybody. */
  static Authz anybody(String name) {
    return authorization(
        resource("policy.linkerd.io", "AuthorizationPolicy", name),
        Authn.newBuilder()
            .setUnauthenticated(Authn.PermitUnauthenticated.getDefaultInstance())
            .build());
  }

  /** What a Server with access policy audit sends. */
  static Authz audit() {
    return authorization(
        Metadata.newBuilder().setDefault("audit").build(),
        Authn.newBuilder()
            .setUnauthenticated(Authn.PermitUnauthenticated.getDefaultInstance())
            .build());
  }

  private static Authz authorization(Metadata metadata, Authn authentication) {
    return Authz.newBuilder()
        .setMetadata(metadata)
        .addNetworks(network(IPAddress.newBuilder().setIpv4(0).build()))
        .setAuthentication(authentication)
        .build();
  }

  private static Network network(IPAddress address) {
    return Network.newBuilder()
        .setNet(IPNetwork.newBuilder().setIp(address).setPrefixLen(0))
        .build();
  }

  private static Metadata resource(String group, String kind, String name) {
    return Metadata.newBuilder()
        .setResource(Resource.newBuilder().setGroup(group).setKind(kind).setName(name))
        .build();
  }
}
