package io.signetmesh.proxy.upstream;

import io.linkerd.proxy.destination.AddrSet;
import io.linkerd.proxy.destination.NoEndpoints;
import io.linkerd.proxy.destination.Update;
import io.linkerd.proxy.destination.WeightedAddr;
import io.linkerd.proxy.destination.WeightedAddrSet;
import io.linkerd.proxy.outbound.Backend;
import io.linkerd.proxy.outbound.HttpRoute;
import io.linkerd.proxy.outbound.OpaqueRoute;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.ProxyProtocol;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** Messages of the control plane about destinations. Endpoints are 10.0.0.x:8080. */
final class DiscoveryMessages {
  private DiscoveryMessages() {}

  static InetSocketAddress socket(String ip, int port) {
    return new InetSocketAddress(InetAddress.ofLiteral(ip), port);
  }

  static WeightedAddr address(int lastByte) {
    return WeightedAddr.newBuilder()
        .setAddr(Endpoints.message(socket("10.0.0." + lastByte, 8080)))
        .build();
  }

  static Update add(int... lastBytes) {
    WeightedAddrSet.Builder set = WeightedAddrSet.newBuilder();
    for (int lastByte : lastBytes) {
      set.addAddrs(address(lastByte));
    }
    return Update.newBuilder().setAdd(set).build();
  }

  static Update remove(int... lastBytes) {
    AddrSet.Builder set = AddrSet.newBuilder();
    for (int lastByte : lastBytes) {
      set.addAddrs(address(lastByte).getAddr());
    }
    return Update.newBuilder().setRemove(set).build();
  }

  static Update noEndpoints(boolean exists) {
    return Update.newBuilder().setNoEndpoints(NoEndpoints.newBuilder().setExists(exists)).build();
  }

  static Backend balancer(String path) {
    return Backend.newBuilder()
        .setBalancer(
            Backend.BalanceP2c.newBuilder()
                .setDiscovery(
                    Backend.EndpointDiscovery.newBuilder()
                        .setDst(
                            Backend.EndpointDiscovery.DestinationGet.newBuilder().setPath(path))))
        .build();
  }

  static HttpRoute route(Backend backend) {
    return HttpRoute.newBuilder()
        .addRules(
            HttpRoute.Rule.newBuilder()
                .setBackends(
                    HttpRoute.Distribution.newBuilder()
                        .setFirstAvailable(
                            HttpRoute.Distribution.FirstAvailable.newBuilder()
                                .addBackends(
                                    HttpRoute.RouteBackend.newBuilder().setBackend(backend)))))
        .build();
  }

  static OutboundPolicy policy(String path) {
    return OutboundPolicy.newBuilder()
        .setProtocol(
            ProxyProtocol.newBuilder()
                .setDetect(
                    ProxyProtocol.Detect.newBuilder()
                        .setHttp1(
                            ProxyProtocol.Http1.newBuilder().addRoutes(route(balancer(path))))))
        .build();
  }

  static OutboundPolicy forward(InetSocketAddress address) {
    return OutboundPolicy.newBuilder()
        .setProtocol(
            ProxyProtocol.newBuilder()
                .setHttp2(
                    ProxyProtocol.Http2.newBuilder()
                        .addRoutes(
                            route(
                                Backend.newBuilder()
                                    .setForward(
                                        WeightedAddr.newBuilder()
                                            .setAddr(Endpoints.message(address)))
                                    .build()))))
        .build();
  }

  static OutboundPolicy forbidden() {
    return OutboundPolicy.newBuilder()
        .setProtocol(
            ProxyProtocol.newBuilder()
                .setOpaque(
                    ProxyProtocol.Opaque.newBuilder()
                        .addRoutes(
                            OpaqueRoute.newBuilder()
                                .addRules(
                                    OpaqueRoute.Rule.newBuilder()
                                        .addFilters(OpaqueRoute.Filter.newBuilder())))))
        .build();
  }
}
