package io.signetmesh.proxy.upstream;

import io.linkerd.proxy.destination.DestinationProfile;
import io.linkerd.proxy.outbound.Backend;
import io.linkerd.proxy.outbound.GrpcRoute;
import io.linkerd.proxy.outbound.HttpRoute;
import io.linkerd.proxy.outbound.OpaqueRoute;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.ProxyProtocol;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * Reads plans from outbound policies and profiles. The first rule of the first route stands for
 * all; a rule that injects failures, or has a filter that is not known here, lets nothing through.
 */
final class PlanReader {
  private PlanReader() {}

  static Plan policy(OutboundPolicy message) {
    ProxyProtocol protocol = message.getProtocol();
    return switch (protocol.getKindCase()) {
      case DETECT ->
          http(Upstream.Protocol.DETECT, protocol.getDetect().getHttp1().getRoutesList());
      case HTTP1 -> http(Upstream.Protocol.HTTP1, protocol.getHttp1().getRoutesList());
      case HTTP2 -> http(Upstream.Protocol.HTTP2, protocol.getHttp2().getRoutesList());
      case GRPC -> grpc(protocol.getGrpc().getRoutesList());
      case OPAQUE -> opaque(protocol.getOpaque().getRoutesList());
      case TLS, KIND_NOT_SET -> Plan.FORBIDDEN;
    };
  }

  /** The plan of an address that has a profile and no policy. */
  static Plan profile(DestinationProfile message, InetSocketAddress original) {
    boolean opaque = message.getOpaqueProtocol();
    if (message.hasEndpoint()) {
      Endpoint endpoint = Endpoints.endpoint(message.getEndpoint(), Map.of());
      // An endpoint that cannot be authenticated is not dialled in plaintext instead.
      return endpoint == null ? Plan.FORBIDDEN : Plan.of(opaque, new Plan.Forward(endpoint));
    }
    String name = message.getFullyQualifiedName();
    return name.isEmpty()
        ? Plan.of(opaque, new Plan.Forward(plain(original)))
        : Plan.of(opaque, Plan.Balanced.of(name + ":" + original.getPort()));
  }

  /** The plan of an address that nothing is known of. */
  static Plan unknown(InetSocketAddress original) {
    return Plan.of(false, new Plan.Forward(plain(original)));
  }

  private static Endpoint plain(InetSocketAddress socket) {
    return new Endpoint(socket, null, Endpoint.Hint.UNKNOWN, 0, null, Map.of());
  }

  private static Plan http(Upstream.Protocol protocol, List<HttpRoute> routes) {
    HttpRoute.Rule rule =
        routes.stream().flatMap(r -> r.getRulesList().stream()).findFirst().orElse(null);
    if (rule == null) {
      return new Plan(protocol, List.of());
    }
    if (!rule.getFiltersList().stream().allMatch(PlanReader::passes)) {
      return Plan.FORBIDDEN;
    }
    HttpRoute.Distribution split = rule.getBackends();
    return new Plan(
        protocol,
        switch (split.getKindCase()) {
          case FIRST_AVAILABLE ->
              split.getFirstAvailable().getBackendsList().stream()
                  .limit(1)
                  .map(b -> http(1, b))
                  .toList();
          case RANDOM_AVAILABLE ->
              split.getRandomAvailable().getBackendsList().stream()
                  .map(b -> http(Integer.toUnsignedLong(b.getWeight()), b.getBackend()))
                  .toList();
          case EMPTY, KIND_NOT_SET -> List.of();
        });
  }

  private static Plan.Weighted http(long weight, HttpRoute.RouteBackend backend) {
    return backend.getFiltersList().stream().allMatch(PlanReader::passes)
        ? weighted(weight, backend.getBackend())
        : new Plan.Weighted(weight, new Plan.Invalid());
  }

  private static boolean passes(HttpRoute.Filter filter) {
    return switch (filter.getKindCase()) {
      case REQUEST_HEADER_MODIFIER, RESPONSE_HEADER_MODIFIER, REDIRECT -> true;
      case FAILURE_INJECTOR, KIND_NOT_SET -> false;
    };
  }

  private static Plan grpc(List<GrpcRoute> routes) {
    GrpcRoute.Rule rule =
        routes.stream().flatMap(r -> r.getRulesList().stream()).findFirst().orElse(null);
    if (rule == null) {
      return new Plan(Upstream.Protocol.HTTP2, List.of());
    }
    if (!rule.getFiltersList().stream().allMatch(PlanReader::passes)) {
      return Plan.FORBIDDEN;
    }
    GrpcRoute.Distribution split = rule.getBackends();
    return new Plan(
        Upstream.Protocol.HTTP2,
        switch (split.getKindCase()) {
          case FIRST_AVAILABLE ->
              split.getFirstAvailable().getBackendsList().stream()
                  .limit(1)
                  .map(b -> grpc(1, b))
                  .toList();
          case RANDOM_AVAILABLE ->
              split.getRandomAvailable().getBackendsList().stream()
                  .map(b -> grpc(Integer.toUnsignedLong(b.getWeight()), b.getBackend()))
                  .toList();
          case EMPTY, KIND_NOT_SET -> List.of();
        });
  }

  private static Plan.Weighted grpc(long weight, GrpcRoute.RouteBackend backend) {
    return backend.getFiltersList().stream().allMatch(PlanReader::passes)
        ? weighted(weight, backend.getBackend())
        : new Plan.Weighted(weight, new Plan.Invalid());
  }

  private static boolean passes(GrpcRoute.Filter filter) {
    return switch (filter.getKindCase()) {
      case REQUEST_HEADER_MODIFIER -> true;
      case FAILURE_INJECTOR, KIND_NOT_SET -> false;
    };
  }

  private static Plan opaque(List<OpaqueRoute> routes) {
    OpaqueRoute.Rule rule =
        routes.stream().flatMap(r -> r.getRulesList().stream()).findFirst().orElse(null);
    if (rule == null) {
      return new Plan(Upstream.Protocol.OPAQUE, List.of());
    }
    if (rule.getFiltersCount() > 0) {
      // Forbidden, invalid, or a filter that is not known here: none of them lets through.
      return Plan.FORBIDDEN;
    }
    OpaqueRoute.Distribution split = rule.getBackends();
    return new Plan(
        Upstream.Protocol.OPAQUE,
        switch (split.getKindCase()) {
          case FIRST_AVAILABLE ->
              split.getFirstAvailable().getBackendsList().stream()
                  .limit(1)
                  .map(b -> opaque(1, b))
                  .toList();
          case RANDOM_AVAILABLE ->
              split.getRandomAvailable().getBackendsList().stream()
                  .map(b -> opaque(Integer.toUnsignedLong(b.getWeight()), b.getBackend()))
                  .toList();
          case EMPTY, KIND_NOT_SET -> List.of();
        });
  }

  private static Plan.Weighted opaque(long weight, OpaqueRoute.RouteBackend backend) {
    return backend.getFiltersCount() == 0
        ? weighted(weight, backend.getBackend())
        : new Plan.Weighted(weight, new Plan.Invalid());
  }

  private static Plan.Weighted weighted(long weight, Backend message) {
    return new Plan.Weighted(weight, backend(message));
  }

  private static Plan.Backend backend(Backend message) {
    return switch (message.getKindCase()) {
      case BALANCER -> balanced(message.getBalancer());
      case FORWARD -> {
        Endpoint endpoint = Endpoints.endpoint(message.getForward(), Map.of());
        yield endpoint == null ? new Plan.Invalid() : new Plan.Forward(endpoint);
      }
      case KIND_NOT_SET -> new Plan.Invalid();
    };
  }

  private static Plan.Backend balanced(Backend.BalanceP2c message) {
    String path = message.getDiscovery().getDst().getPath();
    if (path.isEmpty()) {
      return new Plan.Invalid();
    }
    Plan.Balanced usual = Plan.Balanced.of(path);
    return switch (message.getLoadCase()) {
      case PEAK_EWMA ->
          new Plan.Balanced(
              path,
              message.getPeakEwma().hasDefaultRtt()
                  ? duration(message.getPeakEwma().getDefaultRtt())
                  : usual.rtt(),
              message.getPeakEwma().hasDecay()
                  ? duration(message.getPeakEwma().getDecay())
                  : usual.decay());
      case PENALTY_PEAK_EWMA, LOAD_NOT_SET -> usual;
    };
  }

  private static Duration duration(com.google.protobuf.Duration message) {
    long seconds = Math.clamp(message.getSeconds(), 0, 3600);
    int nanos = Math.clamp(message.getNanos(), 0, 999_999_999);
    return Duration.ofSeconds(seconds, nanos);
  }
}
