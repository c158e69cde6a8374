package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.identity.channel.LocalPeer;
import io.spiffe.exception.JwtSvidException;
import io.spiffe.provider.SpiffeSslContextFactory;
import io.spiffe.provider.SpiffeSslContextFactory.SslContextOptions;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import io.spiffe.svid.jwtsvid.JwtSvid;
import io.spiffe.svid.x509svid.X509Svid;
import io.spiffe.workloadapi.DefaultWorkloadApiClient;
import io.spiffe.workloadapi.DefaultX509Source;
import io.spiffe.workloadapi.WorkloadApiClient;
import io.spiffe.workloadapi.X509Source;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * java-spiffe, as it is, against {@code signet identity agent} and a proxy. Leaves live for
 * seconds. This process is {@code frontend}, whom port 18080 of {@code web} is open for.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class WorkloadApiClientIT {
  private static final int IDENTIFIED = 18_080;
  private static final String DOMAIN = "cluster.local";

  private Mesh mesh;
  private MeshWorkload web;
  private Path entries;
  private SignetProcess agent;
  private String endpoint;
  private X509Source source;
  private WorkloadApiClient client;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    web = mesh.workload("web").port("http", 8080).redirect(IDENTIFIED, 8080);
    mesh.server("web", web, "http", "HTTP/1");
    mesh.allowIdentities("web", "web", "frontend");
    mesh.start("--leaf-lifetime", "4s", "--clock-skew", "4s");
    mesh.application(web, DemoServices.Kind.HTTP, 8080);
    Path socket = directory.resolve("run").resolve("workload.sock");
    entries = directory.resolve("entries.yaml");
    allow("unix:uid:" + LocalPeer.ownUser());
    agent =
        mesh.run(
            "agent",
            Map.of(),
            "identity",
            "agent",
            "--config",
            entries.toString(),
            "--socket",
            socket.toString(),
            "--state",
            mesh.processes().state().toString());
    endpoint = "unix:" + socket;
    Await.until("the agent serves", Duration.ofSeconds(40), () -> Files.exists(socket));
    source =
        mesh.closeWithMesh(
            DefaultX509Source.newSource(
                DefaultX509Source.X509SourceOptions.builder()
                    .spiffeSocketPath(endpoint)
                    .initTimeout(Duration.ofSeconds(30))
                    .build()));
    client =
        mesh.closeWithMesh(
            DefaultWorkloadApiClient.newClient(
                DefaultWorkloadApiClient.ClientOptions.builder()
                    .spiffeSocketPath(endpoint)
                    .build()));
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  @Test
  void svidsComeAndRotate() throws Exception {
    X509Svid first = source.getX509Svid();
    assertThat(first.getSpiffeId()).isEqualTo(id("frontend"));
    assertThat(first.getHint()).isEqualTo("shop");
    X509Certificate anchor =
        source
            .getBundleForTrustDomain(TrustDomain.parse(DOMAIN))
            .getX509Authorities()
            .iterator()
            .next();
    first.getChain().getLast().verify(anchor.getPublicKey());

    Await.until("another leaf", () -> !source.getX509Svid().getLeaf().equals(first.getLeaf()));
    assertThat(source.getX509Svid().getPrivateKey()).isNotEqualTo(first.getPrivateKey());
    assertThat(source.getX509Svid().getSpiffeId()).isEqualTo(id("frontend"));
  }

  @Test
  void mutualTlsWithAProxy() throws Exception {
    JournalTail journal = mesh.journal(web);

    assertThat(get(Set.of(id("web")))).startsWith("HTTP/1.1 200 OK").contains("web: GET /spiffe");

    DecisionRecord decision =
        journal
            .await(record -> "/spiffe".equals(record.path()), Duration.ofSeconds(10))
            .orElseThrow();
    assertThat(decision.allowed()).isTrue();
    assertThat(decision.clientIdentity()).isEqualTo(mesh.identity("frontend").dnsName());
  }

  @Test
  void aProxyOfAnotherIdentityIsRefused() {
    assertThatThrownBy(() -> get(Set.of(id("cart"))))
        .isInstanceOf(SSLException.class)
        .hasStackTraceContaining(id("web") + " in X.509 certificate is not accepted");
  }

  @Test
  void jwtSvidsVerifyByTheBundleAndByTheAgent() throws Exception {
    JwtSvid svid = client.fetchJwtSvid("payments", "ledger");

    assertThat(svid.getSpiffeId()).isEqualTo(id("frontend"));
    assertThat(svid.getAudience()).containsExactlyInAnyOrder("payments", "ledger");
    Await.until(
        "the bundle vouches for it",
        () ->
            JwtSvid.parseAndValidate(svid.getToken(), client.fetchJwtBundles(), Set.of("payments"))
                .getSpiffeId()
                .equals(id("frontend")));
    assertThat(client.validateJwtSvid(svid.getToken(), "ledger").getSpiffeId())
        .isEqualTo(id("frontend"));
    assertThatThrownBy(() -> client.validateJwtSvid(svid.getToken(), "others"))
        .isInstanceOf(JwtSvidException.class);
  }

  @Test
  void bundlesComeByTrustDomain() throws Exception {
    assertThat(client.fetchX509Bundles().getBundles()).containsOnlyKeys(TrustDomain.parse(DOMAIN));
    assertThat(client.fetchX509Context().getDefaultSvid().getSpiffeId()).isEqualTo(id("frontend"));
  }

  @Test
  void entriesThatAreNotValidAreReportedWithTheirPlaceAndDoNotComeIntoForce() throws Exception {
    allow("unix:user:root");
    Await.until(
        "the mistake is reported",
        () ->
            Mesh.output(agent)
                .contains(entries + ":3:15: error: selectors[0]: selector \"unix:user:root\""));
    assertThat(client.fetchX509Context().getX509Svids()).hasSize(1);

    allow("unix:uid:" + LocalPeer.ownUser());
  }

  private void allow(String selector) throws IOException {
    Path next = entries.resolveSibling("entries.next");
    Files.writeString(
        next,
        """
        - namespace: shop
          serviceAccount: frontend
          selectors: ["%s"]
          hint: shop
        """
            .formatted(selector));
    Files.move(next, entries, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** A request to the proxy, by an SSLContext of java-spiffe that accepts these identities. */
  private String get(Set<SpiffeId> accepted) throws Exception {
    SSLContext context =
        SpiffeSslContextFactory.getSslContext(
            SslContextOptions.builder()
                .sslProtocol("TLSv1.3")
                .x509Source(source)
                .acceptedSpiffeIdsSupplier(() -> accepted)
                .build());
    InetSocketAddress address = web.at(IDENTIFIED);
    try (SSLSocket socket =
        (SSLSocket)
            context.getSocketFactory().createSocket(address.getAddress(), address.getPort())) {
      socket.setSoTimeout(20_000);
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setServerNames(List.of(new SNIHostName(mesh.identity(web).dnsName())));
      socket.setSSLParameters(parameters);
      socket
          .getOutputStream()
          .write(
              "GET /spiffe HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n"
                  .getBytes(StandardCharsets.US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private SpiffeId id(String serviceAccount) {
    return SpiffeId.parse(mesh.identity(serviceAccount).spiffeId());
  }
}
