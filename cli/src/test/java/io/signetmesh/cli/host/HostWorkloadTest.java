package io.signetmesh.cli.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.Workload;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class HostWorkloadTest {
  private static Workload workload(
      String ip, Map<String, String> labels, Map<String, String> annotations) {
    Pod pod =
        new PodBuilder()
            .withNewMetadata()
            .withNamespace("shop")
            .withName("web")
            .withLabels(labels)
            .withAnnotations(annotations)
            .endMetadata()
            .withNewSpec()
            .withServiceAccountName("web")
            .addNewContainer()
            .withName("web")
            .addNewPort()
            .withContainerPort(8080)
            .endPort()
            .endContainer()
            .endSpec()
            .withNewStatus()
            .withPodIP(ip)
            .endStatus()
            .build();
    return ClusterView.of(List.of(pod)).workloads().iterator().next();
  }

  private static Map<String, String> meshed() {
    return Map.of(Workload.CONTROL_PLANE_NAMESPACE_LABEL, "linkerd");
  }

  @Test
  void isAMeshedPodWithAnAddressOfThisHost() {
    Workload pod =
        workload(
            "127.10.0.10",
            meshed(),
            Map.of(
                InboundListener.ANNOTATION,
                "18080=8080",
                OutboundListener.ANNOTATION,
                "127.10.0.10:19090=greeter.shop:9090"));
    assertThat(HostWorkload.of(pod, "linkerd"))
        .hasValueSatisfying(
            found -> {
              assertThat(found.qualifiedName()).isEqualTo("shop/web");
              assertThat(found.serviceAccount()).isEqualTo("web");
              assertThat(found.address()).isEqualTo(InetAddress.ofLiteral("127.10.0.10"));
              assertThat(found.ports()).containsExactly(8080);
              assertThat(found.inbound()).containsExactly(new InboundListener(18080, 8080));
              assertThat(found.outbound())
                  .singleElement()
                  .hasToString("127.10.0.10:19090=greeter.shop:9090");
            });
  }

  @Test
  void isNoPodOfAnotherHost() {
    // TEST-NET-1 (RFC 5737) is no address of anybody.
    assertThat(HostWorkload.of(workload("192.0.2.1", meshed(), Map.of()), "linkerd")).isEmpty();
  }

  @Test
  void isNoPodWithoutProxyAndNoneOfAnotherControlPlane() {
    assertThat(HostWorkload.of(workload("127.10.0.10", Map.of(), Map.of()), "linkerd")).isEmpty();
    assertThat(HostWorkload.of(workload("127.10.0.10", meshed(), Map.of()), "other")).isEmpty();
  }

  /** Else this host would hand the pod a token of that node. */
  @Test
  void aPodWithTheServiceAccountOfANodeHasNoProxyHere() {
    Pod pod =
        new PodBuilder()
            .withNewMetadata()
            .withNamespace("linkerd")
            .withName("posing")
            .withLabels(meshed())
            .endMetadata()
            .withNewSpec()
            .withServiceAccountName("node-n1")
            .endSpec()
            .withNewStatus()
            .withPodIP("127.10.0.10")
            .endStatus()
            .build();
    Workload posing = ClusterView.of(List.of(pod)).workloads().iterator().next();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> HostWorkload.of(posing, "linkerd"))
        .withMessageContaining("linkerd/posing")
        .withMessageContaining("node-n1 is reserved for nodes");
  }

  @Test
  void namesPodAndAnnotationThatCannotBeUnderstood() {
    Workload pod = workload("127.10.0.10", meshed(), Map.of(InboundListener.ANNOTATION, "80"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> HostWorkload.of(pod, "linkerd"))
        .withMessageContaining("shop/web")
        .withMessageContaining(InboundListener.ANNOTATION);
  }
}
