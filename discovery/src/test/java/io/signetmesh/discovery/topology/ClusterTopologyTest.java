package io.signetmesh.discovery.topology;

import static io.signetmesh.discovery.ClusterFixture.ip;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.cluster.InMemorySource;
import io.signetmesh.cluster.Workload;
import io.signetmesh.crds.network.PortSet;
import io.signetmesh.discovery.Manifests;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ClusterTopologyTest {
  private static final String WEB =
      """
      kind: Service
      metadata: {name: web, namespace: shop}
      spec:
        clusterIP: 10.96.0.1
        selector: {app: web}
        ports:
          - {name: http, port: 80, targetPort: http}
          - {name: dns, port: 53, protocol: UDP}
      """;
  private static final String POD =
      """
      kind: Pod
      metadata:
        name: web-1
        namespace: shop
        labels: {app: web, linkerd.io/control-plane-ns: linkerd, pod-template-hash: 5d4f}
        annotations: %s
        ownerReferences: [{kind: ReplicaSet, name: web-5d4f, apiVersion: apps/v1, uid: u}]
      spec:
        nodeName: node-a
        serviceAccountName: web-sa
        containers:
          - name: web
            ports: [{name: http, containerPort: 8080}, {name: raw, containerPort: 7070}]
      status: {phase: Running, podIP: 10.0.0.1, hostIP: 10.255.0.1}
      """;

  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
  }

  private static String pod(String annotations) {
    return POD.formatted(annotations);
  }

  private InMemorySource source(String... manifests) {
    InMemorySource source = new InMemorySource(Manifests.parse(manifests));
    open.add(source);
    return source;
  }

  private ClusterTopology follow(InMemorySource source) {
    ClusterTopology topology = new ClusterTopology(source);
    open.add(topology);
    return topology;
  }

  private Topology read(String... manifests) {
    return follow(source(manifests)).current();
  }

  private static ResolvedService web(Topology topology) {
    return requireNonNull(topology.service(new ObjectKey("shop", "web")));
  }

  private static PeerWorkload pod(Topology topology) {
    return requireNonNull(topology.pod(new ObjectKey("shop", "web-1")));
  }

  private static PeerWorkload.Mesh mesh(PeerWorkload workload) {
    return requireNonNull(workload.mesh());
  }

  @Test
  void readsServiceWithTheEndpointsThatItsSelectorFinds() {
    Topology topology =
        read(
            WEB,
            pod("{}"),
            "{kind: Node, metadata: {name: node-a, labels: {topology.kubernetes.io/zone: zone-a}}}");

    ResolvedService service = web(topology);
    PeerWorkload pod = pod(topology);
    assertThat(service.clusterIps()).containsExactly(ip("10.96.0.1"));
    assertThat(service.ports()).containsExactly(new ResolvedService.Port("http", 80, null));
    assertThat(service.endpoints())
        .containsExactly(
            new ResolvedService.ResolvedEndpoint(
                ip("10.0.0.1"),
                Map.of("http", 8080),
                "",
                "node-a",
                "zone-a",
                List.of(),
                true,
                pod));
    assertThat(pod.owner()).isEqualTo(new PeerWorkload.Owner("deployment", "web"));
    assertThat(pod.serviceAccount()).isEqualTo("web-sa");
    assertThat(pod.tcpPorts()).containsExactlyInAnyOrder(8080, 7070);
    assertThat(mesh(pod))
        .isEqualTo(new PeerWorkload.Mesh("linkerd", PortSet.EMPTY, 4143, 4191, 4190, null));
    assertThat(topology.servicesWithIp(ip("10.96.0.1"))).containsExactly(service);
    assertThat(topology.workloadsWithIp(ip("10.0.0.1"))).containsExactly(pod);
    assertThat(topology.zoneOf("node-a")).isEqualTo("zone-a");
  }

  @Test
  void takesPortsOfTheProxyFromItsContainerThenFromAnnotations() {
    String injected =
        pod("{config.linkerd.io/inbound-port: '5001'}")
            .replace(
                "status:",
                """
                  initContainers:
                    - name: linkerd-proxy
                      env:
                        - {name: LINKERD2_PROXY_INBOUND_LISTEN_ADDR, value: '[::]:4243'}
                        - {name: LINKERD2_PROXY_ADMIN_LISTEN_ADDR, value: '0.0.0.0:4291'}
                status:""");

    assertThat(mesh(pod(read(injected))).inboundPort()).isEqualTo(4243);
    assertThat(mesh(pod(read(injected))).adminPort()).isEqualTo(4291);
    assertThat(mesh(pod(read(pod("{config.linkerd.io/inbound-port: '5001'}")))).inboundPort())
        .isEqualTo(5001);
    assertThat(
            mesh(pod(
                    read(
                        pod(
                            "{config.linkerd.io/inbound-port: '5001',"
                                + " proxy.signetmesh.io/inbound-port: '5002',"
                                + " config.linkerd.io/admin-port: '5003'}"))))
                .inboundPort())
        .isEqualTo(5002);
  }

  @Test
  void knowsNoProxyPortWhenTheAnnotationIsNoPort() {
    for (String bad : List.of("''", "'0'", "'65536'", "http", "'-1'")) {
      PeerWorkload pod = pod(read(pod("{proxy.signetmesh.io/inbound-port: " + bad + "}")));

      assertThat(mesh(pod).inboundPort()).as(bad).isEqualTo(PeerWorkload.Mesh.UNREADABLE_PORT);
    }
  }

  @Test
  void readsExternalWorkloadWithItsIdentityAndTheProxysPort() {
    String external =
        """
        kind: ExternalWorkload
        metadata: {name: vm-1, namespace: shop, labels: {app: web}, annotations: %s}
        spec:
          meshTLS: {identity: 'spiffe://cluster.local/vm-1', serverName: vm-1.example.com}
          workloadIPs: [{ip: 192.0.2.7}]
          ports: [{name: http, port: 8081}, {name: linkerd-proxy, port: 4643}]
        status: {conditions: [{type: Ready, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z'}]}
        """;
    Topology topology = read(WEB, external.formatted("{}"));
    Topology annotated = read(external.formatted("{proxy.signetmesh.io/inbound-port: '4743'}"));

    ObjectKey key = new ObjectKey("shop", "vm-1");
    PeerWorkload workload = requireNonNull(topology.externalWorkload(key));
    assertThat(mesh(workload).inboundPort()).isEqualTo(4643);
    assertThat(mesh(workload).external())
        .isEqualTo(new Workload.MeshIdentity("spiffe://cluster.local/vm-1", "vm-1.example.com"));
    assertThat(topology.externalWorkloadsWithIdentity("spiffe://cluster.local/vm-1"))
        .containsExactly(workload);
    assertThat(web(topology).endpoints().getFirst().ports()).isEqualTo(Map.of("http", 8081));
    assertThat(web(topology).endpoints().getFirst().workload()).isSameAs(workload);
    assertThat(mesh(requireNonNull(annotated.externalWorkload(key))).inboundPort()).isEqualTo(4743);
  }

  @Test
  void marksPortsThatOpaqueServersSelectByNumberOrName() {
    String server =
        """
        kind: Server
        metadata: {name: %s, namespace: %s}
        spec: {podSelector: {matchLabels: {app: %s}}, port: %s, proxyProtocol: %s}
        """;

    PeerWorkload pod =
        pod(
            read(
                pod("{}"),
                server.formatted("a", "shop", "web", "raw", "opaque"),
                server.formatted("b", "shop", "web", "9000", "opaque"),
                server.formatted("c", "shop", "web", "8080", "HTTP/1"),
                server.formatted("d", "shop", "other", "8081", "opaque"),
                server.formatted("e", "other", "web", "8082", "opaque")));

    assertThat(pod.serverOpaquePorts()).containsExactlyInAnyOrder(7070, 9000);
  }

  @Test
  void readsOpaquePortsOfPodsAndServices() {
    Topology topology =
        read(
            pod("{config.linkerd.io/opaque-ports: 'raw,9000'}"),
            WEB.replace(
                "namespace: shop}",
                "namespace: shop, annotations: {config.linkerd.io/opaque-ports: ''}}"));

    assertThat(pod(topology).opaque(7070, PortSet.EMPTY)).isTrue();
    assertThat(pod(topology).opaque(9000, PortSet.EMPTY)).isTrue();
    assertThat(pod(topology).opaque(3306, PortSet.of(3306))).isFalse();
    // An empty list is a list: nothing is opaque.
    assertThat(web(topology).opaque(3306, PortSet.of(3306))).isFalse();
  }

  @Test
  void doesNotBelieveASliceThatNamesAWorkloadOfAnotherNamespace() {
    Topology topology =
        read(
            WEB,
            pod("{}").replace("namespace: shop", "namespace: bank"),
            """
            kind: EndpointSlice
            metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web}}
            addressType: IPv4
            ports: [{name: http, port: 8080}]
            endpoints:
              - addresses: [10.0.0.1]
                targetRef: {kind: Pod, name: web-1, namespace: bank}
            """);

    assertThat(web(topology).endpoints()).hasSize(1);
    assertThat(web(topology).endpoints().getFirst().workload()).isNull();
  }

  @Test
  void knowsPodsBehindPortsOfTheirNode() {
    Topology topology =
        read(pod("{}").replace("containerPort: 7070}", "containerPort: 7070, hostPort: 30070}"));

    assertThat(topology.workloadsWithHostPort(new InetSocketAddress(ip("10.255.0.1"), 30070)))
        .containsExactly(pod(topology));
    assertThat(topology.workloadsWithHostPort(new InetSocketAddress(ip("10.255.0.1"), 7070)))
        .isEmpty();
  }

  @Test
  void forgetsAddressesOfPodsThatHaveEnded() {
    Topology topology = read(WEB, pod("{}").replace("Running", "Succeeded"));

    assertThat(topology.workloadsWithIp(ip("10.0.0.1"))).isEmpty();
    assertThat(web(topology).endpoints()).isEmpty();
  }

  @Test
  void tellsListenersAfterTheNewStateIsInForceAndKeepsWhatIsUntouched() throws Exception {
    InMemorySource source = source(WEB, pod("{}"));
    ClusterTopology topology = follow(source);
    Topology first = topology.current();
    CountDownLatch told = new CountDownLatch(1);
    topology.onChange(
        () -> {
          if (topology.current().service(new ObjectKey("bank", "web")) != null) {
            told.countDown();
          }
        });

    List<HasMetadata> more = new ArrayList<>(Manifests.parse(WEB, pod("{}")));
    more.addAll(Manifests.parse(WEB.replace("namespace: shop", "namespace: bank")));
    source.replace(more);

    assertThat(told.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(web(topology.current())).isSameAs(web(first));
    assertThat(pod(topology.current())).isSameAs(pod(first));
  }

  @Test
  void readsEndpointsAgainWhenANodeGetsAZone() throws Exception {
    InMemorySource source = source(WEB, pod("{}"));
    ClusterTopology topology = follow(source);
    CountDownLatch told = new CountDownLatch(1);
    topology.onChange(
        () -> {
          if (web(topology.current()).endpoints().getFirst().zone().equals("zone-a")) {
            told.countDown();
          }
        });

    source.replace(
        Manifests.parse(
            WEB,
            pod("{}"),
            "{kind: Node, metadata: {name: node-a, labels: {topology.kubernetes.io/zone: zone-a}}}"));

    assertThat(told.await(20, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void servesTheLastStateAfterItIsClosed() {
    InMemorySource source = source(WEB, pod("{}"));
    ClusterTopology topology = follow(source);

    topology.close();
    source.replace(List.of());

    assertThat(web(topology.current()).endpoints()).hasSize(1);
  }
}
