package io.signetmesh.e2e;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.Leaf;
import io.signetmesh.e2e.harness.LedgerConnection;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.Tool;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two meshes with anchors of their own. A server of the other mesh is reached as an
 * ExternalWorkload with a SPIFFE id of its trust domain.
 */
@Timeout(240)
class FederationIT {
  private static final int ENDPOINT = 8443;
  private static final String CLIENT = "spiffe://a.example/ns/shop/sa/client";
  private static final Duration PAUSE = Duration.ofMillis(20);

  @TempDir Path directory;

  @Test
  void clientOfAFederatedDomainIsAllowedByNameOnlyUntilTheDomainIsRemoved() throws Exception {
    try (Mesh a = Mesh.create(directory.resolve("a"), new MeshNames("linkerd", "a.example"));
        Mesh b = Mesh.create(directory.resolve("b"), new MeshNames("linkerd", "b.example"))) {
      MeshWorkload web = b.workload("web").port("http", 8080);
      b.server("web", web, "http", "HTTP/1");
      allow(b, "'" + CLIENT + "'");
      MeshWorkload client = caller(a, "client");
      MeshWorkload stranger = caller(a, "stranger");
      partner(a, b, web);
      federate(a, b);
      Path withA = federate(b, a);

      b.start(options(b));
      a.start(options(a));
      b.application(web, DemoServices.Kind.HTTP, 8080);

      // Only the one that is named, among all identities of a.example.
      awaitStatus(client, 200);
      awaitStatus(stranger, 403);
      assertThat(
              JournalTail.fromStart(b.journalFile(web)).lines().stream()
                  .filter(line -> line.toString().contains(CLIENT)))
          .isNotEmpty();

      // Nobody of a.example is "any identity", nor authenticated as default policies mean it.
      allow(b, "'*'");
      awaitStatus(client, 403);
      awaitStatus(stranger, 403);
      b.removeManifest("allow-web");
      b.manifest("server-web", serverWithAccessPolicy("all-authenticated"));
      awaitStays(client, 403);
      b.server("web", web, "http", "HTTP/1");
      allow(b, "'" + CLIENT + "'");
      awaitStatus(client, 200);

      // A domain that is removed is unknown within a second or two.
      Files.writeString(withA, "trustDomains: []\n");
      Await.until("a.example is not trusted any more", () -> status(client) >= 500);
    }
  }

  @Test
  void bundleIsFetchedFromAWebEndpointToo() throws Exception {
    try (Mesh a = Mesh.create(directory.resolve("a"), new MeshNames("linkerd", "a.example"));
        Mesh b = Mesh.create(directory.resolve("b"), new MeshNames("linkerd", "b.example"))) {
      MeshWorkload web = b.workload("web").port("http", 8080);
      b.server("web", web, "http", "HTTP/1");
      allow(b, "'" + CLIENT + "'");
      MeshWorkload client = caller(a, "client");
      MeshWorkload stranger = caller(a, "stranger");
      partner(a, b, web);
      federate(a, b);
      Path certificate = webCertificate(a);
      Files.writeString(
          b.processes().state().resolve("federation.yaml"),
          """
          trustDomains:
            - trustDomain: a.example
              bundleEndpointUrl: https://%s:%d/bundle.json
              profile: https_web
              caFile: %s
              minRefresh: 1s
              maxRefresh: 1s
          """
              .formatted(host(a), ENDPOINT, certificate));

      a.start(
          "--federation",
          a.processes().state().resolve("federation.yaml").toString(),
          "--bundle-endpoint",
          host(a) + ":" + ENDPOINT,
          "--bundle-endpoint-certificates",
          certificate.toString(),
          "--bundle-endpoint-key",
          certificate.resolveSibling("web.key").toString());
      b.start(options(b));
      b.application(web, DemoServices.Kind.HTTP, 8080);

      awaitStatus(client, 200);
      awaitStatus(stranger, 403);
      Mesh.Command status =
          b.command(
              "identity", "federation", "status", "--state", b.processes().state().toString());
      assertThat(status.output()).contains("a.example", "https_web");
      assertThat(status.exitCode()).isZero();
    }
  }

  /** Both ways, while the control plane of a.example runs on. */
  @Test
  @Timeout(400)
  void anchorOfAFederatedDomainIsReplacedWithoutAFailedRequest() throws Exception {
    try (Mesh a = Mesh.create(directory.resolve("a"), new MeshNames("linkerd", "a.example"));
        Mesh b = Mesh.create(directory.resolve("b"), new MeshNames("linkerd", "b.example"))) {
      MeshWorkload webOfA = served(a, b);
      MeshWorkload webOfB = served(b, a);
      MeshWorkload clientOfA = tcpCaller(a);
      MeshWorkload clientOfB = tcpCaller(b);
      partner(a, b, webOfB);
      partner(b, a, webOfA);
      federate(a, b);
      federate(b, a);
      b.start(options(b));
      a.start(options(a));
      for (Mesh mesh : List.of(a, b)) {
        MeshWorkload web = mesh == a ? webOfA : webOfB;
        mesh.application(web, DemoServices.Kind.HTTP, 8080);
        mesh.application(web, DemoServices.Kind.TCP, 7070);
      }
      awaitStatus(clientOfA, 200);
      awaitStatus(clientOfB, 200);
      Leaf old = a.leaf("client");
      assertThat(answer(webOfB, b, old)).contains("HTTP/1.1 200");

      try (Load load = new Load();
          HttpConnection fromA = HttpConnection.open(clientOfA.at(15_001));
          HttpConnection fromB = HttpConnection.open(clientOfB.at(15_001))) {
        load.flow("HTTP from a.example", PAUSE, () -> expectOk(fromA.get("/kept")))
            .flow("HTTP from b.example", PAUSE, () -> expectOk(fromB.get("/kept")))
            .flow("TCP from a.example", PAUSE, () -> LedgerConnection.askOnce(clientOfA.at(15_002)))
            .flow(
                "TCP from b.example", PAUSE, () -> LedgerConnection.askOnce(clientOfB.at(15_002)));
        load.awaitMore(10);

        Path ca = a.processes().state().resolve("ca");
        Path next = newCa(a).resolve("ca");
        List<MeshWorkload> all = List.of(webOfA, clientOfA, webOfB, clientOfB);
        List<Integer> before = trustings(all);
        replace(
            ca.resolve("anchor.crt"),
            Files.readString(ca.resolve("anchor.crt"))
                + Files.readString(next.resolve("anchor.crt")));
        awaitTrusting(all, before, load);

        Files.move(next.resolve("anchor.key"), ca.resolve("anchor.key"), REPLACE_EXISTING);
        Files.move(next.resolve("issuer.pem"), ca.resolve("issuer.pem"), REPLACE_EXISTING);
        Await.until(
            "the issuer has changed",
            Duration.ofSeconds(30),
            () -> acts(a, "issuer-changed").size() == 1 || load.failed() > 0);
        // The first of them may have been on its way before.
        for (String account : List.of("client", "web")) {
          long already = issuedTo(a, account);
          Await.until(
              account + " of a.example has two leaves of the new issuer",
              Duration.ofSeconds(90),
              () -> issuedTo(a, account) >= already + 2 || load.failed() > 0);
        }
        assertThat(load.failures()).isEmpty();

        before = trustings(all);
        replace(ca.resolve("anchor.crt"), Files.readString(next.resolve("anchor.crt")));
        awaitTrusting(all, before, load);
        // Connections from before have half a minute to come back, and are cut then.
        Duration end = load.elapsed().plus(Duration.ofSeconds(35));
        Await.until(
            "connections of the old anchor are gone",
            Duration.ofSeconds(60),
            () -> load.failed() > 0 || load.elapsed().compareTo(end) > 0);
        if (load.failed() == 0) {
          load.awaitMore(10);
        }
        load.stop();
        assertThat(load.failures()).isEmpty();
        assertThat(acts(a, "issuer-refused")).isEmpty();
      }

      assertThat(answer(webOfB, b, old)).contains("alert unknown ca").doesNotContain("HTTP/1.1");
      assertThat(answer(webOfB, b, a.leaf("client"))).contains("HTTP/1.1 200");
    }
  }

  // ---- description

  /** A workload with a service each for HTTP and TCP, for the client of the other mesh. */
  private static MeshWorkload served(Mesh mesh, Mesh other) throws IOException {
    MeshWorkload web =
        mesh.workload("web").port("http", 8080).port("ledger", 7070).redirect(18_080, 8080);
    mesh.server("web", web, "http", "HTTP/1");
    mesh.server("ledger", web, "ledger", "opaque");
    String domain = other.processes().names().trustDomain();
    String client = "'spiffe://" + domain + "/ns/shop/sa/client'";
    allow(mesh, client);
    allow(mesh, "ledger", client);
    return web;
  }

  private static MeshWorkload tcpCaller(Mesh mesh) {
    return caller(mesh, "client").upstream(15_002, "partner.shop.svc.cluster.local:70");
  }

  /** Another CA for the same mesh, as an operator makes it. */
  private static Path newCa(Mesh mesh) throws Exception {
    Path state = mesh.scratch("next");
    Mesh.Command init =
        mesh.command(
            "identity",
            "ca",
            "init",
            "--state",
            state.toString(),
            "--trust-domain",
            mesh.processes().names().trustDomain());
    assertThat(init.exitCode()).as(init.output()).isZero();
    return state;
  }

  private static void replace(Path file, String content) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    StateFiles.writePublic(fresh, content);
    Files.move(fresh, file, ATOMIC_MOVE);
  }

  private static String host(Mesh mesh) {
    return mesh.addresses().identity().getAddress().getHostAddress();
  }

  private static String[] options(Mesh mesh) {
    return new String[] {
      "--federation",
      mesh.processes().state().resolve("federation.yaml").toString(),
      "--bundle-endpoint",
      host(mesh) + ":" + ENDPOINT,
      "--leaf-lifetime",
      "8s",
      "--clock-skew",
      "0s"
    };
  }

  private static MeshWorkload caller(Mesh mesh, String name) {
    return mesh.workload(name)
        .upstream(15_001, "partner.shop.svc.cluster.local:80")
        // A busy host is not what this is about.
        .environment("LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT", "8s");
  }

  /** The workload of another mesh, as the callers' mesh knows it. */
  private static void partner(Mesh mesh, Mesh other, MeshWorkload web) throws IOException {
    mesh.manifest(
        "partner",
        """
        apiVersion: workload.linkerd.io/v1beta1
        kind: ExternalWorkload
        metadata: {name: partner, namespace: shop, labels: {app: partner}}
        spec:
          meshTLS: {identity: '%s', serverName: %s}
          workloadIPs: [{ip: %s}]
          ports: [{name: http, port: 8080}, {name: ledger, port: 7070}]
        status:
          conditions:
            - {type: Ready, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z'}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: partner, namespace: shop}
        spec:
          clusterIP: %s
          selector: {app: partner}
          ports:
            - {name: http, port: 80, targetPort: http}
            - {name: ledger, port: 70, targetPort: ledger, appProtocol: linkerd.io/opaque}
        """
            .formatted(
                other.identity(web).spiffeId(),
                other.identity(web).dnsName(),
                web.address().getHostAddress(),
                mesh.outsider().getHostAddress()));
  }

  /** Lets a mesh fetch the bundle of another one from its endpoint, by its SPIFFE id. */
  private static Path federate(Mesh mesh, Mesh with) throws IOException {
    String domain = with.processes().names().trustDomain();
    Path state = mesh.processes().state();
    Files.writeString(state.resolve(domain + ".pem"), with.processes().trustAnchors());
    return Files.writeString(
        state.resolve("federation.yaml"),
        """
        trustDomains:
          - trustDomain: %s
            bundleEndpointUrl: https://%s:%d/
            profile: https_spiffe
            endpointSpiffeId: %s
            initialBundle: %s.pem
            minRefresh: 1s
            maxRefresh: 1s
        """
            .formatted(
                domain,
                host(with),
                ENDPOINT,
                with.processes().names().identityServer().spiffeId(),
                domain));
  }

  private static Path webCertificate(Mesh mesh) throws Exception {
    Path scratch = mesh.scratch("web");
    Path certificate = scratch.resolve("web.pem");
    Path key = scratch.resolve("web.key");
    Tool.run(
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=bundles",
        "-addext",
        "subjectAltName=IP:" + host(mesh),
        "-keyout",
        key.toString(),
        "-out",
        certificate.toString());
    Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-------"));
    return certificate;
  }

  private static void allow(Mesh mesh, String identity) throws IOException {
    allow(mesh, "web", identity);
  }

  private static void allow(Mesh mesh, String server, String identity) throws IOException {
    mesh.manifest(
        "allow-" + server,
        """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: MeshTLSAuthentication
        metadata: {name: %1$s, namespace: shop}
        spec:
          identities: [%2$s]
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: %1$s, namespace: shop}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: %1$s}
          requiredAuthenticationRefs:
            - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: %1$s}
        """
            .formatted(server, identity));
  }

  private static String serverWithAccessPolicy(String policy) {
    return """
        apiVersion: policy.linkerd.io/v1beta3
        kind: Server
        metadata: {name: web, namespace: shop}
        spec:
          podSelector:
            matchLabels: {app: web}
          port: http
          proxyProtocol: HTTP/1
          accessPolicy: %s
        """
        .formatted(policy);
  }

  // ---- observation

  /** How often each proxy has put a message with anchors in force. */
  private static List<Integer> trustings(List<MeshWorkload> workloads) throws IOException {
    List<Integer> counts = new ArrayList<>();
    for (MeshWorkload workload : workloads) {
      counts.add(Mesh.output(workload.proxy()).split("trusting TrustBundle", -1).length - 1);
    }
    return counts;
  }

  private static void awaitTrusting(List<MeshWorkload> workloads, List<Integer> before, Load load) {
    Await.until(
        "all proxies of both meshes have the new anchors",
        Duration.ofSeconds(60),
        () -> {
          List<Integer> now = trustings(workloads);
          for (int i = 0; i < now.size(); i++) {
            if (now.get(i) <= before.get(i)) {
              return load.failed() > 0;
            }
          }
          return true;
        });
    assertThat(load.failures()).isEmpty();
  }

  private static List<JsonNode> acts(Mesh mesh, String act) throws IOException {
    return JournalTail.fromStart(mesh.controlJournal()).lines().stream()
        .map(line -> line.path("administrative"))
        .filter(line -> line.path("act").asText().equals(act))
        .toList();
  }

  /** Leaves that the CA of a mesh has issued to a workload. */
  private static long issuedTo(Mesh mesh, String account) throws IOException {
    String name = mesh.identity(account).dnsName();
    return acts(mesh, "certificate-issued").stream()
        .filter(act -> act.path("subject").asText().equals(name))
        .count();
  }

  /** What a client with that leaf gets from a workload. */
  private static String answer(MeshWorkload web, Mesh mesh, Leaf leaf) throws Exception {
    return Tool.run(
            "GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n",
            List.of(
                "openssl",
                "s_client",
                "-connect",
                web.address().getHostAddress() + ":18080",
                "-servername",
                mesh.identity(web).dnsName(),
                "-ign_eof",
                "-cert",
                leaf.leaf().toString(),
                "-cert_chain",
                leaf.chain().toString(),
                "-key",
                leaf.key().toString()))
        .output();
  }

  private static int status(MeshWorkload caller) throws IOException {
    return HttpConnection.getOnce(caller.at(15_001), "/x").status();
  }

  private static void awaitStatus(MeshWorkload caller, int status) {
    Await.until(
        caller.name() + " is answered " + status,
        Duration.ofSeconds(30),
        () -> status(caller) == status);
  }

  /** The answer that came before an edit is the one that comes after it. */
  private static void awaitStays(MeshWorkload caller, int status) {
    long end = System.nanoTime() + Duration.ofSeconds(3).toNanos();
    Await.until(
        caller.name() + " is still answered " + status,
        Duration.ofSeconds(20),
        () -> {
          assertThat(status(caller)).isEqualTo(status);
          return System.nanoTime() > end;
        });
  }

  private static void expectOk(Mesh.Answer answer) {
    if (answer.status() != 200 || !answer.body().startsWith("web: GET /")) {
      throw new AssertionError(answer.status() + " " + answer.body());
    }
  }
}
