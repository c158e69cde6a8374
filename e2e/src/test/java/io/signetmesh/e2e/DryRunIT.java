package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.PortSpec;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.Leaf;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Credentials;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Policy that is a dry run before it is enforced: the outcome of requests does not change, what it
 * would be is on record. The frontend is allowed by policy in force, the intruder is not.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class DryRunIT {
  private static final int WEB = 9080;
  private static final int LEDGER = 9084;
  private static final int OPEN = 9086;

  private Mesh mesh;
  private MeshWorkload server;
  private MeshWorkload frontend;
  private MeshWorkload intruder;
  private JournalTail journal;
  private final List<String> dryRuns = new ArrayList<>();

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    server =
        mesh.workload("server")
            .port("http", 8080)
            .port("tcp", 8084)
            .port("open", 8086)
            .annotation("config.linkerd.io/default-inbound-policy", "all-authenticated");
    frontend = client("frontend");
    intruder = client("intruder");
    mesh.service("web", server, 80, "http");
    mesh.service("ledger", server, 80, "tcp");
    mesh.service("open", server, 80, "open");
    mesh.server("web", server, "http", "HTTP/1");
    mesh.server("ledger", server, "tcp", "opaque");
    mesh.allowIdentities("web", "web", "frontend");
    mesh.allowIdentities("ledger", "ledger", "frontend");
    mesh.manifest(
        "accounts",
        authentication("frontends", "frontend")
            + "---\n"
            + authentication("intruders", "intruder"));
    mesh.start();
    mesh.closeWithMesh(TcpServer.start(server.at(8080), Applications::targets));
    mesh.closeWithMesh(TcpServer.start(server.at(8084), Applications::echoLines));
    mesh.closeWithMesh(TcpServer.start(server.at(8086), Applications::targets));
    Await.until(
        "policy is in force", () -> status(frontend, WEB) == 200 && status(intruder, WEB) == 403);
    Await.until("the port without Server is open", () -> status(intruder, OPEN) == 200);
  }

  private MeshWorkload client(String name) {
    return mesh.workload(name)
        .upstream(WEB, "web.shop.svc.cluster.local:80")
        .upstream(LEDGER, "ledger.shop.svc.cluster.local:80")
        .upstream(OPEN, "open.shop.svc.cluster.local:80");
  }

  private static String authentication(String name, String account) {
    return """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: MeshTLSAuthentication
        metadata: {name: %s, namespace: shop}
        spec:
          identityRefs: [{kind: ServiceAccount, name: %s}]
        """
        .formatted(name, account);
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  @BeforeEach
  void follow() throws Exception {
    journal = mesh.journal(server);
  }

  @AfterEach
  void endDryRuns() throws Exception {
    for (String name : dryRuns) {
      mesh.removeManifest(name);
    }
    dryRuns.clear();
    for (int port : new int[] {WEB, OPEN}) {
      awaitRecord(frontend, port, record -> record.trial() == null);
    }
  }

  private void tryOut(String name, String yaml) throws IOException {
    dryRuns.add(name);
    mesh.manifest(name, yaml);
  }

  private void tryDenial(String name, String serverName, String authentication) throws IOException {
    tryOut(
        name,
        """
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: DenyPolicy
        metadata: {name: %s, namespace: shop}
        spec:
          mode: audit
          targetRef: {group: policy.linkerd.io, kind: Server, name: %s}
          requiredAuthenticationRefs:
            - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: %s}
        """
            .formatted(name, serverName, authentication));
  }

  private void tryAuthorization(String name, String serverName, String authentication)
      throws IOException {
    tryOut(
        name,
        """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata:
          name: %s
          namespace: shop
          annotations: {policy.signetmesh.io/mode: audit}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: %s}
          requiredAuthenticationRefs:
            - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: %s}
        """
            .formatted(name, serverName, authentication));
  }

  @Test
  void aTriedDenialRefusesNobodyAndSaysWhomItWould() throws Exception {
    tryDenial("no-frontends", "web", "frontends");

    DecisionRecord allowed = awaitRecord(frontend, WEB, record -> record.trial() != null);
    assertThat(allowed.allowed()).isTrue();
    assertThat(allowed.mode()).isEqualTo("enforce");
    assertThat(allowed.reason()).isEqualTo("authorized");
    assertThat(trial(allowed).allowed()).isFalse();
    assertThat(trial(allowed).reason()).isEqualTo("denied-by-policy");
    assertThat(trial(allowed).authorization()).contains("no-frontends");
    assertThat(status(frontend, WEB)).isEqualTo(200);
    assertThat(status(intruder, WEB)).isEqualTo(403);
    assertThat(mesh.admin(server, "/metrics").body())
        .containsPattern(
            "signet_inbound_trial_verdict_total\\{[^}]*srv_name=\"web\"[^}]*outcome=\"allow\","
                + "verdict=\"deny\",reason=\"denied-by-policy\"");
  }

  @Test
  void aTriedAuthorizationAllowsNobodyAndSaysWhomItWould() throws Exception {
    tryAuthorization("guests", "web", "intruders");

    DecisionRecord denied = awaitRecord(intruder, WEB, record -> record.trial() != null);
    assertThat(denied.allowed()).isFalse();
    assertThat(denied.reason()).isEqualTo("identity-mismatch");
    assertThat(trial(denied).allowed()).isTrue();
    assertThat(trial(denied).authorization()).contains("guests");
    assertThat(status(intruder, WEB)).isEqualTo(403);
    DecisionRecord allowed = awaitRecord(frontend, WEB, record -> record.trial() != null);
    assertThat(allowed.allowed()).isTrue();
    assertThat(trial(allowed).allowed()).isTrue();
  }

  /** Each alone would lead to another verdict than both. */
  @Test
  void twoThatAreTriedAtOnceGiveOneCombinedVerdict() throws Exception {
    tryAuthorization("guests", "web", "intruders");
    awaitRecord(intruder, WEB, record -> record.trial() != null && record.trial().allowed());
    tryDenial("no-intruders", "web", "intruders");

    DecisionRecord both =
        awaitRecord(
            intruder,
            WEB,
            record -> record.trial() != null && record.trial().reason().equals("denied-by-policy"));
    assertThat(both.allowed()).isFalse();
    assertThat(both.reason()).isEqualTo("identity-mismatch");
    assertThat(trial(both).allowed()).isFalse();
    assertThat(trial(both).authorization()).contains("no-intruders");
  }

  @Test
  void aTriedServerTakesNoPortAndIsCombinedWithWhatIsTriedOnIt() throws Exception {
    tryOut(
        "open-server",
        """
        apiVersion: policy.linkerd.io/v1beta3
        kind: Server
        metadata:
          name: open
          namespace: shop
          annotations: {policy.signetmesh.io/mode: audit}
        spec:
          podSelector: {matchLabels: {app: server}}
          port: open
          proxyProtocol: HTTP/1
        """);
    DecisionRecord alone = awaitRecord(frontend, OPEN, record -> record.trial() != null);
    assertThat(alone.allowed()).isTrue();
    assertThat(alone.server()).startsWith("default/");
    assertThat(trial(alone).allowed()).isFalse();

    tryAuthorization("open-frontends", "open", "frontends");
    DecisionRecord both =
        awaitRecord(frontend, OPEN, record -> record.trial() != null && record.trial().allowed());
    assertThat(both.server()).startsWith("default/");
    assertThat(trial(both).authorization()).contains("open-frontends");
    DecisionRecord other = awaitRecord(intruder, OPEN, record -> record.trial() != null);
    assertThat(other.allowed()).isTrue();
    assertThat(trial(other).allowed()).isFalse();
    assertThat(trial(other).failedAttribute()).isEqualTo("identity");
  }

  @Test
  void connectionsAreTriedToo() throws Exception {
    tryDenial("no-ledger", "ledger", "frontends");

    Await.until(
        "the dry-run verdict is on record",
        () -> {
          try (Socket socket = new Socket(frontend.address(), LEDGER)) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream().write("hello\n".getBytes(StandardCharsets.US_ASCII));
            assertThat(new String(socket.getInputStream().readNBytes(6), StandardCharsets.US_ASCII))
                .isEqualTo("hello\n");
          }
          DecisionRecord record =
              journal.await(r -> r.protocol().equals("tcp"), Duration.ofSeconds(10)).orElseThrow();
          assertThat(record.allowed()).isTrue();
          return record.trial() != null
              && !record.trial().allowed()
              && record.trial().reason().equals("denied-by-policy");
        });
  }

  @Test
  void aProxyThatDoesNotKnowDryRunsGetsNone() throws Exception {
    tryAuthorization("guests", "web", "intruders");
    awaitRecord(intruder, WEB, record -> record.trial() != null);

    Server known = policyAs("generation", "deny", "trial");
    assertThat(known.hasSignetTrial()).isTrue();
    assertThat(known.toString()).contains("guests");
    Server old = policyAs();
    assertThat(old.hasSignetTrial()).isFalse();
    assertThat(old.toString()).doesNotContain("guests");
    assertThat(old.getAuthorizationsList()).isNotEmpty();
  }

  /** The first message about the web port to a proxy with these features. */
  private Server policyAs(String... features) throws Exception {
    InetSocketAddress policy = mesh.addresses().policy();
    Leaf leaf = mesh.leaf("server");
    Credentials credentials = new Credentials(leaf.certificate(), mesh.trust());
    try (ControlLoops loops = ControlLoops.start(1)) {
      ManagedChannel channel =
          ControlChannel.open(
              new ControlChannel.Address(policy.getAddress().getHostAddress(), policy.getPort()),
              mesh.processes().names().policyServer().dnsName(),
              () -> credentials,
              InstantSource.system(),
              loops);
      try {
        Iterator<Server> messages =
            InboundServerPoliciesGrpc.newBlockingStub(channel)
                .withDeadlineAfter(20, TimeUnit.SECONDS)
                .watchPort(
                    PortSpec.newBuilder()
                        .setWorkload("shop:server")
                        .setPort(8080)
                        .addAllSignetFeatures(List.of(features))
                        .build());
        return messages.next();
      } finally {
        channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
      }
    }
  }

  // ---- requests

  private static int status(MeshWorkload client, int port) throws IOException {
    return HttpConnection.getOnce(client.at(port), "/a").status();
  }

  private static DecisionRecord.DryRun trial(DecisionRecord record) {
    return Objects.requireNonNull(record.trial(), "no dry-run verdict");
  }

  /** Asks again until the record of a request is the one wanted. */
  private DecisionRecord awaitRecord(
      MeshWorkload client, int port, Predicate<DecisionRecord> wanted) throws Exception {
    DecisionRecord[] found = new DecisionRecord[1];
    String identity = mesh.identity(client).dnsName();
    int target = port == WEB ? 8080 : 8086;
    Await.until(
        "the record of a request of " + client.name(),
        () -> {
          journal.skip();
          status(client, port);
          DecisionRecord record =
              journal
                  .await(
                      r ->
                          identity.equals(r.clientIdentity())
                              && r.targetAddress().endsWith(":" + target),
                      Duration.ofSeconds(10))
                  .orElseThrow();
          found[0] = record;
          return wanted.test(record);
        });
    return found[0];
  }
}
