package io.signetmesh.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.process.Readiness;
import io.signetmesh.cli.process.SignetProcess;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The server commands as processes, and {@code signet policy status} beside them. */
final class ServersIT {
  private static final Duration LIMIT = Duration.ofSeconds(90);

  private final Deque<SignetProcess> processes = new ArrayDeque<>();
  private final LoopbackNet net = LoopbackNet.reserve();

  private final AutoCloseable issuer =
      DemoServices.start(DemoServices.Kind.ISSUER, net.address(3, 18_100));

  @TempDir private Path directory;

  ServersIT() throws IOException {}

  @BeforeEach
  void copyTheExample() throws IOException {
    Path examples = SignetProcess.launcher().resolveSibling("examples").resolve("quickstart");
    Files.createDirectories(manifests());
    try (Stream<Path> files = Files.list(examples)) {
      for (Path file : files.toList()) {
        Files.writeString(
            manifests().resolve(file.getFileName()),
            Files.readString(file).replace("127.10.0.", net.prefix()));
      }
    }
  }

  @AfterEach
  void end() throws Exception {
    issuer.close();
    processes.forEach(SignetProcess::close);
    net.close();
  }

  private Path manifests() {
    return directory.resolve("manifests");
  }

  private String address(int port) {
    return net.prefix() + "2:" + port;
  }

  private SignetProcess start(String name, String... arguments) throws IOException {
    SignetProcess process =
        SignetProcess.start(name, directory.resolve(name + ".log"), Map.of(), List.of(arguments));
    processes.push(process);
    return process;
  }

  private int run(String name, String... arguments) throws Exception {
    SignetProcess process = start(name, arguments);
    assertThat(process.awaitExit(LIMIT)).as(name + " ended").isTrue();
    return process.exitCode();
  }

  private void awaitListening(SignetProcess process, int port) throws Exception {
    Readiness.awaitListening(process, new InetSocketAddress(net.prefix() + "2", port), LIMIT);
  }

  private SignetProcess up(String... more) throws Exception {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "up",
                "--manifests",
                manifests().toString(),
                "--state",
                state(),
                "--identity-listen",
                address(8080),
                "--discovery-listen",
                address(8086),
                "--policy-listen",
                address(8090),
                "--key-set-networks",
                "127.0.0.0/8"));
    arguments.addAll(List.of(more));
    SignetProcess up = start("up", arguments.toArray(String[]::new));
    awaitListening(up, 8090);
    return up;
  }

  private String state() {
    return directory.resolve("state").toString();
  }

  private JsonNode status() throws Exception {
    assertThat(run("check", "check", "--state", state(), "--wait", "60s"))
        .as(() -> text("check"))
        .isZero();
    assertThat(run("status", "policy", "status", "--state", state(), "--wait", "60s", "--json"))
        .as(() -> text("status"))
        .isZero();
    return new ObjectMapper().readTree(text("status"));
  }

  private String text(String name) {
    try {
      return Files.readString(directory.resolve(name + ".log"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Test
  void upRunsAllPartsAndEndsWithZeroWhenAsked() throws Exception {
    SignetProcess up = up();
    JsonNode status = status();
    assertThat(status.path("ports"))
        .extracting(port -> port.path("name").asText() + ":" + port.path("port").asInt())
        // The admin port of each proxy is under policy as well.
        .containsExactly(
            "account:4191",
            "account:8081",
            "frontend:4191",
            "greeter:4191",
            "greeter:9090",
            "intruder:4191",
            "ledger:4191",
            "ledger:7070",
            "web:4191",
            "web:8080");
    assertThat(status.path("findings")).isEmpty();
    assertThat(text("check"))
        .contains(
            "ok    the identity server takes connections at " + address(8080),
            "ok    the issuer leads to anchor ",
            "ok    no rotation of anchors is under way",
            "ok    all manifests are valid",
            "ok    JWTAuthentication shop/customers: 1 keys, fetched at ",
            ", 0 warnings, 0 failures");
    up.terminate();
    assertThat(up.awaitExit(LIMIT)).isTrue();
    assertThat(up.exitCode()).as(() -> text("up")).isZero();
    assertThat(run("after", "check", "--state", state(), "-o", "short"))
        .as(() -> text("after"))
        .isEqualTo(ExitCode.NEGATIVE);
    assertThat(text("after"))
        .contains(
            "FAIL  the policy controller takes no connections at " + address(8090),
            "      start it ('signet up')")
        .doesNotContain("ok  ");
  }

  @Test
  void questionsAboutPolicyAreAnsweredByTheControllerThatRuns() throws Exception {
    up();
    status();
    String frontend = net.prefix() + "20";
    JsonNode both =
        explainedAlike("both", "--client-identity", "shop/intruder", "--client-ip", frontend);
    assertThat(both.path("verdict").asText()).isEqualTo("deny");
    assertThat(both.has("authorization")).isTrue();
    JsonNode identity = explainedAlike("identity", "--client-identity", "shop/frontend");
    assertThat(identity.path("verdict").asText()).isEqualTo("allow");
    assertThat(identity.at("/client/ip").asText()).isEqualTo(frontend);
    assertThat(identity.at("/client/ipAssumed").asBoolean()).isTrue();
    JsonNode address = explainedAlike("address", "--client-ip", frontend);
    assertThat(address.path("verdict").asText()).isEqualTo("deny");
    assertThat(address.at("/client/identity").isMissingNode()).isTrue();
    assertThat(address.at("/client/addressOf/workload").asText()).isEqualTo("shop/frontend");
    JsonNode nobody = explainedAlike("nobody", "--client-identity", "shop/nobody");
    assertThat(nobody.at("/client/ip").asText()).isEqualTo("192.0.2.1");
    assertThat(
            run(
                "unknown",
                "policy",
                "explain",
                "--server",
                "--state",
                state(),
                "--workload",
                "shop/webb",
                "--port",
                "8080"))
        .as(() -> text("unknown"))
        .isEqualTo(ExitCode.CONFIGURATION);
    assertThat(text("unknown")).contains("shop/webb", "did you mean \"shop/web\"?");
    assertThat(run("authz", "authz", "-n", "shop", "--server", "--state", state()))
        .as(() -> text("authz"))
        .isZero();
    assertThat(text("authz")).contains("authorizationpolicy/web-from-storefront");
  }

  /** The answer of the controller, which is that of the manifests but for its generation. */
  private JsonNode explainedAlike(String name, String... client) throws Exception {
    List<String> offline = new ArrayList<>(List.of("-f", manifests().toString()));
    List<String> online = new ArrayList<>(List.of("--server", "--state", state()));
    offline.addAll(List.of(client));
    online.addAll(List.of(client));
    String manifests = explainedText("offline-" + name, offline);
    String controller = explainedText("online-" + name, online);
    assertThat(controller.replaceFirst("\n  generation .*", "")).isEqualTo(manifests);
    offline.addAll(List.of("-o", "json"));
    online.addAll(List.of("-o", "json"));
    ObjectMapper mapper = new ObjectMapper();
    JsonNode expected = mapper.readTree(explainedText("offline-json-" + name, offline));
    JsonNode answer = mapper.readTree(explainedText("online-json-" + name, online));
    assertThat(answer.path("generation").asLong()).isPositive();
    ((ObjectNode) answer).remove("generation");
    assertThat((Object) answer).isEqualTo(expected);
    return answer;
  }

  private String explainedText(String name, List<String> options) throws Exception {
    List<String> arguments = new ArrayList<>(options);
    arguments.addAll(List.of("--workload", "shop/web", "--port", "8080", "--path", "/catalog"));
    return answer(name, arguments);
  }

  private String answer(String name, List<String> options) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("policy", "explain"));
    arguments.addAll(options);
    assertThat(run(name, arguments.toArray(String[]::new))).as(() -> text(name)).isZero();
    return text(name);
  }

  @Test
  void questionsToTheControllerAreAnsweredByItsOwnOptions() throws Exception {
    Files.writeString(
        manifests().resolve("probed.yaml"),
        """
        apiVersion: v1
        kind: Pod
        metadata:
          name: probed
          namespace: shop
          labels: {linkerd.io/control-plane-ns: linkerd}
        spec:
          containers:
            - name: app
              image: example/probed
              ports: [{containerPort: 8080}, {containerPort: 9999}]
              readinessProbe: {httpGet: {path: /ready, port: 8080}}
        """);
    String[] options = {"--probe-networks", "10.1.0.0/16", "--default-opaque-ports", "9999"};
    up(options);
    assertThat(probed("probe", "8080", "10.1.2.3", options)).startsWith("allowed");
    assertThat(probed("stranger", "8080", "10.2.2.3", options)).startsWith("denied");
    probed("opaque", "9999", "10.2.2.3", options);
  }

  /** The answer of the controller, which is that of the manifests with the controller's options. */
  private String probed(String name, String port, String client, String... options)
      throws Exception {
    List<String> question = List.of("--workload", "shop/probed", "--port", port);
    List<String> online = new ArrayList<>(question);
    online.addAll(List.of("--client-ip", client, "--path", "/ready", "--server"));
    List<String> byDefault = new ArrayList<>(question);
    byDefault.addAll(List.of("--client-ip", client, "--path", "/ready"));
    byDefault.addAll(List.of("-f", manifests().toString()));
    List<String> offline = new ArrayList<>(byDefault);
    offline.addAll(List.of(options));
    online.addAll(List.of("--state", state()));
    String answer = answer("online-" + name, online).replaceFirst("\n  generation .*", "");
    assertThat(answer).isEqualTo(answer("offline-" + name, offline));
    if (!answer.startsWith("allowed")) {
      assertThat(answer).isNotEqualTo(answer("default-" + name, byDefault));
    }
    return answer;
  }

  @Test
  void theProxyOfAPodThatChangesIsReplacedWithoutAnInterruption() throws Exception {
    SignetProcess up = up();
    status();
    InetSocketAddress kept = new InetSocketAddress(net.prefix() + "20", 18_080);
    InetSocketAddress added = new InetSocketAddress(net.prefix() + "20", 18_082);
    InetSocketAddress removed = new InetSocketAddress(net.prefix() + "20", 17_070);
    InetSocketAddress admin = new InetSocketAddress(net.prefix() + "20", 4191);
    assertThat(answers(kept, "/")).isNotEmpty();
    AtomicBoolean stopped = new AtomicBoolean();
    List<String> failures = new CopyOnWriteArrayList<>();
    Thread load =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (!stopped.get()) {
                    try {
                      // There is no application: any answer of the proxy will do.
                      answers(kept, "/");
                      if (!answers(admin, "/ready").equals("HTTP/1.1 200")) {
                        failures.add("not ready");
                      }
                    } catch (IOException e) {
                      failures.add(e.toString());
                    }
                  }
                });
    try {
      // The second edit comes while the proxy of the first is not ready, or just is.
      edit(
          "clients.yaml",
          "20:18080=",
          "20:18081=web.shop.svc.cluster.local:80,\n      " + net.prefix() + "20:18080=");
      edit("clients.yaml", "20:18081=", "20:18082=");
      edit("clients.yaml", "20:17070=", "20:17071=");
      await("the new listener", () -> connects(added));
      await("the old one is closed", () -> !connects(removed));
      await(
          "it was replaced",
          () -> text("up").contains("proxy of shop/frontend is replaced, because its pod"));
    } finally {
      stopped.set(true);
      load.join();
    }
    assertThat(failures).isEmpty();
    assertThat(text("up")).doesNotContain("cannot start");
    up.terminate();
    assertThat(up.awaitExit(LIMIT)).isTrue();
    assertThat(up.exitCode()).as(() -> text("up")).isZero();
  }

  /** An identity may have been taken away because it was stolen. */
  @Test
  void theProxyOfAPodWithAnotherServiceAccountDoesNotGoOnWithTheOldOne() throws Exception {
    SignetProcess up = up();
    status();

    edit("clients.yaml", "serviceAccountName: frontend", "serviceAccountName: other");

    await(
        "the end of the old proxy",
        () ->
            text("up")
                .contains("proxy of shop/frontend ends: its pod has another service account"));
    assertThat(text("up")).doesNotContain("proxy of shop/frontend is replaced");
    up.terminate();
    assertThat(up.awaitExit(LIMIT)).isTrue();
  }

  private void edit(String file, String what, String by) throws IOException {
    Path edited = directory.resolve("edited.yaml");
    Path manifest = manifests().resolve(file);
    Files.writeString(edited, Files.readString(manifest).replaceFirst(what, by));
    Files.move(
        edited, manifest, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private void await(String what, BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + LIMIT.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime() - end).as(() -> what + "\n" + text("up")).isNegative();
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  private static boolean connects(InetSocketAddress server) {
    try (Socket socket = new Socket()) {
      socket.connect(server, 5_000);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** The version and the status of the answer to a GET on a connection of its own. */
  private static String answers(InetSocketAddress server, String path) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(server, 20_000);
      socket.setSoTimeout(20_000);
      socket
          .getOutputStream()
          .write(
              ("GET " + path + " HTTP/1.1\r\nHost: web.shop\r\nConnection: close\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      byte[] head = socket.getInputStream().readNBytes(12);
      if (head.length < 12) {
        throw new IOException("no answer");
      }
      return new String(head, StandardCharsets.US_ASCII);
    }
  }

  @Test
  void anInvalidEditIsReportedWithItsPlaceAndTheLastGoodStateStays() throws Exception {
    SignetProcess up = up();
    final long before = status().path("generation").asLong();
    Path broken = directory.resolve("broken.yaml");
    Files.writeString(broken, "apiVersion: policy.linkerd.io/v1beta3\nkind: Servr\n");
    Files.move(broken, manifests().resolve("broken.yaml"), StandardCopyOption.ATOMIC_MOVE);
    long end = System.nanoTime() + LIMIT.toNanos();
    while (up.lastLines(50).stream().noneMatch(line -> line.contains("broken.yaml:1:1"))) {
      assertThat(System.nanoTime() - end).as(() -> text("up")).isNegative();
      TimeUnit.MILLISECONDS.sleep(50);
    }
    Files.delete(directory.resolve("status.log"));
    assertThat(run("status", "policy", "status", "--state", state(), "--json"))
        .as(() -> text("status"))
        .isEqualTo(ExitCode.NEGATIVE);
    JsonNode now = new ObjectMapper().readTree(text("status"));
    assertThat(now.path("generation").asLong()).isEqualTo(before);
    assertThat(now.path("findings").toString()).contains("broken.yaml:1:1");
  }

  @Test
  void eachServerAlsoRunsByItself() throws Exception {
    SignetProcess identity =
        start("identity", "identity", "--state", state(), "--listen", address(8080));
    awaitListening(identity, 8080);
    SignetProcess policy =
        start(
            "policy",
            "policy",
            "--manifests",
            manifests().toString(),
            "--state",
            state(),
            "--identity-addr",
            address(8080),
            "--listen",
            address(8090),
            "--key-set-networks",
            "127.0.0.0/8");
    assertThat(
            run(
                "token",
                "token",
                "linkerd/linkerd-destination",
                "--state",
                state(),
                "--file",
                directory.resolve("token").toString()))
        .isZero();
    SignetProcess discovery =
        start(
            "discovery",
            "discovery",
            "--manifests",
            manifests().toString(),
            "--identity-addr",
            address(8080),
            "--trust-anchors",
            directory.resolve("state/ca/anchor.crt").toString(),
            "--token-file",
            directory.resolve("token").toString(),
            "--listen",
            address(8086));
    awaitListening(policy, 8090);
    awaitListening(discovery, 8086);
    // Until the keys of the tokens' issuer are fetched, an object does not do what it says.
    long end = System.nanoTime() + LIMIT.toNanos();
    int code;
    do {
      code =
          run(
              "status",
              "policy",
              "status",
              "--state",
              state(),
              "--identity-addr",
              address(8080),
              "--policy-addr",
              address(8090));
    } while (code == ExitCode.IN_FORCE_WITH_ERRORS && System.nanoTime() - end < 0);
    assertThat(code).as(() -> text("status")).isZero();
    assertThat(text("status")).contains("in force on 0 of 0 ports");
  }
}
