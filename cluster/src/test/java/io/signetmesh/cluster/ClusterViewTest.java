package io.signetmesh.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Service;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.Position;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a view answers, and how the next one is made from it. */
final class ClusterViewTest {
  private static final String WEB = Objects.pod("shop", "web", "web", "10.0.0.1");
  private static final String API = Objects.pod("shop", "api", "api", "10.0.0.2");
  private static final String FAR = Objects.pod("far", "api", "api", "10.0.1.1");
  private static final String NAMESPACE =
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: empty}\n";
  private static final String NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: node-1}\n";

  private static ClusterView view(String... documents) {
    return ClusterView.of(Objects.of(documents));
  }

  private static ClusterView next(ClusterView view, String... documents) {
    return view.next(ClusterView.byKey(Objects.of(documents)), Map.of(), List.of());
  }

  private static InetAddress ip(String literal) {
    return InetAddress.ofLiteral(literal);
  }

  @Test
  void listsAreOfOneKindAndNamespaceInTheOrderOfNames() {
    ClusterView view = view(WEB, FAR, API, NAMESPACE, NODE);
    assertThat(view.pods("shop"))
        .extracting(pod -> pod.getMetadata().getName())
        .containsExactly("api", "web");
    assertThat(view.all(Pod.class)).hasSize(3);
    assertThat(view.list(Service.class, "shop")).isEmpty();
    assertThat(view.pods("nowhere")).isEmpty();
    assertThat(view.get(Pod.class, "far", "api")).isPresent();
    assertThat(view.get(Pod.class, "far", "web")).isEmpty();
    assertThat(view.node("node-1")).isPresent();
    assertThat(view.namespaceNames()).containsExactly("empty", "far", "shop");
  }

  @Test
  void workloadsAreFoundByNameNamespaceAndAddress() {
    ClusterView view = view(WEB, FAR, API);
    assertThat(view.workload(WorkloadRef.pod("shop", "web"))).isPresent();
    assertThat(view.workload(WorkloadRef.externalWorkload("shop", "web"))).isEmpty();
    assertThat(view.workloads("shop"))
        .extracting(Workload::ref)
        .containsExactly(WorkloadRef.pod("shop", "api"), WorkloadRef.pod("shop", "web"));
    assertThat(view.workloads()).hasSize(3);
    assertThat(view.workloadsByIp(ip("10.0.1.1")))
        .extracting(Workload::ref)
        .containsExactly(WorkloadRef.pod("far", "api"));
    assertThat(view.workloadsByIp(ip("10.0.1.2"))).isEmpty();
  }

  @Test
  void aPodOnTheHostNetworkHasNoAddressToItself() {
    String host = WEB.replace("nodeName: node-1", "nodeName: node-1\n  hostNetwork: true");
    ClusterView view = view(host);
    assertThat(view.workloadsByIp(ip("10.0.0.1"))).isEmpty();
    assertThat(view.workloadsByHostPort(ip("192.168.0.1"), 8080)).hasSize(1);
    assertThat(view.workloadsByHostPort(ip("192.168.0.1"), 53)).as("UDP").isEmpty();
  }

  @Test
  void aHostPortLeadsToItsPod() {
    String exposed = WEB.replace("containerPort: 8080}", "containerPort: 8080, hostPort: 30080}");
    ClusterView view = view(exposed, API);
    assertThat(view.workloadsByHostPort(ip("192.168.0.1"), 30080))
        .extracting(Workload::ref)
        .containsExactly(WorkloadRef.pod("shop", "web"));
    assertThat(view.workloadsByHostPort(ip("192.168.0.1"), 8080)).isEmpty();
  }

  @Test
  void servicesAreFoundByTheirAddress() {
    ClusterView view = view(Objects.service("web", "{clusterIP: 10.9.0.1, ports: []}"));
    assertThat(view.servicesByClusterIp(ip("10.9.0.1"))).hasSize(1);
    assertThat(view.servicesByClusterIp(ip("10.9.0.2"))).isEmpty();
  }

  @Test
  void twoObjectsOfOneNameAreRefused() {
    List<HasMetadata> twice = new ArrayList<>(Objects.of(WEB));
    twice.addAll(Objects.of(WEB));
    assertThatThrownBy(() -> ClusterView.of(twice))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Pod shop/web is given twice");
  }

  @Test
  void theNextViewOfEqualObjectsIsTheSameView() {
    ClusterView view = next(ClusterView.EMPTY, WEB, API);
    assertThat(view.revision()).isEqualTo(1);
    assertThat(next(view, WEB, API)).isSameAs(view);
    assertThat(next(view, API, WEB)).isSameAs(view);
  }

  @Test
  void theNextViewSharesWhatDidNotChange() {
    ClusterView view = next(ClusterView.EMPTY, WEB, API, FAR);
    ClusterView next = next(view, WEB.replace("10.0.0.1", "10.0.0.9"), API, FAR);
    assertThat(next.revision()).isEqualTo(2);
    assertThat(next.pods("shop").getFirst()).isSameAs(view.pods("shop").getFirst());
    WorkloadRef api = WorkloadRef.pod("shop", "api");
    assertThat(next.workload(api).orElseThrow()).isSameAs(view.workload(api).orElseThrow());
    assertThat(next.workloads("far")).isSameAs(view.workloads("far"));
    assertThat(next.workloadsByIp(ip("10.0.0.9"))).hasSize(1);
    assertThat(next.workloadsByIp(ip("10.0.0.1"))).isEmpty();
    assertThat(view.workloadsByIp(ip("10.0.0.1"))).hasSize(1);
  }

  @Test
  void aNamespaceWhoseLastObjectGoesIsGone() {
    ClusterView view = next(ClusterView.EMPTY, WEB, FAR);
    ClusterView next = next(view, WEB);
    assertThat(next.namespaceNames()).containsExactly("shop");
    assertThat(next.workloads("far")).isEmpty();
    assertThat(next.objects()).hasSize(1);
  }

  @Test
  void findingsAndPlacesMakeANewViewWithoutAChange() {
    ClusterView view = next(ClusterView.EMPTY, WEB);
    ResourceKey key = view.objects().keySet().iterator().next();
    ManifestFinding finding = ManifestFinding.error(key, "spec", "not good");
    ClusterView wanting = view.next(view.objects(), Map.of(), List.of(finding));
    assertThat(wanting.findings()).containsExactly(finding);
    assertThat(ClusterChange.between(view, wanting).isEmpty()).isTrue();
    Position place = new Position("web.yaml", 3, 1);
    ClusterView placed = wanting.next(view.objects(), Map.of(key, place), List.of());
    assertThat(placed.positionOf(key)).contains(place);
    assertThat(placed.findings()).isEmpty();
    assertThat(placed.revision()).isEqualTo(3);
  }

  @Test
  void aChangeNamesWhatIsNewDifferentAndGone() {
    ClusterView view = next(ClusterView.EMPTY, WEB, FAR, NODE);
    ClusterView next = next(view, NAMESPACE, API, WEB.replace("10.0.0.1", "10.0.0.9"), NODE);
    ClusterChange change = ClusterChange.between(view, next);
    assertThat(change.added())
        .extracting(ResourceKey::toString)
        .containsExactlyInAnyOrder("Namespace empty", "Pod shop/api");
    assertThat(change.modified()).extracting(ResourceKey::toString).containsExactly("Pod shop/web");
    assertThat(change.removed()).extracting(ResourceKey::toString).containsExactly("Pod far/api");
    assertThat(change.touched()).hasSize(4);
    assertThat(ClusterChange.between(next, view).added()).isEqualTo(change.removed());
    assertThat(ClusterChange.between(ClusterView.EMPTY, next).added()).hasSize(4);
    assertThat(ClusterChange.between(next, ClusterView.EMPTY).removed()).hasSize(4);
  }
}
