package io.signetmesh.proxy.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Duration;
import io.linkerd.proxy.destination.WeightedAddr;
import io.linkerd.proxy.http_route.HttpFailureInjector;
import io.linkerd.proxy.opaque_route.Forbidden;
import io.linkerd.proxy.outbound.Backend;
import io.linkerd.proxy.outbound.GrpcRoute;
import io.linkerd.proxy.outbound.HttpRoute;
import io.linkerd.proxy.outbound.OpaqueRoute;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.ProxyProtocol;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.junit.jupiter.api.Test;

class PlanReaderTest {
  private static final InetSocketAddress ADDRESS =
      new InetSocketAddress(InetAddress.ofLiteral("10.0.0.1"), 80);

  private static Backend.Builder balancer(String path) {
    return Backend.newBuilder()
        .setBalancer(
            Backend.BalanceP2c.newBuilder()
                .setDiscovery(
                    Backend.EndpointDiscovery.newBuilder()
                        .setDst(
                            Backend.EndpointDiscovery.DestinationGet.newBuilder().setPath(path))));
  }

  private static Plan read(ProxyProtocol.Builder protocol) {
    return PlanReader.policy(OutboundPolicy.newBuilder().setProtocol(protocol).build());
  }

  private static Plan http(HttpRoute.Rule.Builder rule) {
    return read(
        ProxyProtocol.newBuilder()
            .setHttp1(
                ProxyProtocol.Http1.newBuilder().addRoutes(HttpRoute.newBuilder().addRules(rule))));
  }

  private static HttpRoute.Distribution weighted(int... weights) {
    HttpRoute.Distribution.RandomAvailable.Builder random =
        HttpRoute.Distribution.RandomAvailable.newBuilder();
    for (int weight : weights) {
      random.addBackends(
          HttpRoute.WeightedRouteBackend.newBuilder()
              .setWeight(weight)
              .setBackend(
                  HttpRoute.RouteBackend.newBuilder().setBackend(balancer("w" + weight + ":80"))));
    }
    return HttpRoute.Distribution.newBuilder().setRandomAvailable(random).build();
  }

  @Test
  void readsWeightsAsUnsigned() {
    Plan plan = http(HttpRoute.Rule.newBuilder().setBackends(weighted(-1, 0, 3)));

    assertThat(plan.backends())
        .extracting(Plan.Weighted::weight)
        .containsExactly(4_294_967_295L, 0L, 3L);
  }

  @Test
  void readsParametersOfTheBalancer() {
    Backend.Builder backend = balancer("web:80");
    backend
        .getBalancerBuilder()
        .setPeakEwma(
            Backend.BalanceP2c.PeakEwma.newBuilder()
                .setDefaultRtt(Duration.newBuilder().setNanos(5_000_000))
                .setDecay(Duration.newBuilder().setSeconds(-4)));
    Plan plan =
        http(
            HttpRoute.Rule.newBuilder()
                .setBackends(
                    HttpRoute.Distribution.newBuilder()
                        .setFirstAvailable(
                            HttpRoute.Distribution.FirstAvailable.newBuilder()
                                .addBackends(
                                    HttpRoute.RouteBackend.newBuilder().setBackend(backend)))));

    assertThat(plan.backends())
        .containsExactly(
            new Plan.Weighted(
                1,
                new Plan.Balanced(
                    "web:80", java.time.Duration.ofMillis(5), java.time.Duration.ZERO)));
  }

  @Test
  void forbidsWhatItCannotApply() {
    assertThat(
            List.of(
                read(ProxyProtocol.newBuilder()),
                read(ProxyProtocol.newBuilder().setTls(ProxyProtocol.Tls.getDefaultInstance())),
                http(
                    HttpRoute.Rule.newBuilder()
                        .setBackends(weighted(1))
                        .addFilters(HttpRoute.Filter.newBuilder())),
                http(
                    HttpRoute.Rule.newBuilder()
                        .setBackends(weighted(1))
                        .addFilters(
                            HttpRoute.Filter.newBuilder()
                                .setFailureInjector(HttpFailureInjector.getDefaultInstance()))),
                read(
                    ProxyProtocol.newBuilder()
                        .setGrpc(
                            ProxyProtocol.Grpc.newBuilder()
                                .addRoutes(
                                    GrpcRoute.newBuilder()
                                        .addRules(
                                            GrpcRoute.Rule.newBuilder()
                                                .addFilters(GrpcRoute.Filter.newBuilder()))))),
                read(
                    ProxyProtocol.newBuilder()
                        .setOpaque(
                            ProxyProtocol.Opaque.newBuilder()
                                .addRoutes(
                                    OpaqueRoute.newBuilder()
                                        .addRules(
                                            OpaqueRoute.Rule.newBuilder()
                                                .addFilters(
                                                    OpaqueRoute.Filter.newBuilder()
                                                        .setForbidden(
                                                            Forbidden.getDefaultInstance()))))))))
        .containsOnly(Plan.FORBIDDEN);
  }

  @Test
  void hasNowhereToGoWithoutBackends() {
    assertThat(http(HttpRoute.Rule.newBuilder()).backends()).isEmpty();
    assertThat(
            read(ProxyProtocol.newBuilder().setHttp2(ProxyProtocol.Http2.getDefaultInstance()))
                .backends())
        .isEmpty();
  }

  @Test
  void marksBackendsThatCannotBeUsed() {
    for (Backend.Builder backend :
        List.of(
            Backend.newBuilder(),
            balancer(""),
            Backend.newBuilder().setForward(WeightedAddr.getDefaultInstance()))) {
      Plan plan =
          http(
              HttpRoute.Rule.newBuilder()
                  .setBackends(
                      HttpRoute.Distribution.newBuilder()
                          .setFirstAvailable(
                              HttpRoute.Distribution.FirstAvailable.newBuilder()
                                  .addBackends(
                                      HttpRoute.RouteBackend.newBuilder().setBackend(backend)))));

      assertThat(plan.backends()).containsExactly(new Plan.Weighted(1, new Plan.Invalid()));
    }
  }

  @Test
  void forwardsToTheAddressItselfWhenNothingIsKnown() {
    Plan plan = PlanReader.unknown(ADDRESS);

    assertThat(plan.protocol()).isEqualTo(Upstream.Protocol.DETECT);
    assertThat(plan.backends().getFirst().backend())
        .isInstanceOfSatisfying(
            Plan.Forward.class,
            forward -> {
              assertThat(forward.endpoint().address()).isEqualTo(ADDRESS);
              assertThat(forward.endpoint().tls()).isNull();
            });
  }
}
