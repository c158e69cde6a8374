package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Calls between workloads of one host, each with an address of its own. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class HostModeIT {
  private Mesh mesh;
  private MeshWorkload near;
  private MeshWorkload far;
  private MeshWorkload web;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    near =
        mesh.workload("near")
            .upstream(9080, "web.shop.svc.cluster.local:80")
            .upstream(9081, "opaque.shop.svc.cluster.local:80");
    far = mesh.workload("far").upstream(9080, "web.shop.svc.cluster.local:80");
    web = mesh.workload("web").port("http", 8080).port("opaque", 8081);
    mesh.service("web", web, 80, "http");
    mesh.server("web", web, "http", "HTTP/1");
    mesh.allowNetworks("web", "web", near.address().getHostAddress() + "/32");
    mesh.service("opaque", web, 80, "opaque");
    mesh.server("opaque", web, "opaque", "opaque");
    mesh.allowIdentities("opaque", "opaque", "near");
    mesh.start();
    mesh.application(web, DemoServices.Kind.HTTP, 8080);
    mesh.application(web, DemoServices.Kind.HTTP, 8081);
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  @Test
  void callsComeFromTheWorkloadsOwnAddressSoThatNetworksInPolicyAreAboutIt() throws Exception {
    JournalTail journal = mesh.journal(web);

    assertThat(mesh.get(near.at(9080), "/").status()).isEqualTo(200);
    assertThat(mesh.get(far.at(9080), "/").status()).isEqualTo(403);

    List<DecisionRecord> records = new ArrayList<>();
    var unused =
        journal
            .await(r -> records.add(r) && records.size() == 2, Duration.ofSeconds(10))
            .orElseThrow();
    assertThat(records).extracting(DecisionRecord::allowed).containsExactly(true, false);
    assertThat(records.getFirst().clientAddress())
        .startsWith(near.address().getHostAddress() + ":");
    assertThat(records.getLast().clientAddress()).startsWith(far.address().getHostAddress() + ":");
  }

  @Test
  void httpThroughAServiceReachesAPortWhoseServerSaysOpaque() throws Exception {
    JournalTail journal = mesh.journal(web);

    assertThat(mesh.get(near.at(9081), "/hello").status()).isEqualTo(200);

    DecisionRecord decision = journal.await(record -> true, Duration.ofSeconds(10)).orElseThrow();
    assertThat(decision.allowed()).isTrue();
    assertThat(decision.protocol()).isEqualTo("tcp");
    assertThat(decision.clientIdentity()).isEqualTo(mesh.identity(near).dnsName());
  }
}
