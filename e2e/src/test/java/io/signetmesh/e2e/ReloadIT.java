package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A thousand policies are edited at once, and one of them is not valid. */
@TestInstance(Lifecycle.PER_CLASS)
@Timeout(180)
final class ReloadIT {
  private static final int POLICIES = 1_000;
  private static final int HTTP = 9001;

  /** Lines of one policy, and the line and column of its target within. */
  private static final int LINES = 7;

  private static final int TARGET_LINE = 6;

  /** The policy that is edited wrongly. */
  private static final int WRONG = 500;

  private Mesh mesh;
  private MeshWorkload frontend;
  private MeshWorkload shopper;
  private int asked;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    MeshWorkload web = mesh.workload("web").port("http", 8080);
    frontend = mesh.workload("frontend").upstream(HTTP, "web.shop.svc.cluster.local:80");
    shopper = mesh.workload("shopper").upstream(HTTP, "web.shop.svc.cluster.local:80");
    mesh.service("web", web, 80, "http");
    mesh.server("web", web, "http", "HTTP/1");
    mesh.manifest("thousand", policies("nobody", policy(WRONG, "web", "shopper")));
    mesh.start();
    mesh.application(web, DemoServices.Kind.HTTP, 8080);
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  /** All policies but one are for nobody; the first is for somebody. */
  private static String policies(String somebody, String wrong) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < POLICIES; i++) {
      text.append(i == WRONG ? wrong : policy(i, "web", i == 0 ? somebody : "nobody-" + i));
    }
    return text.toString();
  }

  private static String policy(int number, String server, String account) {
    return """
    ---
    apiVersion: policy.linkerd.io/v1alpha1
    kind: AuthorizationPolicy
    metadata: {name: p-%d, namespace: shop}
    spec:
      targetRef: {group: policy.linkerd.io, kind: Server, name: %s}
      requiredAuthenticationRefs: [{kind: ServiceAccount, name: %s}]
    """
        .formatted(number, server, account);
  }

  private int status(MeshWorkload client) throws Exception {
    return mesh.get(client.at(HTTP), "/").status();
  }

  /** What an operator sees, with the exit code at the end. */
  private String policyStatus() throws Exception {
    SignetProcess status =
        mesh.run(
            "status-" + ++asked,
            Map.of(),
            "policy",
            "status",
            "--state",
            mesh.processes().state().toString(),
            "--wait",
            "5s");
    assertThat(status.awaitExit(Duration.ofSeconds(30))).isTrue();
    return Mesh.output(status) + "exit " + status.exitCode();
  }

  private String metrics() throws Exception {
    return mesh.get(new InetSocketAddress(mesh.addresses().policy().getAddress(), 9990), "/metrics")
        .body();
  }

  @Test
  void theRestAppliesAndTheInvalidOneKeepsItsLastGoodFormUntilItIsMended() throws Exception {
    Await.until("traffic flows", () -> status(shopper) == 200);
    assertThat(status(frontend)).isEqualTo(403);

    // One edit: the first policy is for the frontend now, and that of the shopper is for somebody
    // else, but has a target of a kind that does not exist.
    String wrong = policy(WRONG, "web", "nobody").replace("kind: Server,", "kind: Servr,");
    mesh.manifest("thousand", policies("frontend", wrong));
    Await.until("the valid ones are in force", () -> status(frontend) == 200);
    assertThat(status(shopper)).isEqualTo(200);
    assertThat(policyStatus())
        .contains("errors in manifests: 1")
        .contains("thousand.yaml:" + (WRONG * LINES + TARGET_LINE) + ":")
        .contains("shop/p-" + WRONG)
        .endsWith("exit 1");
    assertThat(metrics())
        .contains("signet_policy_findings{rule=\"invalid-manifest\",severity=\"error\"} 1.0");

    mesh.manifest("thousand", policies("frontend", policy(WRONG, "web", "nobody")));
    Await.until("the corrected one is in force", () -> status(shopper) == 403);
    assertThat(status(frontend)).isEqualTo(200);
    assertThat(policyStatus())
        .doesNotContain("errors in manifests")
        .containsPattern("Server shop/web +enforce +1 of 1")
        .containsPattern("AuthorizationPolicy shop/p-" + WRONG + " +enforce +1 of 1")
        .endsWith("exit 0");
  }
}
