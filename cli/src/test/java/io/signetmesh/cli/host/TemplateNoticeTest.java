package io.signetmesh.cli.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.signetmesh.cluster.ClusterChange;
import io.signetmesh.cluster.ClusterView;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class TemplateNoticeTest {
  private final List<String> lines = new ArrayList<>();
  private final TemplateNotice notice = new TemplateNotice(lines::add);

  @Test
  void templatesThatRunNowhereAreSaidOnce() {
    follow(deployment("web"), deployment("api"));
    assertThat(lines)
        .singleElement()
        .asString()
        .startsWith("pod templates run nowhere: Deployment shop/api, Deployment shop/web; no pods");
    follow(deployment("web"), deployment("api"));
    assertThat(lines).hasSize(1);
    follow(deployment("web"));
    assertThat(lines).hasSize(2);
    follow();
    assertThat(lines).hasSize(2);
  }

  @Test
  void manyTemplatesAreCounted() {
    HasMetadata[] many = new HasMetadata[12];
    for (int i = 0; i < many.length; i++) {
      many[i] = deployment("web-" + i);
    }
    follow(many);
    assertThat(lines).singleElement().asString().contains(" and 2 more; no pods");
  }

  private void follow(HasMetadata... objects) {
    ClusterView view = ClusterView.of(List.of(objects));
    notice.changed(view, ClusterChange.between(ClusterView.EMPTY, view));
  }

  private static HasMetadata deployment(String name) {
    return new DeploymentBuilder()
        .withNewMetadata()
        .withNamespace("shop")
        .withName(name)
        .endMetadata()
        .withNewSpec()
        .withNewTemplate()
        .endTemplate()
        .endSpec()
        .build();
  }
}
