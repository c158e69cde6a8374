package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The example of docs/testing.md: one workload may call another, and a third one may not. */
@Timeout(120)
class HarnessExampleIT {
  @Test
  void onlyTheNamedIdentityMayCall(@TempDir Path directory) throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web = mesh.workload("web").port("http", 8080);
      MeshWorkload frontend =
          mesh.workload("frontend").upstream(9080, "web.shop.svc.cluster.local:80");
      MeshWorkload intruder =
          mesh.workload("intruder").upstream(9080, "web.shop.svc.cluster.local:80");
      mesh.service("web", web, 80, "http");
      mesh.server("web", web, "http", "HTTP/1");
      mesh.allowIdentities("web", "web", "frontend");
      mesh.start();
      mesh.application(web, DemoServices.Kind.HTTP, 8080);
      JournalTail journal = mesh.journal(web);

      assertThat(mesh.get(frontend.at(9080), "/catalog").status()).isEqualTo(200);
      assertThat(mesh.get(intruder.at(9080), "/catalog").status()).isEqualTo(403);

      DecisionRecord denial =
          journal.await(record -> !record.allowed(), Duration.ofSeconds(10)).orElseThrow();
      assertThat(denial.reason()).isEqualTo("identity-mismatch");
      assertThat(denial.clientIdentity()).isEqualTo(mesh.identity(intruder).dnsName());
    }
  }
}
