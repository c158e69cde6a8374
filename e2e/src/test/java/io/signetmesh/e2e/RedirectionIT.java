package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.mesh.MeshProcesses;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.harness.Namespaces;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Applications that know nothing of the mesh, on hosts whose packets are redirected to proxies: see
 * {@code redirection.sh}.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RedirectionIT {
  private static final HostWorkload CLIENT = workload("client", "10.77.0.1", List.of());
  private static final HostWorkload SERVER = workload("server", "10.77.0.2", List.of(8080, 7070));

  private MeshProcesses mesh;
  private Path directory;
  private List<DecisionRecord> decisions;

  private static HostWorkload workload(String name, String address, List<Integer> ports) {
    return new HostWorkload(
        "shop", name, name, InetAddress.ofLiteral(address), ports, List.of(), List.of());
  }

  @BeforeAll
  @Timeout(170)
  void run(@TempDir Path directory) throws Exception {
    Namespaces.require();
    this.directory = directory;
    mesh =
        MeshProcesses.prepare(
            directory,
            MeshNames.DEFAULT,
            ControlPlane.at(InetAddress.ofLiteral("10.77.9.1")),
            Clock.systemUTC());
    Files.writeString(mesh.manifests().resolve("shop.yaml"), resource("redirection.yaml"));
    writeEnvironment(CLIENT);
    writeEnvironment(SERVER);
    Path script = directory.resolve("redirection.sh");
    Files.writeString(script, resource("redirection.sh"));
    Path output = directory.resolve("logs").resolve("redirection.log");
    ProcessBuilder builder =
        new ProcessBuilder(
            "unshare",
            "--map-root-user",
            "--net",
            "--mount",
            "bash",
            script.toString(),
            directory.toString());
    builder.environment().put("SIGNET_LAUNCHER", SignetProcess.launcher().toString());
    builder.redirectErrorStream(true).redirectOutput(output.toFile());
    Process process = builder.start();
    try {
      assertThat(process.waitFor(150, TimeUnit.SECONDS)).as("ended").isTrue();
      assertThat(process.exitValue()).as(() -> logs()).isZero();
    } finally {
      // Everything that the script started ends with this pipe.
      process.getOutputStream().close();
      process.destroy();
    }
    decisions = JournalTail.fromStart(mesh.journal(SERVER)).decisions();
  }

  @AfterAll
  void stop() {
    if (mesh != null) {
      mesh.close();
    }
  }

  private void writeEnvironment(HostWorkload workload) throws IOException {
    Map<String, String> environment = new HashMap<>(mesh.proxyEnvironment(workload));
    environment.put("SIGNET_PROXY_REDIRECT", "true");
    environment.put("LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "0.0.0.0:4143");
    environment.put("LINKERD2_PROXY_OUTBOUND_LISTEN_ADDR", "127.0.0.1:4140");
    // The application is where the client wanted to go.
    environment.remove("SIGNET_PROXY_APP_ADDR");
    StringBuilder script = new StringBuilder();
    environment.forEach(
        (name, value) ->
            script.append(name).append("='").append(value.replace("'", "'\\''")).append("'\n"));
    Files.writeString(directory.resolve(workload.name() + ".env"), script);
  }

  @Test
  void httpCrossesTheProxiesWithIdentity() throws Exception {
    assertThat(seen("http")).isEqualTo("web: GET /meshed for " + identity("client") + "\n\n200\n");
    DecisionRecord decision = decision(record -> "/meshed".equals(record.path()));
    assertThat(decision.allowed()).isTrue();
    assertThat(decision.clientIdentity()).isEqualTo(identity("client"));
    assertThat(decision.targetAddress()).isEqualTo("10.77.0.2:8080");
    assertThat(decision.clientAddress()).startsWith("10.77.0.1:");
    assertThat(decision.tlsVersion()).isEqualTo("TLSv1.3");
  }

  @Test
  void tcpCrossesTheProxiesWithIdentity() throws Exception {
    assertThat(seen("ledger")).startsWith("OK alice ");
    DecisionRecord decision =
        decision(record -> record.targetAddress().equals("10.77.0.2:7070") && record.allowed());
    assertThat(decision.clientIdentity()).isEqualTo(identity("client"));
    assertThat(decision.protocol()).isEqualTo("tcp");
    assertThat(decision.tlsVersion()).isEqualTo("TLSv1.3");
  }

  @Test
  void hostWithoutProxyIsRedirectedTooAndHasNoIdentity() throws Exception {
    assertThat(seen("plain")).endsWith("\n403\n").doesNotContain("web: GET");
    DecisionRecord http = decision(record -> "/plain".equals(record.path()));
    assertThat(http.allowed()).isFalse();
    assertThat(http.clientIdentity()).isNull();
    assertThat(http.tlsVersion()).isNull();
    assertThat(http.authorization()).contains("web-clients");

    assertThat(seen("plain-ledger")).isEmpty();
    DecisionRecord tcp =
        decision(record -> record.targetAddress().equals("10.77.0.2:7070") && !record.allowed());
    assertThat(tcp.clientIdentity()).isNull();
  }

  @Test
  void knocksThatKeepTheirConnectionsTakeABoundedNumberOfWatchesAndNoLabels() throws Exception {
    assertThat(seen("knocks").lines().filter(line -> line.startsWith("HTTP/1.1")))
        .hasSizeGreaterThan(100);
    String metrics = seen("metrics");
    assertThat(metrics.lines().filter(line -> line.startsWith("signet_policy_generation{")))
        .hasSizeBetween(2, 70);
    assertThat(metrics.lines().filter(line -> !line.startsWith("signet_policy_generation{")))
        .noneMatch(line -> line.contains("port=\"20"));
    assertThat(metrics).contains("signet_metrics_overflow_total 0");
    // The workload's own port is not affected.
    assertThat(seen("plain-after-knocks")).isEqualTo("403");
  }

  /** No FIN and no RST says so: packets are dropped. */
  @Test
  void whoWaitsForAHostThatVanishesIsTold() throws Exception {
    assertThat(seen("vanished-http")).startsWith("HTTP/1.1 502 ").endsWith("\n0\n");
    // The status of timeout(1) would be 124.
    assertThat(seen("vanished-ledger")).startsWith("OK alice ").doesNotEndWith("124\n");
    String metrics = seen("vanished-metrics");
    assertThat(metrics).contains("signet_connections_silent_total 1");
    assertThat(metrics.lines().filter(line -> line.startsWith("tcp_close_total")))
        .anyMatch(line -> line.contains("ETIMEDOUT"));
  }

  private DecisionRecord decision(Predicate<DecisionRecord> wanted) {
    return decisions.stream()
        .filter(wanted)
        .findFirst()
        .orElseThrow(() -> new AssertionError("not among " + decisions + "\n" + logs()));
  }

  private static String identity(String name) {
    return MeshNames.DEFAULT.identity("shop", name).dnsName();
  }

  private String seen(String name) throws IOException {
    return Files.readString(directory.resolve("seen").resolve(name));
  }

  private String logs() {
    StringBuilder text = new StringBuilder();
    try (var logs = Files.list(directory.resolve("logs"))) {
      for (Path log : logs.sorted().toList()) {
        text.append("---- ").append(log.getFileName()).append('\n').append(Files.readString(log));
      }
    } catch (IOException e) {
      text.append(e);
    }
    return text.toString();
  }

  private static String resource(String name) throws IOException {
    try (var in = RedirectionIT.class.getResourceAsStream("/" + name)) {
      if (in == null) {
        throw new IOException("no resource " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
