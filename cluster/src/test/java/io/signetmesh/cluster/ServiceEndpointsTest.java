package io.signetmesh.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Addresses behind the ports of services. */
final class ServiceEndpointsTest {
  private static final String WEB = Objects.pod("shop", "web-1", "web", "10.0.0.1");
  private static final String OTHER = Objects.pod("other", "web-9", "web", "10.0.9.9");
  private static final String SELECTING =
      "{clusterIP: 10.9.0.1, selector: {app: web}, ports: [{port: 80, targetPort: %s}]}";

  private static List<String> endpoints(int port, String... documents) {
    ClusterView view = ClusterView.of(Objects.of(documents));
    return view.endpoints(view.service("shop", "web").orElseThrow(), port).stream()
        .map(
            endpoint ->
                endpoint.ip().getHostAddress()
                    + ":"
                    + endpoint.port()
                    + (endpoint.ready() ? "" : " unready"))
        .toList();
  }

  private static String slice(String name, String service, String endpoints, String ports) {
    return """
    apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: %s, namespace: shop, labels: {kubernetes.io/service-name: %s}}
    addressType: IPv4
    endpoints: %s
    ports: %s
    """
        .formatted(name, service, endpoints, ports);
  }

  @Test
  void aSelectorTakesPodsOfItsNamespaceByNumberAndByName() {
    String twelve = Objects.pod("shop", "web-2", "web", "10.0.0.2");
    String api = Objects.pod("shop", "api", "api", "10.0.0.3");
    for (String target : List.of("8080", "http")) {
      assertThat(
              endpoints(
                  80, Objects.service("web", SELECTING.formatted(target)), WEB, twelve, api, OTHER))
          .containsExactly("10.0.0.1:8080", "10.0.0.2:8080");
    }
  }

  @Test
  void aNamedTargetThatIsNoTcpPortOrNotDeclaredLeadsNowhere() {
    assertThat(endpoints(80, Objects.service("web", SELECTING.formatted("dns")), WEB)).isEmpty();
    assertThat(endpoints(80, Objects.service("web", SELECTING.formatted("grpc")), WEB)).isEmpty();
  }

  @Test
  void aPortThatTheServiceDoesNotDeclareIsTheTargetPort() {
    assertThat(endpoints(9999, Objects.service("web", SELECTING.formatted("8080")), WEB))
        .containsExactly("10.0.0.1:9999");
  }

  @Test
  void aPodThatDoesNotRunIsNoEndpointAndOneThatIsNotReadyIsUnready() {
    String ended = WEB.replace("phase: Running", "phase: Succeeded");
    String unready = WEB.replace("status: \"True\"", "status: \"False\"");
    String service = Objects.service("web", SELECTING.formatted("8080"));
    assertThat(endpoints(80, service, ended)).isEmpty();
    assertThat(endpoints(80, service, unready)).containsExactly("10.0.0.1:8080 unready");
    assertThat(
            endpoints(
                80,
                service.replace("selector:", "publishNotReadyAddresses: true, selector:"),
                unready))
        .containsExactly("10.0.0.1:8080");
  }

  @Test
  void withoutSelectorOrForAnExternalNameThereIsNothing() {
    assertThat(
            endpoints(
                80, Objects.service("web", "{clusterIP: 10.9.0.1, ports: [{port: 80}]}"), WEB))
        .isEmpty();
    assertThat(
            endpoints(
                80,
                Objects.service(
                    "web",
                    "{type: ExternalName, externalName: example.com, selector: {app: web}, ports:"
                        + " [{port: 80}]}"),
                WEB))
        .isEmpty();
  }

  @Test
  void slicesOfTheServiceCountInsteadOfItsSelector() {
    assertThat(
            endpoints(
                80,
                Objects.service("web", SELECTING.formatted("8080")),
                WEB,
                slice(
                    "web-a",
                    "web",
                    "[{addresses: [10.1.0.1], conditions: {ready: true}}, {addresses: [10.1.0.2],"
                        + " conditions: {ready: false}}, {addresses: [10.1.0.3]}]",
                    "[{port: 9090}]"),
                slice("web-b", "web", "[{addresses: [10.1.0.4]}]", "[{port: 9091}]"),
                slice("api-a", "api", "[{addresses: [10.1.0.9]}]", "[{port: 9090}]")))
        .containsExactly(
            "10.1.0.1:9090", "10.1.0.2:9090 unready", "10.1.0.3:9090", "10.1.0.4:9091");
  }

  @Test
  void aSliceHasThePortOfTheSameName() {
    String service =
        Objects.service(
            "web",
            "{clusterIP: 10.9.0.1, ports: [{name: http, port: 80}, {name: admin, port: 81}]}");
    String ports = "[{name: admin, port: 9990}, {name: http, port: 8080}, {name: x, port: 1}]";
    String slice = slice("web-a", "web", "[{addresses: [10.1.0.1]}]", ports);
    assertThat(endpoints(80, service, slice)).containsExactly("10.1.0.1:8080");
    assertThat(endpoints(81, service, slice)).containsExactly("10.1.0.1:9990");
    assertThat(endpoints(82, service, slice)).containsExactly("10.1.0.1:82");
  }

  @Test
  void anEndpointOfASliceKnowsItsWorkload() throws Exception {
    ClusterView view =
        ClusterView.of(
            Objects.of(
                Objects.service("web", SELECTING.formatted("8080")),
                WEB,
                slice(
                    "web-a",
                    "web",
                    "[{addresses: [10.0.0.1], targetRef: {kind: Pod, name: web-1}}, {addresses:"
                        + " [10.0.0.2], targetRef: {kind: Pod, name: gone}}, {addresses: [10.0.0.3],"
                        + " targetRef: {kind: Pod, name: \"NOT A NAME\"}}]",
                    "[{port: 8080}]")));
    List<Endpoint> endpoints = view.endpoints(view.service("shop", "web").orElseThrow(), 80);
    assertThat(endpoints.get(0).workload())
        .map(Workload::ref)
        .contains(WorkloadRef.pod("shop", "web-1"));
    assertThat(endpoints.get(1).workload()).isEmpty();
    assertThat(endpoints.get(2).workload()).isEmpty();
    assertThat(endpoints.get(0).ip()).isEqualTo(InetAddress.ofLiteral("10.0.0.1"));
  }

  @Test
  void addressesOfAServiceAreThoseThatAreAddresses() {
    ClusterView view =
        ClusterView.of(
            Objects.of(
                Objects.service(
                    "both",
                    "{clusterIP: 10.9.0.1, clusterIPs: [10.9.0.1, \"fd00::1\"], ports: []}"),
                Objects.service("none", "{clusterIP: None, ports: []}")));
    assertThat(ServiceEndpoints.clusterIps(view.service("shop", "both").orElseThrow()))
        .containsExactly(InetAddress.ofLiteral("10.9.0.1"), InetAddress.ofLiteral("fd00::1"));
    assertThat(ServiceEndpoints.clusterIps(view.service("shop", "none").orElseThrow())).isEmpty();
  }
}
