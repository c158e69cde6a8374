package io.signetmesh.policy.effective;

import com.google.protobuf.Duration;
import io.linkerd.proxy.grpc_route.GrpcRouteMatch;
import io.linkerd.proxy.grpc_route.GrpcRpcMatch;
import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.http_types.HttpMethod;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.meta.Resource;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.linkerd.proxy.net.IPv6;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.RouteModel;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Builds the parts of {@code inbound.Server} that are not authorizations. */
public final class ServerMessages {
  private static final Duration DETECT_TIMEOUT = Duration.newBuilder().setSeconds(10).build();
  private static final HttpRoute DEFAULT_HTTP_ROUTE =
      HttpRoute.newBuilder()
          .setMetadata(Metadata.newBuilder().setDefault("default"))
          .addRules(
              HttpRoute.Rule.newBuilder()
                  .addMatches(
                      HttpRouteMatch.newBuilder().setPath(PathMatch.newBuilder().setPrefix("/"))))
          .build();
  private static final GrpcRoute DEFAULT_GRPC_ROUTE =
      GrpcRoute.newBuilder()
          .setMetadata(Metadata.newBuilder().setDefault("default"))
          .addRules(
              GrpcRoute.Rule.newBuilder()
                  .addMatches(
                      GrpcRouteMatch.newBuilder().setRpc(GrpcRpcMatch.getDefaultInstance())))
          .build();

  private ServerMessages() {}

  /** A network as it goes over the wire. */
  static IPNetwork network(Cidr network) {
    ByteBuffer address = ByteBuffer.wrap(network.address());
    IPAddress.Builder ip = IPAddress.newBuilder();
    if (network.isIpv6()) {
      ip.setIpv6(IPv6.newBuilder().setFirst(address.getLong()).setLast(address.getLong()));
    } else {
      ip.setIpv4(address.getInt());
    }
    return IPNetwork.newBuilder().setIp(ip).setPrefixLen(network.prefixLength()).build();
  }

  /** Whether this protocol uses HTTP routes, and with them probe routes. */
  public static boolean hasHttpRoutes(io.signetmesh.crds.policy.ProxyProtocol protocol) {
    return switch (protocol) {
      case UNKNOWN, HTTP_1, HTTP_2 -> true;
      case GRPC, OPAQUE, TLS -> false;
    };
  }

  /** The route of requests that no attached route matches. */
  public static HttpRoute defaultHttpRoute() {
    return DEFAULT_HTTP_ROUTE;
  }

  /** The same for gRPC. */
  public static GrpcRoute defaultGrpcRoute() {
    return DEFAULT_GRPC_ROUTE;
  }

  /** The route of probes: GET of exactly one of the paths. */
  public static Optional<HttpRoute> probeRoute(Optional<Authz> probe, List<String> paths) {
    if (probe.isEmpty() || paths.isEmpty()) {
      return Optional.empty();
    }
    HttpRoute.Rule.Builder rule = HttpRoute.Rule.newBuilder();
    for (String path : paths) {
      rule.addMatches(
          HttpRouteMatch.newBuilder()
              .setPath(PathMatch.newBuilder().setExact(path))
              .setMethod(HttpMethod.newBuilder().setRegistered(HttpMethod.Registered.GET)));
    }
    return Optional.of(
        HttpRoute.newBuilder()
            .setMetadata(Metadata.newBuilder().setDefault("probe"))
            .addAuthorizations(probe.get())
            .addRules(rule)
            .build());
  }

  /** An attached HTTPRoute. */
  public static HttpRoute httpRoute(
      RouteModel route, List<HttpRoute.Rule> rules, List<Authz> grants, List<Authz> denials) {
    return HttpRoute.newBuilder()
        .addAllSignetDenials(denials)
        .setMetadata(resource(route.ref()))
        .addAllHosts(route.hosts())
        .addAllAuthorizations(grants)
        .addAllRules(rules)
        .build();
  }

  /** An attached GRPCRoute. */
  public static GrpcRoute grpcRoute(
      RouteModel route, List<GrpcRoute.Rule> rules, List<Authz> grants, List<Authz> denials) {
    return GrpcRoute.newBuilder()
        .addAllSignetDenials(denials)
        .setMetadata(resource(route.ref()))
        .addAllHosts(route.hosts())
        .addAllAuthorizations(grants)
        .addAllRules(rules)
        .build();
  }

  /** Whether this protocol has rate limits. */
  public static boolean hasRateLimits(io.signetmesh.crds.policy.ProxyProtocol protocol) {
    return hasHttpRoutes(protocol) || protocol == io.signetmesh.crds.policy.ProxyProtocol.GRPC;
  }

  /** A protocol with the routes and the limits that it uses. */
  public static ProxyProtocol protocol(
      io.signetmesh.crds.policy.ProxyProtocol protocol,
      List<HttpRoute> httpRoutes,
      List<GrpcRoute> grpcRoutes,
      @Nullable HttpLocalRateLimit limits) {
    ProxyProtocol.Builder message = ProxyProtocol.newBuilder();
    switch (protocol) {
      case UNKNOWN -> {
        message.getDetectBuilder().setTimeout(DETECT_TIMEOUT).addAllHttpRoutes(httpRoutes);
        if (limits != null) {
          message.getDetectBuilder().setHttpLocalRateLimit(limits);
        }
      }
      case HTTP_1 -> {
        message.getHttp1Builder().addAllRoutes(httpRoutes);
        if (limits != null) {
          message.getHttp1Builder().setLocalRateLimit(limits);
        }
      }
      case HTTP_2 -> {
        message.getHttp2Builder().addAllRoutes(httpRoutes);
        if (limits != null) {
          message.getHttp2Builder().setLocalRateLimit(limits);
        }
      }
      case GRPC -> {
        message.getGrpcBuilder().addAllRoutes(grpcRoutes);
        if (limits != null) {
          message.getGrpcBuilder().setSignetLocalRateLimit(limits);
        }
      }
      case OPAQUE -> message.setOpaque(ProxyProtocol.Opaque.getDefaultInstance());
      case TLS -> message.setTls(ProxyProtocol.Tls.getDefaultInstance());
    }
    return message.build();
  }

  /**
   * A server message.
   *
   * @param conditions the authentications that any of its authorizations and denials, also those of
   *     routes, refer to
   */
  public static Server server(
      ProxyProtocol protocol,
      List<Authz> grants,
      List<Authz> denials,
      ConditionMessages conditions,
      String group,
      String kind,
      String name) {
    return Server.newBuilder()
        .setProtocol(protocol)
        .addAllSignetDenials(denials)
        .addAllSignetJwtAuthentications(conditions.tokens())
        .addAllSignetRegoAuthentications(conditions.bundles())
        .addAllAuthorizations(grants)
        .putLabels("group", group)
        .putLabels("kind", kind)
        .putLabels("name", name)
        .build();
  }

  private static Metadata resource(ObjectRef ref) {
    return Metadata.newBuilder()
        .setResource(
            Resource.newBuilder()
                .setGroup(ref.kind().group())
                .setKind(ref.kind().resourceKind())
                .setName(ref.name())
                .setNamespace(ref.namespace()))
        .build();
  }
}
