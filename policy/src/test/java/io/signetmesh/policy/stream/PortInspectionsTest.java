package io.signetmesh.policy.stream;

import static io.signetmesh.policy.index.Facts.CONFIG;
import static io.signetmesh.policy.index.Facts.WEB;
import static io.signetmesh.policy.index.Facts.audited;
import static io.signetmesh.policy.index.Facts.index;
import static io.signetmesh.policy.index.Facts.meshTls;
import static io.signetmesh.policy.index.Facts.pod;
import static io.signetmesh.policy.index.Facts.policy;
import static io.signetmesh.policy.index.Facts.server;
import static io.signetmesh.policy.index.Facts.toServer;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.v1.PortInspection;
import io.signetmesh.v1.PortInspectionRequest;
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
        new PortInspections(index, finding -> finding.at("shop.yaml:7:3"))
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
}
