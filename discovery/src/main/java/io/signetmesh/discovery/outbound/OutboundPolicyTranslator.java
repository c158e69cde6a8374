package io.signetmesh.discovery.outbound;

import com.google.protobuf.Duration;
import io.grpc.Status;
import io.linkerd.proxy.destination.WeightedAddr;
import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.meta.Resource;
import io.linkerd.proxy.opaque_route.Forbidden;
import io.linkerd.proxy.outbound.Backend;
import io.linkerd.proxy.outbound.HttpRoute;
import io.linkerd.proxy.outbound.OpaqueRoute;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.ProxyProtocol;
import io.linkerd.proxy.outbound.Queue;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.discovery.config.DiscoveryConfig;
import io.signetmesh.discovery.stream.Answer;
import io.signetmesh.discovery.topology.IpAddresses;
import io.signetmesh.discovery.topology.ObjectKey;
import io.signetmesh.discovery.topology.ResolvedService;
import io.signetmesh.discovery.topology.Topology;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Writes the policy that clients follow for a destination. */
final class OutboundPolicyTranslator {
  private static final Duration DETECT_TIMEOUT = seconds(10);
  private static final Queue QUEUE =
      Queue.newBuilder().setCapacity(100).setFailfastTimeout(seconds(3)).build();
  private static final Backend.BalanceP2c.PeakEwma LOAD =
      Backend.BalanceP2c.PeakEwma.newBuilder()
          .setDefaultRtt(Duration.newBuilder().setNanos(30_000_000))
          .setDecay(seconds(10))
          .build();
  private static final HttpRouteMatch ANY_PATH =
      HttpRouteMatch.newBuilder().setPath(PathMatch.newBuilder().setPrefix("/")).build();

  private final DiscoveryConfig config;

  OutboundPolicyTranslator(DiscoveryConfig config) {
    this.config = config;
  }

  Answer<OutboundPolicy> policy(Topology topology, OutboundTarget target) {
    return switch (target) {
      case OutboundTarget.Name name ->
          new Answer.State<>(
              ofService(name.service(), topology.service(name.service()), name.port()));
      case OutboundTarget.Address address -> ofAddress(topology, address.address());
      case OutboundTarget.Unknown unknown ->
          new Answer.End<>(
              Status.Code.NOT_FOUND,
              "authority \""
                  + unknown.authority()
                  + "\": expected <service>.<namespace>.svc."
                  + config.clusterDomain()
                  + "[:<port>]");
    };
  }

  private Answer<OutboundPolicy> ofAddress(Topology topology, InetSocketAddress address) {
    InetAddress ip = address.getAddress();
    List<ResolvedService> services = topology.servicesWithIp(ip);
    if (!services.isEmpty()) {
      ResolvedService service = services.getFirst();
      return new Answer.State<>(
          service.port(address.getPort()) == null
              ? undefinedPort()
              : ofService(service.key(), service, address.getPort()));
    }
    boolean workload =
        !topology.workloadsWithIp(ip).isEmpty()
            || !topology.workloadsWithHostPort(address).isEmpty();
    if (workload || inCluster(ip)) {
      return new Answer.End<>(
          Status.Code.NOT_FOUND,
          "address "
              + ip.getHostAddress()
              + " port "
              + address.getPort()
              + " is no service's: its destination profile applies");
    }
    return new Answer.State<>(egressFallback(address));
  }

  private boolean inCluster(InetAddress ip) {
    for (Cidr network : config.clusterNetworks()) {
      if (network.contains(ip)) {
        return true;
      }
    }
    return false;
  }

  private OutboundPolicy ofService(ObjectKey key, @Nullable ResolvedService service, int port) {
    Metadata parent =
        Metadata.newBuilder()
            .setResource(
                Resource.newBuilder()
                    .setGroup("core")
                    .setKind("Service")
                    .setName(key.name())
                    .setNamespace(key.namespace())
                    .setPort(port))
            .build();
    Backend backend =
        Backend.newBuilder()
            .setMetadata(parent)
            .setQueue(QUEUE)
            .setBalancer(
                Backend.BalanceP2c.newBuilder()
                    .setDiscovery(
                        Backend.EndpointDiscovery.newBuilder()
                            .setDst(
                                Backend.EndpointDiscovery.DestinationGet.newBuilder()
                                    .setPath(
                                        key.name()
                                            + "."
                                            + key.namespace()
                                            + ".svc."
                                            + config.clusterDomain()
                                            + ":"
                                            + port)))
                    .setPeakEwma(LOAD))
            .build();
    HttpRoute http = httpRoute("http", backend);
    OpaqueRoute opaque = opaqueRoute("opaq", backend);
    ProxyProtocol.Builder protocol = ProxyProtocol.newBuilder();
    switch (protocolOf(service, port)) {
      case HTTP1 -> protocol.setHttp1(ProxyProtocol.Http1.newBuilder().addRoutes(http));
      case HTTP2 -> protocol.setHttp2(ProxyProtocol.Http2.newBuilder().addRoutes(http));
      case OPAQUE -> protocol.setOpaque(ProxyProtocol.Opaque.newBuilder().addRoutes(opaque));
      case DETECT -> protocol.setDetect(detect(http, opaque));
    }
    return OutboundPolicy.newBuilder().setMetadata(parent).setProtocol(protocol).build();
  }

  private Protocol protocolOf(@Nullable ResolvedService service, int port) {
    ResolvedService.Port defined = service == null ? null : service.port(port);
    String stated = defined == null ? null : defined.appProtocol();
    if (stated != null) {
      return switch (stated.toLowerCase(Locale.ROOT)) {
        case "http" -> Protocol.HTTP1;
        case "kubernetes.io/h2c" -> Protocol.HTTP2;
        // What is not known is carried as it is.
        default -> Protocol.OPAQUE;
      };
    }
    boolean opaque =
        service == null
            ? config.defaultOpaquePorts().contains(port)
            : service.opaque(port, config.defaultOpaquePorts());
    return opaque ? Protocol.OPAQUE : Protocol.DETECT;
  }

  private OutboundPolicy egressFallback(InetSocketAddress address) {
    String name = "egress-fallback";
    Backend backend =
        Backend.newBuilder()
            .setMetadata(synthetic(name))
            .setQueue(QUEUE)
            .setForward(
                WeightedAddr.newBuilder()
                    .setAddr(IpAddresses.toWire(address.getAddress(), address.getPort()))
                    .setWeight(1))
            .build();
    return OutboundPolicy.newBuilder()
        .setMetadata(synthetic(name))
        .setProtocol(
            ProxyProtocol.newBuilder()
                .setDetect(detect(httpRoute(name, backend), opaqueRoute(name, backend))))
        .build();
  }

  private static OutboundPolicy undefinedPort() {
    String name = "undefined-port";
    return OutboundPolicy.newBuilder()
        .setMetadata(synthetic(name))
        .setProtocol(
            ProxyProtocol.newBuilder()
                .setOpaque(
                    ProxyProtocol.Opaque.newBuilder()
                        .addRoutes(
                            OpaqueRoute.newBuilder()
                                .setMetadata(synthetic(name))
                                .addRules(
                                    OpaqueRoute.Rule.newBuilder()
                                        .setBackends(
                                            OpaqueRoute.Distribution.newBuilder()
                                                .setEmpty(
                                                    OpaqueRoute.Distribution.Empty
                                                        .getDefaultInstance()))
                                        .addFilters(
                                            OpaqueRoute.Filter.newBuilder()
                                                .setForbidden(Forbidden.getDefaultInstance()))))))
        .build();
  }

  private static ProxyProtocol.Detect detect(HttpRoute http, OpaqueRoute opaque) {
    return ProxyProtocol.Detect.newBuilder()
        .setTimeout(DETECT_TIMEOUT)
        .setHttp1(ProxyProtocol.Http1.newBuilder().addRoutes(http))
        .setHttp2(ProxyProtocol.Http2.newBuilder().addRoutes(http))
        .setOpaque(ProxyProtocol.Opaque.newBuilder().addRoutes(opaque))
        .build();
  }

  private HttpRoute httpRoute(String name, Backend backend) {
    return HttpRoute.newBuilder()
        .setMetadata(synthetic(name))
        .addRules(
            HttpRoute.Rule.newBuilder()
                .addMatches(ANY_PATH)
                .setAllowL5DRequestHeaders(config.allowRequestHeaders())
                .setBackends(
                    HttpRoute.Distribution.newBuilder()
                        .setFirstAvailable(
                            HttpRoute.Distribution.FirstAvailable.newBuilder()
                                .addBackends(
                                    HttpRoute.RouteBackend.newBuilder().setBackend(backend)))))
        .build();
  }

  private static OpaqueRoute opaqueRoute(String name, Backend backend) {
    return OpaqueRoute.newBuilder()
        .setMetadata(synthetic(name))
        .addRules(
            OpaqueRoute.Rule.newBuilder()
                .setBackends(
                    OpaqueRoute.Distribution.newBuilder()
                        .setFirstAvailable(
                            OpaqueRoute.Distribution.FirstAvailable.newBuilder()
                                .addBackends(
                                    OpaqueRoute.RouteBackend.newBuilder().setBackend(backend)))))
        .build();
  }

  private static Metadata synthetic(String name) {
    return Metadata.newBuilder().setDefault(name).build();
  }

  private static Duration seconds(long seconds) {
    return Duration.newBuilder().setSeconds(seconds).build();
  }

  private enum Protocol {
    DETECT,
    HTTP1,
    HTTP2,
    OPAQUE
  }
}
