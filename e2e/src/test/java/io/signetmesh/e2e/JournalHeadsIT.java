package io.signetmesh.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.identity.pki.Certificates;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Real proxies sign what is in their journals, and anybody with the trust anchors verifies it. */
@Timeout(180)
class JournalHeadsIT {
  @Test
  void aJournalVerifiesAcrossRenewalsAndNamesWhatWasEdited(@TempDir Path directory)
      throws Exception {
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web = mesh.workload("web").port("http", 8080);
      MeshWorkload frontend =
          mesh.workload("frontend").upstream(9080, "web.shop.svc.cluster.local:80");
      mesh.service("web", web, 80, "http");
      mesh.server("web", web, "http", "HTTP/1");
      mesh.allowIdentities("web", "web", "frontend");
      mesh.start("--leaf-lifetime", "20s");
      mesh.application(web, DemoServices.Kind.HTTP, 8080);
      Path file = mesh.journalFile(web);
      JournalTail journal = JournalTail.fromStart(file);
      Path anchors = directory.resolve("anchors.pem");
      Files.writeString(anchors, Certificates.toPem(mesh.trust().anchors()));

      Set<String> certificates = new HashSet<>();
      Await.until(
          "heads by two leaves",
          Duration.ofSeconds(90),
          () -> {
            assertThat(mesh.get(frontend.at(9080), "/catalog").status()).isEqualTo(200);
            for (JsonNode line : journal.lines()) {
              if (line.has("head")) {
                certificates.add(line.path("head").path("certificate").asText());
              }
            }
            return certificates.size() >= 2;
          });

      String identity = mesh.identity(web).dnsName();
      Mesh.Command good = verify(mesh, file, anchors, identity);
      assertThat(good.output()).contains("signed by " + identity).contains("good: records 1 to ");
      assertThat(good.exitCode()).isZero();

      Mesh.Command other = verify(mesh, file, anchors, mesh.identity(frontend).dnsName());
      assertThat(other.output()).contains("signature: ").contains("is signed by [" + identity);
      assertThat(other.exitCode()).isEqualTo(1);

      List<String> lines = Files.readAllLines(file, UTF_8);
      int edited = 1;
      while (!lines.get(edited).contains("\"/catalog\"")) {
        edited++;
      }
      lines.set(edited, lines.get(edited).replace("/catalog", "/harmless"));
      Path changed = directory.resolve("changed.jsonl");
      Files.writeString(changed, String.join("\n", lines) + "\n", UTF_8);
      int head = edited;
      while (!lines.get(head).contains("\"head\":{")) {
        head++;
      }
      Mesh.Command found = verify(mesh, changed, anchors, identity);
      assertThat(found.exitCode()).isEqualTo(1);
      assertThat(found.output())
          .contains("DAMAGED: 1 finding")
          .contains("changed.jsonl:" + (head + 1) + ": changed: record")
          .contains("the head at " + (head + 1) + " states other records");
    }
  }

  private static Mesh.Command verify(Mesh mesh, Path file, Path anchors, String identity)
      throws Exception {
    return mesh.command(
        "audit",
        "verify",
        file.toString(),
        "--trust-anchors",
        anchors.toString(),
        "--identity",
        identity);
  }
}
