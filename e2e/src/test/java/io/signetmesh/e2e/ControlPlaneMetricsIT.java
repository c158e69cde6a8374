package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.process.Readiness;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.Tool;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.workload.IdentityClient;
import java.io.File;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The admin pages of the identity server, the policy controller and discovery. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class ControlPlaneMetricsIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int IDENTITY_ADMIN = 9991;
  private static final int POLICY_ADMIN = 9990;
  private static final int DISCOVERY_ADMIN = 9996;

  private final Map<String, SignetProcess> servers = new HashMap<>();

  private Mesh mesh;
  private MeshWorkload web;
  private MeshWorkload frontend;

  @BeforeAll
  @Timeout(120)
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    web = mesh.workload("web").port("http", 8080).redirect(18_080, 8080);
    frontend = mesh.workload("frontend").upstream(15_001, "web.shop.svc.cluster.local:80");
    mesh.service("web", web, 80, "http");
    mesh.server("web", web, "http", "HTTP/1");
    mesh.allowIdentities("web", "web", "frontend");
    serve("identity", mesh.addresses().identity());
    serve("policy", mesh.addresses().policy(), member());
    serve("discovery", mesh.addresses().discovery(), member());
    mesh.launchProxy(web);
    mesh.launchProxy(frontend);
    mesh.awaitReady(web);
    mesh.awaitReady(frontend);
    mesh.application(web, DemoServices.Kind.HTTP, 8080);
    Await.until("a call", () -> mesh.get(frontend.at(15_001), "/").status() == 200);
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  private void serve(String command, InetSocketAddress listen, String... more) throws Exception {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                command,
                "--state",
                mesh.processes().state().toString(),
                "--listen",
                ListenAddress.text(listen)));
    arguments.addAll(List.of(more));
    SignetProcess process = mesh.run(command, Map.of(), arguments.toArray(String[]::new));
    servers.put(command, process);
    Readiness.awaitListening(process, listen, LIMIT);
  }

  private String[] member() {
    return new String[] {
      "--manifests",
      mesh.processes().manifests().toString(),
      "--identity-addr",
      ListenAddress.text(mesh.addresses().identity())
    };
  }

  /** The distribution has the native library of each architecture; only one of them loads. */
  @Test
  void signaturesOfTheIdentityServerAreNotComputedByTheJdk() throws Exception {
    assertThat(Mesh.output(Objects.requireNonNull(servers.get("identity"))))
        .contains("identity server listens")
        .doesNotContain("computed by the JDK");
  }

  private String page(int port) throws Exception {
    InetSocketAddress admin = new InetSocketAddress(mesh.addresses().policy().getAddress(), port);
    Mesh.Answer answer = mesh.get(admin, "/metrics");
    assertThat(answer.status()).isEqualTo(200);
    assertThat(mesh.get(admin, "/ready").status()).isEqualTo(200);
    assertThat(mesh.get(admin, "/live").status()).isEqualTo(200);
    return answer.body();
  }

  /** The value of a series; NaN when there is none. */
  private static double value(String page, String series) {
    return page.lines()
        .filter(line -> line.startsWith(series + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(series.length() + 1)))
        .findFirst()
        .orElse(Double.NaN);
  }

  private static String call(String series, String service, String method, String type) {
    return series
        + "{method=\""
        + method
        + "\",method_type=\""
        + type
        + "\",service=\""
        + service
        + "\"}";
  }

  private static String expiry(String certificate, String server) {
    return "signet_certificate_expiry_seconds{certificate=\""
        + certificate
        + "\",server=\""
        + server
        + "\"}";
  }

  private static void assertProcess(String page) {
    assertThat(value(page, "process_cpu_seconds_total")).isPositive();
    assertThat(value(page, "jvm_threads_live_threads")).isPositive();
    assertThat(page).contains("jvm_memory_used_bytes{");
    assertThat(value(page, "signet_control_connections")).isPositive();
  }

  @Test
  void identityTellsWhatItIssuedAndWhatItTrusts() throws Exception {
    String page = page(IDENTITY_ADMIN);

    assertProcess(page);
    // Two proxies, the policy controller and discovery.
    assertThat(value(page, "signet_identity_certificates_issued_total")).isGreaterThanOrEqualTo(4);
    assertThat(value(page, expiry("leaf", "identity"))).isBetween(80_000d, 90_000d);
    assertThat(value(page, expiry("issuer", "identity"))).isGreaterThan(300 * 86_400d);
    assertThat(value(page, expiry("trust_anchor", "identity"))).isGreaterThan(3_000 * 86_400d);
    String bundles = "io.signetmesh.v1.TrustBundles";
    assertThat(value(page, call("grpc_server_calls_open", bundles, "Watch", "BIDI_STREAMING")))
        .isGreaterThanOrEqualTo(4);
    assertThat(
            value(
                page,
                call(
                    "grpc_server_responses_sent_messages_total",
                    bundles,
                    "Watch",
                    "BIDI_STREAMING")))
        .isGreaterThanOrEqualTo(4);
  }

  @Test
  void identityCountsARefusalByItsReason() throws Exception {
    String refused = "signet_identity_certificates_refused_total{reason=\"token\"}";
    final double before = value(page(IDENTITY_ADMIN), refused);
    Path token = Files.writeString(mesh.scratch("token").resolve("token"), "no token at all");
    InstantSource clock = InstantSource.system();
    try (ControlLoops loops = ControlLoops.start(1);
        IdentityClient client =
            IdentityClient.start(
                IdentityClient.Config.of(
                    mesh.identity(frontend).dnsName(),
                    token,
                    mesh.trust(),
                    new ControlChannel.Address(
                        mesh.addresses().identity().getAddress().getHostAddress(),
                        mesh.addresses().identity().getPort()),
                    mesh.processes().names().identityServer().dnsName()),
                loops,
                clock)) {
      Await.until("a refusal", () -> value(page(IDENTITY_ADMIN), refused) > before);
      assertThat(client.current()).isNull();
    }
  }

  @Test
  void policyTellsItsStreamsAndItsCertificate() throws Exception {
    Await.until(
        "policy in force",
        () -> value(page(POLICY_ADMIN), "signet_policy_ports{state=\"in_force\"}") >= 1);
    String page = page(POLICY_ADMIN);

    assertProcess(page);
    assertThat(value(page, expiry("leaf", "policy"))).isBetween(80_000d, 90_000d);
    assertThat(value(page, expiry("trust_anchor", "policy"))).isGreaterThan(3_000 * 86_400d);
    assertThat(value(page, "signet_policy_streams")).isPositive();
    assertThat(value(page, "signet_policy_messages_total")).isPositive();
    assertThat(value(page, "signet_policy_apply_seconds_count")).isPositive();
    assertThat(
            value(
                page,
                call(
                    "grpc_server_calls_open",
                    "io.linkerd.proxy.inbound.InboundServerPolicies",
                    "WatchPort",
                    "SERVER_STREAMING")))
        .isPositive();
  }

  @Test
  void discoveryTellsItsStreams() throws Exception {
    String page = page(DISCOVERY_ADMIN);

    assertProcess(page);
    assertThat(value(page, expiry("leaf", "discovery"))).isBetween(80_000d, 90_000d);
    String destination = "io.linkerd.proxy.destination.Destination";
    assertThat(value(page, call("grpc_server_calls_open", destination, "Get", "SERVER_STREAMING")))
        .isPositive();
    assertThat(
            value(
                page,
                call(
                    "grpc_server_responses_sent_messages_total",
                    destination,
                    "Get",
                    "SERVER_STREAMING")))
        .isPositive();
  }

  @Test
  void promtoolHasNothingToSay() throws Exception {
    assumeTrue(isInstalled("promtool"), "promtool (Debian: prometheus) is not installed");
    for (int port : List.of(IDENTITY_ADMIN, POLICY_ADMIN, DISCOVERY_ADMIN)) {
      Tool.Result check = Tool.run(page(port), List.of("promtool", "check", "metrics"));
      assertThat(check.output()).isEmpty();
      assertThat(check.exitCode()).isZero();
    }
  }

  @Test
  void allServersInOneProcessHaveOnePage(@TempDir Path directory) throws Exception {
    try (Mesh one = Mesh.create(directory)) {
      one.start();
      InetSocketAddress admin =
          new InetSocketAddress(one.addresses().policy().getAddress(), POLICY_ADMIN);
      Await.until("the page", () -> one.get(admin, "/ready").status() == 200);
      String page = one.get(admin, "/metrics").body();

      assertProcess(page);
      for (String server : List.of("identity", "policy", "discovery")) {
        assertThat(value(page, expiry("leaf", server))).as(server).isPositive();
      }
      // The servers' own, and the audit collector's.
      assertThat(value(page, "signet_identity_certificates_issued_total")).isEqualTo(2);
      assertThat(value(page, "signet_policy_generation")).isPositive();
    }
  }

  private static boolean isInstalled(String program) {
    return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
  }
}
