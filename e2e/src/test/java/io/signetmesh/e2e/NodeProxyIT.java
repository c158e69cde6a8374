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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One data plane for five pods in network namespaces of their own: see {@code node-proxy.sh}. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NodeProxyIT {
  private static final HostWorkload WEB = workload("web", "10.78.0.11", List.of(8080, 7070));
  private static final HostWorkload CLIENT = workload("client", "10.78.0.12", List.of());
  private static final HostWorkload FAR = workload("far", "10.78.0.21", List.of(8080));
  private static final List<HostWorkload> ALL =
      List.of(
          WEB,
          CLIENT,
          workload("leaving", "10.78.0.13", List.of()),
          workload("flood", "10.78.0.14", List.of()),
          workload("broken", "10.78.0.15", List.of()),
          FAR);

  /** What the environment of the node has for all of its proxies. */
  private static final List<String> COMMON =
      List.of(
          "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS",
          "LINKERD2_PROXY_IDENTITY_SVC_ADDR",
          "LINKERD2_PROXY_IDENTITY_SVC_NAME",
          "LINKERD2_PROXY_DESTINATION_SVC_ADDR",
          "LINKERD2_PROXY_DESTINATION_SVC_NAME",
          "LINKERD2_PROXY_POLICY_SVC_ADDR",
          "LINKERD2_PROXY_POLICY_SVC_NAME");

  /** On a busy machine what is dialled locally may take longer than the default. */
  private static final Map<String, String> PATIENT =
      Map.of(
          "LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT", "5s",
          "LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT", "8s");

  private MeshProcesses mesh;
  private Path directory;

  private static HostWorkload workload(String name, String address, List<Integer> ports) {
    return new HostWorkload(
        "shop", name, name, InetAddress.ofLiteral(address), ports, List.of(), List.of());
  }

  @BeforeAll
  @Timeout(300)
  void run(@TempDir Path directory) throws Exception {
    Namespaces.require();
    this.directory = directory;
    mesh =
        MeshProcesses.prepare(
            directory,
            MeshNames.DEFAULT,
            ControlPlane.at(InetAddress.ofLiteral("10.78.9.1")),
            Clock.systemUTC());
    Files.writeString(mesh.manifests().resolve("shop.yaml"), resource("node-proxy.yaml"));
    Map<String, String> common = new HashMap<>();
    for (HostWorkload workload : ALL) {
      // Issues its token, too.
      Map<String, String> environment = new HashMap<>(mesh.proxyEnvironment(workload));
      environment.putAll(PATIENT);
      if (workload.equals(FAR)) {
        environment.put("SIGNET_PROXY_REDIRECT", "true");
        environment.put("LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "0.0.0.0:4143");
        environment.put("LINKERD2_PROXY_OUTBOUND_LISTEN_ADDR", "127.0.0.1:4140");
        environment.remove("SIGNET_PROXY_APP_ADDR");
        write("far.env", environment);
      }
      COMMON.forEach(name -> common.put(name, environment.get(name)));
    }
    common.putAll(PATIENT);
    write("node.env", common);
    Path script = directory.resolve("node-proxy.sh");
    Files.writeString(script, resource("node-proxy.sh"));
    Path output = directory.resolve("logs").resolve("node-proxy.log");
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
      assertThat(process.waitFor(280, TimeUnit.SECONDS)).as(() -> "ended\n" + logs()).isTrue();
      assertThat(process.exitValue()).as(() -> logs()).isZero();
    } finally {
      // Everything that the script started ends with this pipe.
      process.getOutputStream().close();
      process.destroy();
    }
  }

  @AfterAll
  void stop() {
    if (mesh != null) {
      mesh.close();
    }
  }

  private void write(String file, Map<String, String> environment) throws IOException {
    StringBuilder script = new StringBuilder();
    environment.forEach(
        (name, value) ->
            script.append(name).append("='").append(value.replace("'", "'\\''")).append("'\n"));
    Files.writeString(directory.resolve(file), script);
  }

  @Test
  void noRequestFailsWhateverHappensToOtherWorkloadsAndToTheProcess() throws Exception {
    for (String each : List.of("near", "far", "from-far", "leaving")) {
      assertThat(seen(each).lines().distinct())
          .as(() -> each + "\n" + logs())
          .containsExactly("200");
    }
    assertThat(seen("last")).isEqualTo("200\n");
  }

  @Test
  void clientsAreSeenWithTheirOwnAddressAndIdentity() throws Exception {
    List<DecisionRecord> web = decisions(directory.resolve("node/audit/shop.web.jsonl"));
    for (String client : List.of("client", "leaving", "far")) {
      String path =
          Map.of("client", "/near", "leaving", "/leaving", "far", "/from-far").get(client);
      List<DecisionRecord> found =
          web.stream().filter(each -> each.path() != null && each.path().startsWith(path)).toList();
      assertThat(found)
          .isNotEmpty()
          .allMatch(DecisionRecord::allowed)
          .allMatch(each -> identity(client).equals(each.clientIdentity()))
          .allMatch(each -> "TLSv1.3".equals(each.tlsVersion()))
          .allMatch(each -> each.clientAddress().startsWith(address(client) + ":"));
    }
    assertThat(decisions(mesh.journal(FAR)))
        .filteredOn(each -> each.path() != null && each.path().startsWith("/far"))
        .isNotEmpty()
        .allMatch(DecisionRecord::allowed)
        .allMatch(each -> identity("client").equals(each.clientIdentity()))
        .allMatch(each -> each.clientAddress().startsWith(address("client") + ":"));
  }

  @Test
  void aWorkloadThatIsBrokenIsNamedAndTheOthersAreReady() throws Exception {
    assertThat(seen("broken"))
        .contains("shop/broken failed: proxy of shop/broken cannot start: ")
        .contains("LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT")
        .contains("soon");
    for (String list : List.of("list", "list-2")) {
      assertThat(seen(list).lines().map(line -> line.split(":", 2)[0]))
          .as(list)
          .containsExactly(
              "shop/broken failed", "shop/client ready", "shop/flood ready", "shop/web ready");
    }
  }

  @Test
  void aWorkloadThatIsRemovedDrainsAndItsNetworkIsLeft() throws Exception {
    assertThat(seen("removed")).isEqualTo("shop/leaving draining: it was removed\n");
    // Its packets are redirected to nobody.
    assertThat(seen("after-removal")).contains("curl 7");
  }

  @Test
  void theSocketIsForItsUserOnlyAndAllThreadsAreAtHome() throws Exception {
    assertThat(seen("mode")).isEqualTo("600\n");
    assertThat(seen("namespaces").lines()).hasSize(1);
    assertThat(seen("metrics")).contains("tcp_open_total");
  }

  @Test
  void aLongConnectionOutlivesTheProcessThatIsReplacedUntilItEnds() throws Exception {
    assertThat(seen("first-while-long")).isEqualTo("alive\n");
    assertThat(seen("long").lines()).isNotEmpty().allMatch(line -> line.startsWith("OK alice "));
    assertThat(seen("first-exit")).isEqualTo("0\n");
    assertThat(seen("second-exit")).isEqualTo("0\n");
  }

  @Test
  void aSuccessorThatDiesBeforeItHasAllLeavesAllToItsPredecessor() throws Exception {
    assertThat(seen("list-3").lines().map(line -> line.split("[ :]", 3)[0]))
        .containsExactly("shop/broken", "shop/client", "shop/flood", "shop/web");
    assertThat(Files.readString(directory.resolve("logs/node.2.log")))
        .contains("has not taken over: this one goes on");
  }

  private static List<DecisionRecord> decisions(Path journal) throws IOException {
    return JournalTail.fromStart(journal).decisions();
  }

  private static String identity(String name) {
    return MeshNames.DEFAULT.identity("shop", name).dnsName();
  }

  private static String address(String name) {
    return ALL.stream()
        .filter(each -> each.name().equals(name))
        .findFirst()
        .orElseThrow()
        .address()
        .getHostAddress();
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
    try (var in = NodeProxyIT.class.getResourceAsStream("/" + name)) {
      if (in == null) {
        throw new IOException("no resource " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
