package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.Tool;
import io.signetmesh.testkit.IdentityProvider;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Requests with tokens of an identity provider whose keys the controller fetches over HTTPS. */
@Tag("alone")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@Timeout(180)
class TokensIT {
  private static final Duration REFRESH = Duration.ofSeconds(2);

  /** More than a fetch may take that gets no answer. */
  private static final Duration FETCH = Duration.ofSeconds(30);

  private Mesh mesh;
  private MeshWorkload client;
  private MeshWorkload server;
  private IdentityProvider provider;
  private InetAddress loopback;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    loopback = InetAddress.getLoopbackAddress();
    Path certificate = directory.resolve("login.crt");
    provider = new IdentityProvider(tls(directory, certificate), "127.0.0.1", loopback, 0);
    mesh = Mesh.create(directory.resolve("mesh"));
    mesh.closeWithMesh(provider);
    client = mesh.workload("client").upstream(9080, "web.shop.svc.cluster.local:80");
    server = mesh.workload("server").port("http", 8080);
    mesh.service("web", server, 80, "http");
    mesh.server("web", server, "http", "HTTP/1");
    mesh.manifest(
        "users",
        """
        apiVersion: policy.signetmesh.io/v1alpha1
        kind: JWTAuthentication
        metadata: {name: users, namespace: shop}
        spec:
          issuer: %s
          audiences: [web]
          keys:
            discovery: %s/.well-known/openid-configuration
            refreshInterval: %ds
            maxAge: 10m
            caBundle: |
        %s
          claims:
            - {path: [role], anyOf: [clerk, admin]}
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: web, namespace: shop}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: web}
          requiredAuthenticationRefs:
            - {kind: ServiceAccount, name: client}
            - {group: policy.signetmesh.io, kind: JWTAuthentication, name: users}
        """
            .formatted(
                provider.issuer(),
                provider.issuer(),
                REFRESH.toSeconds(),
                Files.readString(certificate).strip().indent(8).stripTrailing()));
    mesh.start(Map.of(), "--key-set-networks", "127.0.0.0/8");
    mesh.closeWithMesh(TcpServer.start(server.at(8080), Applications::targets));
    Await.until("tokens are accepted", () -> status(token()) == 200);
  }

  private static SSLContext tls(Path directory, Path certificate) throws Exception {
    Path key = directory.resolve("login.key");
    Path store = directory.resolve("login.p12");
    for (String[] command :
        new String[][] {
          {
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-subj", "/CN=login", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
            "-keyout", key.toString(), "-out", certificate.toString()
          },
          {
            "openssl",
            "pkcs12",
            "-export",
            "-passout",
            "pass:login",
            "-inkey",
            key.toString(),
            "-in",
            certificate.toString(),
            "-out",
            store.toString()
          }
        }) {
      Tool.Result result = Tool.run(command);
      assertThat(result.exitCode()).as(result.output()).isZero();
    }
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, "login".toCharArray());
    }
    KeyManagerFactory managers =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(keys, "login".toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(managers.getKeyManagers(), null, null);
    return context;
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  private String token() {
    return provider.token(claims -> claims.subject("alice").audience("web").claim("role", "clerk"));
  }

  private int status(@Nullable String token) throws IOException {
    try (HttpConnection connection = HttpConnection.open(client.at(9080))) {
      return status(connection, token);
    }
  }

  private static int status(HttpConnection connection, @Nullable String token) throws IOException {
    connection.send(
        "GET /orders HTTP/1.1\r\nHost: web.shop\r\n"
            + (token == null ? "" : "Authorization: Bearer " + token + "\r\n")
            + "\r\n");
    return connection.answer().status();
  }

  @Test
  @Order(1)
  void tokensAreHeldToAllThatThePolicySays() throws Exception {
    assertThat(status(null)).isEqualTo(401);
    assertThat(status(token())).isEqualTo(200);
    assertThat(status("x.y.z")).isEqualTo(401);
    assertThat(status(provider.token("alice", "elsewhere"))).isEqualTo(401);
    assertThat(
            status(
                provider.token(
                    claims -> claims.subject("alice").audience("web").claim("role", "guest"))))
        .isEqualTo(403);
    assertThat(
            status(
                provider.token(
                    claims ->
                        claims
                            .subject("alice")
                            .audience("web")
                            .claim("role", "clerk")
                            .expirationTime(Date.from(Instant.now().minusSeconds(600))))))
        .isEqualTo(401);
    String journal = Files.readString(mesh.journalFile(server));
    assertThat(journal)
        .contains("\"token\":{\"issuer\":\"" + provider.issuer() + "\",\"subject\":\"alice\"")
        .contains("\"reason\":\"claim-mismatch\"")
        .doesNotContain("eyJ");
  }

  private void awaitFetches(int more) {
    int before = provider.fetches();
    Await.until("keys are fetched", FETCH, () -> provider.fetches() >= before + more);
  }

  /** One request after the other, each with a token that no proxy has seen. */
  private final class Traffic implements AutoCloseable {
    private final ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
    private final AtomicLong answered = new AtomicLong();
    private final Thread thread = Thread.ofPlatform().daemon().start(this::run);
    private volatile boolean stopped;

    private void run() {
      try (HttpConnection connection = HttpConnection.open(client.at(9080))) {
        while (!stopped) {
          int status = status(connection, token());
          if (status == 200) {
            answered.incrementAndGet();
          } else {
            failures.add(Instant.now() + " " + status);
          }
          Thread.sleep(10);
        }
      } catch (IOException e) {
        failures.add(Instant.now() + " " + e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    /** Waits until requests that begin now have been answered. */
    void awaitAnswers() {
      long before = answered.get();
      Await.until(
          "requests are answered", () -> answered.get() > before + 20 || !failures.isEmpty());
    }

    @Override
    public void close() throws InterruptedException {
      stopped = true;
      thread.join(Duration.ofSeconds(20));
      assertThat(thread.isAlive()).isFalse();
    }
  }

  @Test
  @Order(2)
  void noTroubleOfTheProviderFailsAValidRequest() throws Exception {
    try (Traffic traffic = new Traffic()) {
      for (IdentityProvider.Mode mode : IdentityProvider.Mode.values()) {
        provider.mode(mode);
        // The first one may have begun before.
        awaitFetches(2);
        traffic.awaitAnswers();
        assertThat(traffic.failures).as("while the provider is %s", mode).isEmpty();
      }
      provider.mode(IdentityProvider.Mode.GOOD);
      provider.stop();
      Await.until(
          "the controller says that it cannot fetch",
          FETCH,
          () -> Mesh.output(mesh.controlPlane()).contains("cannot be reached"));
      traffic.awaitAnswers();
      provider.restart(loopback);
      assertThat(traffic.failures).as("while the provider is away").isEmpty();
      // Back in order; the next keys are fetched.
      awaitFetches(1);
      provider.rotate();
      traffic.awaitAnswers();
      awaitFetches(2);
      traffic.awaitAnswers();
      assertThat(traffic.failures).as("after a rotation of its key").isEmpty();
    }
  }

  @Test
  @Order(3)
  void aKeyThatIsWithdrawnEndsWithTheNextRefresh() throws Exception {
    String old = token();
    assertThat(status(old)).isEqualTo(200);
    try (Traffic traffic = new Traffic()) {
      provider.rotate();
      traffic.awaitAnswers();
      long withdrawn = System.nanoTime();
      provider.withdrawOldKeys();
      Await.until(
          "the old key is refused",
          REFRESH.plusSeconds(5).plusSeconds(5),
          () -> status(old) == 401);
      assertThat(Duration.ofNanos(System.nanoTime() - withdrawn))
          .isLessThan(REFRESH.plusSeconds(5));
      assertThat(traffic.failures).isEmpty();
    }
  }

  @Test
  @Order(4)
  void aControlPlaneThatStartsWithoutTheProviderUsesTheKeysItHad() throws Exception {
    provider.stop();
    mesh.controlPlane().kill();
    SignetProcess again = mesh.startControlPlane("--key-set-networks", "127.0.0.0/8");
    Await.until("tokens are accepted", () -> status(token()) == 200);
    // The new control plane has tried, and what it says after that is in force.
    Await.until(
        "the controller says that it cannot fetch",
        FETCH,
        () -> Mesh.output(again).contains("cannot be reached"));
    SignetProcess inForce =
        mesh.run(
            "status",
            Map.of(),
            "policy",
            "status",
            "--state",
            mesh.processes().state().toString(),
            "--wait",
            "10s");
    assertThat(inForce.awaitExit(Duration.ofSeconds(30))).isTrue();
    assertThat(Mesh.output(inForce)).contains("stale");
    for (int i = 0; i < 10; i++) {
      assertThat(status(token())).isEqualTo(200);
    }
    provider.restart(loopback);
  }
}
