package io.signetmesh.discovery.destination;

import static io.signetmesh.discovery.ClusterFixture.CONFIG;
import static io.signetmesh.discovery.ClusterFixture.endpoint;
import static io.signetmesh.discovery.ClusterFixture.external;
import static io.signetmesh.discovery.ClusterFixture.ip;
import static io.signetmesh.discovery.ClusterFixture.mesh;
import static io.signetmesh.discovery.ClusterFixture.pod;
import static io.signetmesh.discovery.ClusterFixture.service;
import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.linkerd.proxy.destination.DestinationGrpc;
import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.destination.Update;
import io.linkerd.proxy.destination.WeightedAddr;
import io.signetmesh.crds.network.PortSet;
import io.signetmesh.discovery.ClusterFixture;
import io.signetmesh.discovery.GrpcFixture;
import io.signetmesh.discovery.config.DiscoveryConfig;
import io.signetmesh.discovery.topology.IpAddresses;
import io.signetmesh.discovery.topology.ObjectKey;
import io.signetmesh.discovery.topology.PeerWorkload;
import io.signetmesh.discovery.topology.ResolvedService;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DestinationGetTest {
  private final ClusterFixture cluster = new ClusterFixture();
  private DestinationService service;
  private GrpcFixture grpc;

  @BeforeEach
  void start() throws Exception {
    serve(CONFIG);
  }

  @AfterEach
  void stop() {
    grpc.close();
    service.close();
  }

  private void serve(DiscoveryConfig config) throws Exception {
    service = new DestinationService(config, cluster.live());
    grpc = new GrpcFixture(service);
  }

  private GrpcFixture.Stream<Update> get(String path) {
    return get(path, "");
  }

  private GrpcFixture.Stream<Update> get(String path, String token) {
    return grpc.call(
        DestinationGrpc.getGetMethod(),
        GetDestination.newBuilder().setPath(path).setContextToken(token).build());
  }

  private static List<String> addresses(Update update) {
    return update.getAdd().getAddrsList().stream()
        .map(endpoint -> String.valueOf(IpAddresses.ofWire(endpoint.getAddr())))
        .toList();
  }

  @Test
  void announcesMeshedPodWithIdentityHintsAndLabels() throws Exception {
    cluster.with(service("shop", "web", "10.96.0.1", pod("shop", "web-1", "10.0.0.1"))).publish();

    Update update = get("web.shop.svc.cluster.local:80").next();

    assertThat(update.getAdd().getMetricLabelsMap())
        .isEqualTo(Map.of("service", "web", "namespace", "shop"));
    WeightedAddr endpoint = update.getAdd().getAddrs(0);
    String identity = "web-1-sa.shop.serviceaccount.identity.signet.cluster.local";
    assertThat(addresses(update)).containsExactly("/10.0.0.1:8080");
    assertThat(endpoint.getWeight()).isEqualTo(10_000);
    assertThat(endpoint.getTlsIdentity().getDnsLikeIdentity().getName()).isEqualTo(identity);
    assertThat(endpoint.getTlsIdentity().getServerName().getName()).isEqualTo(identity);
    assertThat(endpoint.getProtocolHint().hasH2()).isTrue();
    assertThat(endpoint.getProtocolHint().getOpaqueTransport().getInboundPort()).isEqualTo(4143);
    assertThat(endpoint.getMetricLabelsMap())
        .isEqualTo(
            Map.of(
                "pod", "web-1",
                "deployment", "web-1-app",
                "serviceaccount", "web-1-sa",
                "control_plane_ns", "signet",
                "pod_template_hash", "5d4f",
                "zone", "zone-a",
                "zone_locality", "unknown"));
  }

  @Test
  void announcesNoIdentityForPodsOutsideOfThisMesh() throws Exception {
    cluster
        .with(
            service(
                "shop",
                "web",
                "10.96.0.1",
                pod("shop", "plain", "10.0.0.1", null, null, Set.of()),
                pod("shop", "other", "10.0.0.2", mesh("linkerd"), null, Set.of())))
        .publish();

    Update update = get("web.shop.svc.cluster.local").next();

    assertThat(update.getAdd().getAddrsList())
        .hasSize(2)
        .allSatisfy(
            endpoint -> {
              assertThat(endpoint.hasTlsIdentity()).isFalse();
              assertThat(endpoint.hasProtocolHint()).isFalse();
            });
  }

  /** Each of 65,535 ports has an answer with all endpoints. */
  @Test
  void questionsForPortsThatAServiceDoesNotDeclareAreFew() throws Exception {
    cluster.with(service("shop", "web", "10.96.0.1", pod("shop", "web-1", "10.0.0.1"))).publish();
    List<GrpcFixture.Stream<Update>> open = new ArrayList<>();
    for (int i = 0; i < UndeclaredPorts.MOST; i++) {
      GrpcFixture.Stream<Update> stream = get("web.shop.svc.cluster.local:" + (10_000 + i));
      assertThat(stream.next().hasAdd()).isTrue();
      open.add(stream);
    }

    Status refused = get("web.shop.svc.cluster.local:9999").end();
    assertThat(refused.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(refused.getDescription()).contains("port 9999", "64 such ports");
    assertThat(get("web.shop.svc.cluster.local:80").next().hasAdd()).isTrue();
    // Another replica of the same identity, for a port that is asked for already.
    assertThat(get("web.shop.svc.cluster.local:10001").next().hasAdd()).isTrue();

    open.getFirst().cancel();
    assertThat(get("web.shop.svc.cluster.local:9999").next().hasAdd()).isTrue();
  }

  @Test
  void announcesNoIdentityOnPortsThatBypassTheProxy() throws Exception {
    PeerWorkload web = pod("shop", "web-1", "10.0.0.1");
    cluster.with(service("shop", "web", "10.96.0.1", web)).publish();

    WeightedAddr skipped = get("web.shop.svc.cluster.local:4567").next().getAdd().getAddrs(0);

    assertThat(IpAddresses.ofWire(skipped.getAddr())).hasToString("/10.0.0.1:4567");
    assertThat(skipped.hasTlsIdentity()).isFalse();
  }

  @Test
  void hintsOpaqueForPortsThatPodServerOrDefaultsDeclare() throws Exception {
    cluster
        .with(
            service(
                "shop",
                "web",
                "10.96.0.1",
                pod("shop", "a", "10.0.0.1", mesh("signet"), PortSet.parse("web"), Set.of()),
                pod("shop", "b", "10.0.0.2", mesh("signet"), null, Set.of(8080)),
                pod("shop", "c", "10.0.0.3")))
        .publish();

    Update declared = get("web.shop.svc.cluster.local:80").next();
    Update byDefault = get("web.shop.svc.cluster.local:3306").next();

    assertThat(declared.getAdd().getAddrsList())
        .extracting(endpoint -> endpoint.getProtocolHint().hasOpaque())
        .containsExactly(true, true, false);
    // A pod that lists its opaque ports replaces the default list.
    assertThat(byDefault.getAdd().getAddrsList())
        .extracting(endpoint -> endpoint.getProtocolHint().hasOpaque())
        .containsExactly(false, true, true);
  }

  @Test
  void leavesTransportHeaderOutForTheProxysOwnPorts() throws Exception {
    cluster.with(service("shop", "web", "10.96.0.1", pod("shop", "web-1", "10.0.0.1"))).publish();

    WeightedAddr admin = get("web.shop.svc.cluster.local:4191").next().getAdd().getAddrs(0);

    assertThat(admin.getProtocolHint().hasOpaqueTransport()).isFalse();
    assertThat(admin.hasTlsIdentity()).isTrue();
  }

  @Test
  void announcesExternalWorkloadByItsSpiffeId() throws Exception {
    cluster
        .with(
            service(
                "shop",
                "web",
                "10.96.0.1",
                external("shop", "vm-1", "192.0.2.7", "spiffe://cluster.local/vm-1")))
        .publish();

    WeightedAddr endpoint = get("web.shop.svc.cluster.local:80").next().getAdd().getAddrs(0);

    assertThat(endpoint.getTlsIdentity().getUriLikeIdentity().getUri())
        .isEqualTo("spiffe://cluster.local/vm-1");
    assertThat(endpoint.getTlsIdentity().getServerName().getName()).isEqualTo("vm-1.example.com");
    assertThat(endpoint.getMetricLabelsMap()).containsEntry("external_workload", "vm-1");
  }

  @Test
  void sendsOnlyWhatChangedAndAddsBeforeItRemoves() throws Exception {
    PeerWorkload a = pod("shop", "a", "10.0.0.1");
    PeerWorkload b = pod("shop", "b", "10.0.0.2");
    PeerWorkload c = pod("shop", "c", "10.0.0.3");
    cluster.with(service("shop", "web", "10.96.0.1", a, b)).publish();
    GrpcFixture.Stream<Update> stream = get("web.shop.svc.cluster.local:80");
    assertThat(addresses(stream.next())).containsExactly("/10.0.0.1:8080", "/10.0.0.2:8080");

    cluster.with(service("shop", "web", "10.96.0.1", b, c)).publish();

    assertThat(addresses(stream.next())).containsExactly("/10.0.0.3:8080");
    assertThat(stream.next().getRemove().getAddrsList())
        .extracting(IpAddresses::ofWire)
        .hasToString("[/10.0.0.1:8080]");
  }

  @Test
  void saysNothingWhenNothingOfTheServiceChanged() throws Exception {
    PeerWorkload a = pod("shop", "a", "10.0.0.1");
    cluster.with(service("shop", "web", "10.96.0.1", a)).publish();
    GrpcFixture.Stream<Update> stream = get("web.shop.svc.cluster.local:80");
    stream.next();

    cluster.with(service("shop", "db", "10.96.0.2", pod("shop", "db", "10.0.0.9"))).publish();
    cluster.with(service("shop", "web", "10.96.0.1", a)).publish();

    assertThat(stream.silent()).isTrue();
  }

  @Test
  void tellsAnEmptyServiceFromAServiceThatIsGone() throws Exception {
    cluster.with(service("shop", "web", "10.96.0.1", pod("shop", "a", "10.0.0.1"))).publish();
    GrpcFixture.Stream<Update> stream = get("web.shop.svc.cluster.local:80");
    stream.next();

    cluster.with(service("shop", "web", "10.96.0.1")).publish();
    Update empty = stream.next();
    cluster.withoutService("shop", "web").publish();
    Update gone = stream.next();
    cluster.with(service("shop", "web", "10.96.0.1", pod("shop", "a", "10.0.0.1"))).publish();
    Update back = stream.next();

    assertThat(empty.getNoEndpoints().getExists()).isTrue();
    assertThat(gone.hasNoEndpoints()).isTrue();
    assertThat(gone.getNoEndpoints().getExists()).isFalse();
    assertThat(addresses(back)).containsExactly("/10.0.0.1:8080");
  }

  @Test
  void saysAtOnceThatAServiceHasNoReadyEndpoint() throws Exception {
    ResolvedService unready =
        new ResolvedService(
            new ObjectKey("shop", "web"),
            List.of(ip("10.96.0.1")),
            List.of(new ResolvedService.Port("http", 80, null)),
            null,
            false,
            false,
            null,
            List.of(endpoint(pod("shop", "a", "10.0.0.1"), false)));
    cluster.with(unready).publish();

    assertThat(get("web.shop.svc.cluster.local:80").next().getNoEndpoints().getExists()).isTrue();
  }

  @Test
  void sendsASlowClientOneDifferenceForManyChanges() throws Exception {
    cluster.with(service("shop", "web", "10.96.0.1", pod("shop", "a", "10.0.0.1"))).publish();
    GrpcFixture.Stream<Update> stream = get("web.shop.svc.cluster.local:80");
    stream.next();

    // The client does not read. At most one more message fits before it counts as not ready.
    for (int i = 0; i < 100; i++) {
      cluster.with(service("shop", "web", "10.96.0.1", pod("shop", "p" + i, "10.0.1." + i)));
      cluster.publish();
    }

    int messages = 0;
    Update last;
    do {
      last = stream.next();
      messages++;
    } while (!(last.hasRemove() && messages > 1 && lastAdded.equals("/10.0.1.99:8080"))
        && note(last)
        && messages < 50);
    assertThat(messages).isLessThan(10);
  }

  private String lastAdded = "";

  private boolean note(Update update) {
    if (update.hasAdd()) {
      lastAdded = addresses(update).getLast();
    }
    return true;
  }

  @Test
  void narrowsToOneEndpointByHostName() throws Exception {
    cluster
        .with(
            service(
                "shop",
                "web",
                "10.96.0.1",
                pod("shop", "web-0", "10.0.0.1"),
                pod("shop", "web-1", "10.0.0.2")))
        .publish();

    assertThat(addresses(get("web-1.web.shop.svc.cluster.local:80").next()))
        .containsExactly("/10.0.0.2:8080");
  }

  @Test
  void keepsLocalTrafficOnTheClientsNode() throws Exception {
    PeerWorkload here = pod("shop", "here", "10.0.0.1");
    PeerWorkload there = pod("shop", "there", "10.0.0.2");
    cluster
        .with(
            new ResolvedService(
                new ObjectKey("shop", "web"),
                List.of(ip("10.96.0.1")),
                List.of(new ResolvedService.Port("http", 80, null)),
                null,
                false,
                true,
                null,
                List.of(
                    endpoint(here, true),
                    new ResolvedService.ResolvedEndpoint(
                        ip("10.0.0.2"),
                        Map.of("http", 8080),
                        "",
                        "node-b",
                        "zone-b",
                        List.of(),
                        true,
                        there))))
        .publish();

    Update local = get("web.shop.svc.cluster.local:80", "{\"nodeName\":\"node-a\"}").next();
    Update unknown = get("web.shop.svc.cluster.local:80").next();

    assertThat(addresses(local)).containsExactly("/10.0.0.1:8080");
    assertThat(local.getAdd().getAddrs(0).getMetricLabelsMap())
        .containsEntry("zone_locality", "local");
    assertThat(unknown.hasNoEndpoints()).isTrue();
  }

  @Test
  void followsTopologyHintsOnlyWhenEveryEndpointHasThem() throws Exception {
    cluster.with(hinted(List.of("zone-a"), List.of("zone-b"))).publish();
    Update all = get("web.shop.svc.cluster.local:80", "{\"nodeName\":\"node-b\"}").next();
    cluster.with(hinted(List.of("zone-a"), List.of())).publish();
    Update some = get("web.shop.svc.cluster.local:80", "{\"nodeName\":\"node-b\"}").next();

    assertThat(addresses(all)).containsExactly("/10.0.0.2:8080");
    assertThat(addresses(some)).containsExactly("/10.0.0.1:8080", "/10.0.0.2:8080");
  }

  private static ResolvedService hinted(List<String> first, List<String> second) {
    return new ResolvedService(
        new ObjectKey("shop", "web"),
        List.of(ip("10.96.0.1")),
        List.of(new ResolvedService.Port("http", 80, null)),
        null,
        false,
        false,
        null,
        List.of(
            new ResolvedService.ResolvedEndpoint(
                ip("10.0.0.1"), Map.of("http", 8080), "", "node-a", "zone-a", first, true, null),
            new ResolvedService.ResolvedEndpoint(
                ip("10.0.0.2"), Map.of("http", 8080), "", "node-b", "zone-b", second, true, null)));
  }

  @Test
  void refusesWhatIsNoService() throws Exception {
    cluster.publish();

    assertThat(get("web.shop.svc.cluster.local:80").end().getCode())
        .isEqualTo(Status.Code.NOT_FOUND);
    assertThat(get("10.0.0.1:80").end().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(get("example.com:80").end().getDescription())
        .contains("example.com")
        .contains(".svc.cluster.local");
    assertThat(get("x".repeat(600) + ".shop.svc.cluster.local:80").end().getCode())
        .isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(get("web.shop.svc.cluster.local:0").end().getCode())
        .isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(get("web.shop.svc.cluster.local:65536").end().getDescription())
        .contains("1 to 65535");
  }

  @Test
  void forgetsAQuestionWhenItsLastClientLeaves() throws Exception {
    cluster.with(service("shop", "web", "10.96.0.1", pod("shop", "a", "10.0.0.1"))).publish();
    GrpcFixture.Stream<Update> first = get("web.shop.svc.cluster.local:80");
    GrpcFixture.Stream<Update> second = get("web.shop.svc.cluster.local:80");
    first.next();
    second.next();
    assertThat(service.following()).isEqualTo(1);

    first.cancel();
    assertThat(service.following()).isEqualTo(1);
    second.cancel();

    assertThat(service.following()).isZero();
  }

  @Test
  void splitsLargeSetsIntoSeveralMessages() throws Exception {
    PeerWorkload[] pods = new PeerWorkload[2500];
    for (int i = 0; i < pods.length; i++) {
      pods[i] = pod("shop", "p" + i, "10.1." + i / 250 + "." + i % 250);
    }
    cluster.with(service("shop", "web", "10.96.0.1", pods)).publish();
    GrpcFixture.Stream<Update> stream = get("web.shop.svc.cluster.local:80");

    assertThat(stream.next().getAdd().getAddrsCount()).isEqualTo(1000);
    assertThat(stream.next().getAdd().getAddrsCount()).isEqualTo(1000);
    assertThat(stream.next().getAdd().getAddrsCount()).isEqualTo(500);
  }
}
