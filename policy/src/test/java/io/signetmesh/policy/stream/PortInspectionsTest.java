package io.signetmesh.policy.stream;

import static io.signetmesh.policy.TestPolicies.CONFIG;
import static io.signetmesh.policy.TestPolicies.WEB;
import static io.signetmesh.policy.TestPolicies.audited;
import static io.signetmesh.policy.TestPolicies.index;
import static io.signetmesh.policy.TestPolicies.meshTls;
import static io.signetmesh.policy.TestPolicies.pod;
import static io.signetmesh.policy.TestPolicies.policy;
import static io.signetmesh.policy.TestPolicies.server;
import static io.signetmesh.policy.TestPolicies.toServer;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.policy.ClusterObjects;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.v1.ClientQuery;
import io.signetmesh.v1.ClientWorkload;
import io.signetmesh.v1.PolicyFinding;
import io.signetmesh.v1.PortInspection;
import io.signetmesh.v1.PortInspectionRequest;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class PortInspectionsTest {
  private static final Map<String, String> APP = Map.of("app", "web");

  @Test
  void thePolicyIsShownWithAllFeaturesAndWhatIsWrongBehindIt() {
    PolicyIndex index =
        index(
            CONFIG,
            pod("web", APP),
            server("web", 8080, APP),
            audited(policy("tried", toServer("web"))),
            policy("typo", toServer("web"), meshTls("clints")));
    PortInspection shown =
        new PortInspections(
                new IndexLinter(index),
                finding -> finding.at("shop.yaml:7:3"),
                () -> ClusterView.EMPTY)
            .inspect(
                PortInspectionRequest.newBuilder().setWorkload("shop:web").setPort(8080).build());
    assertThat(shown.getServer()).isEqualTo(index.policy(WEB, 8080).orElseThrow().stamped());
    assertThat(shown.getServer().hasSignetTrial()).isTrue();
    assertThat(shown.getServer().getSignetGeneration()).isEqualTo(index.generation());
    assertThat(shown.getFindingsList())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.getSeverity()).isEqualTo("error");
              assertThat(finding.getRule()).isEqualTo("dangling-reference");
              assertThat(finding.getObject().getKind()).isEqualTo("AuthorizationPolicy");
              assertThat(finding.getObject().getName()).isEqualTo("typo");
              assertThat(finding.getOrigin()).isEqualTo("shop.yaml:7:3");
              assertThat(finding.getField()).isEqualTo("spec.requiredAuthenticationRefs[0].name");
              assertThat(finding.getMessage()).contains("clints").endsWith("it grants nothing");
            });
  }

  @Test
  void aSlipComesWithThePolicyThatThePortWouldHaveWithoutIt() {
    PolicyIndex index =
        index(
            CONFIG,
            pod("web", APP),
            server("web", 8080, APP),
            policy("typo", toServer("wbe")),
            policy("lost", toServer("web"), meshTls("nobodys")));
    PortInspection shown =
        new PortInspections(new IndexLinter(index), finding -> finding, () -> ClusterView.EMPTY)
            .inspect(
                PortInspectionRequest.newBuilder().setWorkload("shop:web").setPort(8080).build());
    assertThat(shown.getServer().getAuthorizationsList()).isEmpty();
    assertThat(shown.getFindingsList()).hasSize(2);
    for (PolicyFinding finding : shown.getFindingsList()) {
      boolean typo = finding.getObject().getName().equals("typo");
      assertThat(finding.hasSuggestion()).isEqualTo(typo);
      if (typo) {
        assertThat(finding.getSuggestion().getMeant()).isEqualTo("web");
        assertThat(finding.getSuggestion().getServer().getAuthorizationsList())
            .singleElement()
            .satisfies(
                authz -> assertThat(authz.getMetadata().getResource().getName()).isEqualTo("typo"));
      }
    }
    // The suggestion is taken nowhere.
    assertThat(index.policy(WEB, 8080).orElseThrow().server().getAuthorizationsList()).isEmpty();
  }

  private static Pod client(String name, boolean meshed, String phase, String ip) {
    Pod plain = ClusterObjects.pod(name);
    return new PodBuilder(plain)
        .editMetadata()
        .withLabels(meshed ? plain.getMetadata().getLabels() : Map.of("app", name))
        .endMetadata()
        .withNewStatus()
        .withPhase(phase)
        .withPodIP(ip)
        .endStatus()
        .build();
  }

  private static ClientWorkload client(ClientQuery.Builder query, Pod... pods) {
    PolicyIndex index = index(CONFIG, pod("web", APP), pod("frontend", Map.of()));
    return new PortInspections(
            new IndexLinter(index), finding -> finding, () -> ClusterView.of(List.of(pods)))
        .inspect(
            PortInspectionRequest.newBuilder()
                .setWorkload("shop:web")
                .setPort(8080)
                .setClient(query)
                .build())
        .getClient();
  }

  private static ClientWorkload found(String name, String ip, String identity) {
    return ClientWorkload.newBuilder()
        .setWorkload(WorkloadRef.pod("shop", name).toWire())
        .setIp(ip)
        .setIdentity(identity)
        .build();
  }

  @Test
  void aClientIsFoundByItsIdentityAndByItsAddress() {
    String identity = CONFIG.identity("frontend", "shop");
    Pod frontend = client("frontend", true, "Running", "10.0.0.7");
    ClientWorkload expected = found("frontend", "10.0.0.7", identity);
    assertThat(client(ClientQuery.newBuilder().setIdentity(identity), frontend))
        .isEqualTo(expected);
    assertThat(client(ClientQuery.newBuilder().setIp("10.0.0.7"), frontend)).isEqualTo(expected);
    assertThat(
            client(
                ClientQuery.newBuilder().setIp("fd00::7"),
                client("frontend", true, "Running", "fd00:0:0:0:0:0:0:7")))
        .isEqualTo(found("frontend", "fd00:0:0:0:0:0:0:7", identity));
  }

  @Test
  void aClientWithoutProxyHasNoIdentity() {
    assertThat(
            client(
                ClientQuery.newBuilder().setIp("10.0.0.8"),
                client("legacy", false, "Running", "10.0.0.8")))
        .isEqualTo(found("legacy", "10.0.0.8", ""));
  }

  @Test
  void anAddressIsNotThatOfAPodThatHasEnded() {
    assertThat(
            client(
                ClientQuery.newBuilder().setIp("10.0.0.7"),
                client("frontend", true, "Succeeded", "10.0.0.7")))
        .isEqualTo(ClientWorkload.getDefaultInstance());
  }

  @Test
  void aClientThatIsNotKnownIsToldFromOneThatWasNotAskedFor() {
    PolicyIndex index = index(CONFIG, pod("web", APP));
    PortInspections inspections =
        new PortInspections(new IndexLinter(index), finding -> finding, () -> ClusterView.EMPTY);
    PortInspectionRequest.Builder request =
        PortInspectionRequest.newBuilder().setWorkload("shop:web").setPort(8080);
    assertThat(inspections.inspect(request.build()).hasClient()).isFalse();
    request.setClient(ClientQuery.newBuilder().setIdentity("nobody"));
    assertThat(inspections.inspect(request.build()).hasClient()).isTrue();
    assertThat(inspections.inspect(request.build()).getClient())
        .isEqualTo(ClientWorkload.getDefaultInstance());
  }

  @Test
  void aQuestionForAClientThatCannotBeReadIsRefused() {
    for (ClientQuery.Builder query :
        List.of(ClientQuery.newBuilder(), ClientQuery.newBuilder().setIp("web.shop"))) {
      assertThatExceptionOfType(StatusRuntimeException.class)
          .isThrownBy(() -> client(query))
          .satisfies(
              e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT))
          .withMessageContaining("client");
    }
  }
}
