package io.signetmesh.discovery.outbound;

import static io.signetmesh.discovery.ClusterFixture.CONFIG;
import static io.signetmesh.discovery.ClusterFixture.ip;
import static io.signetmesh.discovery.ClusterFixture.pod;
import static io.signetmesh.discovery.ClusterFixture.service;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Duration;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.linkerd.proxy.net.TcpAddress;
import io.linkerd.proxy.outbound.Backend;
import io.linkerd.proxy.outbound.HttpRoute;
import io.linkerd.proxy.outbound.OpaqueRoute;
import io.linkerd.proxy.outbound.OutboundPoliciesGrpc;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.ProxyProtocol;
import io.linkerd.proxy.outbound.TrafficSpec;
import io.signetmesh.crds.network.PortSet;
import io.signetmesh.discovery.ClusterFixture;
import io.signetmesh.discovery.GrpcFixture;
import io.signetmesh.discovery.topology.IpAddresses;
import io.signetmesh.discovery.topology.ObjectKey;
import io.signetmesh.discovery.topology.ResolvedService;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OutboundPolicyServiceTest {
  private static final String CLIENT = "{\"ns\":\"shop\",\"pod\":\"client\"}";

  private final ClusterFixture cluster = new ClusterFixture();
  private OutboundPolicyService service;
  private GrpcFixture grpc;

  @BeforeEach
  void start() throws Exception {
    service = new OutboundPolicyService(CONFIG, cluster.live());
    grpc = new GrpcFixture(service);
  }

  @AfterEach
  void stop() {
    grpc.close();
    service.close();
  }

  private GrpcFixture.Stream<OutboundPolicy> watch(TrafficSpec.Builder target) {
    return call(OutboundPoliciesGrpc.getWatchMethod(), target);
  }

  private GrpcFixture.Stream<OutboundPolicy> call(
      MethodDescriptor<TrafficSpec, OutboundPolicy> method, TrafficSpec.Builder target) {
    return grpc.call(method, target.setSourceWorkload(CLIENT).build());
  }

  private static TrafficSpec.Builder address(String ip, int port) {
    return TrafficSpec.newBuilder().setAddr(IpAddresses.toWire(ip(ip), port));
  }

  private static TrafficSpec.Builder authority(String authority) {
    return TrafficSpec.newBuilder().setAuthority(authority);
  }

  private static ResolvedService withPort(
      @Nullable String appProtocol, @Nullable PortSet opaquePorts) {
    return new ResolvedService(
        new ObjectKey("shop", "web"),
        List.of(ip("10.96.0.1")),
        List.of(new ResolvedService.Port("http", 80, appProtocol)),
        opaquePorts,
        false,
        false,
        null,
        List.of());
  }

  private static Backend onlyBackend(HttpRoute route) {
    return route.getRules(0).getBackends().getFirstAvailable().getBackends(0).getBackend();
  }

  private static Backend onlyBackend(OpaqueRoute route) {
    return route.getRules(0).getBackends().getFirstAvailable().getBackends(0).getBackend();
  }

  @Test
  void describesServiceWithBalancersOverItsEndpoints() throws Exception {
    cluster.with(service("shop", "web", "10.96.0.1")).publish();

    OutboundPolicy policy = watch(address("10.96.0.1", 80)).next();

    assertThat(policy.getMetadata().getResource().getGroup()).isEqualTo("core");
    assertThat(policy.getMetadata().getResource().getKind()).isEqualTo("Service");
    assertThat(policy.getMetadata().getResource().getName()).isEqualTo("web");
    assertThat(policy.getMetadata().getResource().getNamespace()).isEqualTo("shop");
    assertThat(policy.getMetadata().getResource().getPort()).isEqualTo(80);
    ProxyProtocol.Detect detect = policy.getProtocol().getDetect();
    assertThat(detect.getTimeout().getSeconds()).isEqualTo(10);
    List<Backend> backends =
        List.of(
            onlyBackend(detect.getHttp1().getRoutes(0)),
            onlyBackend(detect.getHttp2().getRoutes(0)),
            onlyBackend(detect.getOpaque().getRoutes(0)));
    assertThat(backends)
        .allSatisfy(
            backend -> {
              assertThat(backend.getBalancer().getDiscovery().getDst().getPath())
                  .isEqualTo("web.shop.svc.cluster.local:80");
              assertThat(backend.getBalancer().getPeakEwma().getDefaultRtt())
                  .isEqualTo(Duration.newBuilder().setNanos(30_000_000).build());
              assertThat(backend.getBalancer().getPeakEwma().getDecay().getSeconds()).isEqualTo(10);
              assertThat(backend.getQueue().getCapacity()).isEqualTo(100);
              assertThat(backend.getQueue().getFailfastTimeout().getSeconds()).isEqualTo(3);
              assertThat(backend.getMetadata().getResource().getName()).isEqualTo("web");
            });
    assertThat(detect.getHttp1().getRoutes(0).getMetadata().getDefault()).isEqualTo("http");
    assertThat(detect.getOpaque().getRoutes(0).getMetadata().getDefault()).isEqualTo("opaq");
  }

  @ParameterizedTest
  @CsvSource({
    "http, HTTP1",
    "HTTP, HTTP1",
    "kubernetes.io/h2c, HTTP2",
    "linkerd.io/tcp, OPAQUE",
    "linkerd.io/opaque, OPAQUE",
    "never.heard/of, OPAQUE",
  })
  void takesProtocolFromAppProtocolBeforeOpaquePorts(
      String appProtocol, ProxyProtocol.KindCase expected) throws Exception {
    cluster.with(withPort(appProtocol, PortSet.of(80))).publish();

    assertThat(watch(address("10.96.0.1", 80)).next().getProtocol().getKindCase())
        .isEqualTo(expected);
  }

  @Test
  void isOpaqueOnPortsThatTheServiceOrTheDefaultsDeclare() throws Exception {
    cluster.with(withPort(null, PortSet.of(80))).publish();

    assertThat(watch(address("10.96.0.1", 80)).next().getProtocol().hasOpaque()).isTrue();
    assertThat(watch(authority("nobody.shop.svc.cluster.local:3306")).next().getProtocol())
        .matches(ProxyProtocol::hasOpaque);
  }

  @Test
  void refusesPortsThatTheServiceDoesNotDefine() throws Exception {
    cluster.with(service("shop", "web", "10.96.0.1")).publish();

    GrpcFixture.Stream<OutboundPolicy> stream = watch(address("10.96.0.1", 81));
    OutboundPolicy policy = stream.next();

    OpaqueRoute route = policy.getProtocol().getOpaque().getRoutes(0);
    assertThat(route.getRules(0).getFilters(0).hasForbidden()).isTrue();
    assertThat(route.getRules(0).getBackends().hasEmpty()).isTrue();
    assertThat(policy.getMetadata().getDefault()).isEqualTo("undefined-port");
    assertThat(stream.silent()).isTrue();
  }

  @Test
  void followsAServiceWhosePortBecomesDefined() throws Exception {
    cluster.with(withPort("http", null)).publish();
    GrpcFixture.Stream<OutboundPolicy> stream = watch(address("10.96.0.1", 80));
    assertThat(stream.next().getProtocol().hasHttp1()).isTrue();

    cluster.with(withPort("kubernetes.io/h2c", null)).publish();

    assertThat(stream.next().getProtocol().hasHttp2()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "web.shop.svc.cluster.local:8080",
        "web.shop.svc.cluster.local.:8080",
        "web.shop.svc:8080",
        "web.shop.svc.else.where:8080",
        "WEB.Shop.SVC.cluster.local:8080"
      })
  void answersForNamesOfServicesThatNeedNotExist(String name) throws Exception {
    cluster.publish();

    OutboundPolicy policy = watch(authority(name)).next();

    assertThat(
            onlyBackend(policy.getProtocol().getDetect().getHttp1().getRoutes(0))
                .getBalancer()
                .getDiscovery()
                .getDst()
                .getPath())
        .isEqualTo("web.shop.svc.cluster.local:8080");
  }

  @Test
  void forwardsAddressesOutsideOfTheCluster() throws Exception {
    cluster.publish();

    OutboundPolicy policy = watch(address("93.184.216.34", 443)).next();

    Backend backend = onlyBackend(policy.getProtocol().getDetect().getHttp1().getRoutes(0));
    assertThat(policy.getMetadata().getDefault()).isEqualTo("egress-fallback");
    assertThat(IpAddresses.ofWire(backend.getForward().getAddr()))
        .hasToString("/93.184.216.34:443");
  }

  @Test
  void leavesAddressesOfWorkloadsToTheirProfile() throws Exception {
    cluster.with(pod("shop", "web-1", "10.0.0.1")).with(pod("shop", "far", "192.0.2.1")).publish();

    for (String ip : List.of("10.0.0.1", "10.0.0.9", "192.0.2.1")) {
      assertThat(watch(address(ip, 8080)).end().getCode()).as(ip).isEqualTo(Status.Code.NOT_FOUND);
    }
  }

  @Test
  void refusesQuestionsThatCannotBeRead() throws Exception {
    cluster.publish();
    List<TrafficSpec.Builder> bad =
        List.of(
            TrafficSpec.newBuilder(),
            address("10.96.0.1", 80)
                .setAddr(IpAddresses.toWire(ip("10.96.0.1"), 80).toBuilder().setPort(0)),
            TrafficSpec.newBuilder().setAddr(TcpAddress.newBuilder().setPort(80)),
            address("10.96.0.1", 80)
                .setAddr(IpAddresses.toWire(ip("10.96.0.1"), 80).toBuilder().setPort(65_536)),
            authority(":80"),
            authority("web.shop.svc:http"),
            authority("web.shop.svc:0"),
            authority("x".repeat(600) + ".shop.svc:80"));

    for (TrafficSpec.Builder spec : bad) {
      assertThat(watch(spec).end().getCode())
          .as(spec.toString())
          .isEqualTo(Status.Code.INVALID_ARGUMENT);
    }
    assertThat(watch(authority("example.com:80")).end().getCode()).isEqualTo(Status.Code.NOT_FOUND);
    for (String workload :
        List.of("", "shop", "{}", "{\"ns\":\"shop\"}", "{\"ns\":\"shop\"", ":x")) {
      assertThat(
              grpc.call(
                      OutboundPoliciesGrpc.getWatchMethod(),
                      authority("web.shop.svc").setSourceWorkload(workload).build())
                  .end()
                  .getCode())
          .as(workload)
          .isEqualTo(Status.Code.INVALID_ARGUMENT);
    }
  }

  @Test
  void answersOnceWhenAskedOnce() throws Exception {
    cluster.with(service("shop", "web", "10.96.0.1")).publish();

    GrpcFixture.Stream<OutboundPolicy> call =
        call(OutboundPoliciesGrpc.getGetMethod(), address("10.96.0.1", 80));

    assertThat(call.next().getProtocol().hasDetect()).isTrue();
    assertThat(call.end().isOk()).isTrue();
  }
}
