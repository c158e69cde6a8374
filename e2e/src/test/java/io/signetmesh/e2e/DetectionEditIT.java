package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Leaf;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.TlsConnection;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A port of which the protocol is found out gets a Server that says HTTP/1, with a route and a
 * denial, while a connection waits for its first bytes to be looked at.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class DetectionEditIT {
  private Mesh mesh;
  private MeshWorkload web;
  private TcpServer application;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    web = mesh.workload("web").port("http", 8080).redirect(18_080, 8080);
    mesh.server("web", web, "http", "unknown");
    mesh.allowIdentities("web", "web", "frontend");
    mesh.start();
    application = mesh.closeWithMesh(TcpServer.start(web.at(8080), Applications::echoLines));
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  @Test
  void connectionThatWaitedInDetectionIsDecidedByThePolicyThatIsSaidToBeInForce() throws Exception {
    JournalTail journal = mesh.journal(web);
    try (SSLSocket waiting = connect(mesh.leaf("frontend"))) {
      mesh.server("web", web, "http", "HTTP/1");
      mesh.manifest(
          "denial",
          """
          apiVersion: policy.linkerd.io/v1beta3
          kind: HTTPRoute
          metadata: {name: admin, namespace: shop}
          spec:
            parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]
            rules: [{matches: [{path: {type: PathPrefix, value: /admin}}]}]
          ---
          apiVersion: policy.signetmesh.io/v1alpha1
          kind: DenyPolicy
          metadata: {name: no-admin, namespace: shop}
          spec:
            targetRef: {group: policy.linkerd.io, kind: HTTPRoute, name: admin}
            requiredAuthenticationRefs: [{kind: ServiceAccount, name: frontend}]
          """);
      awaitInForce();

      waiting
          .getOutputStream()
          .write(
              "\r\nPOST /admin HTTP/1.1\r\nHost: a\r\nl5d-client-id: forged\r\nContent-Length: 0\r\n\r\n"
                  .getBytes(StandardCharsets.US_ASCII));
      ByteArrayOutputStream answer = new ByteArrayOutputStream();
      byte[] some = new byte[4096];
      int count = waiting.getInputStream().read(some);
      answer.write(some, 0, Math.max(count, 0));

      assertThat(answer.toString(StandardCharsets.US_ASCII)).startsWith("HTTP/1.1 40");
    }
    assertThat(application.accepted()).isZero();
    DecisionRecord decision = journal.await(record -> true, Duration.ofSeconds(10)).orElseThrow();
    assertThat(decision.allowed()).isFalse();
  }

  private void awaitInForce() throws Exception {
    Mesh.Command status =
        mesh.command(
            "policy",
            "status",
            "--state",
            mesh.processes().state().toString(),
            "--namespace",
            Mesh.NAMESPACE,
            "--wait",
            "10s");
    assertThat(status.exitCode()).as(status.output()).isZero();
    assertThat(status.output()).contains("no-admin");
  }

  private SSLSocket connect(Leaf leaf) throws Exception {
    return TlsConnection.open(web.at(18_080), mesh.identity(web).dnsName(), leaf);
  }
}
