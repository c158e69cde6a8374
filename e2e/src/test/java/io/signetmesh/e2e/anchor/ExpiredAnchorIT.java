package io.signetmesh.e2e.anchor;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.docs.Repository;
import io.signetmesh.e2e.Applications;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.Tool;
import io.signetmesh.identity.ca.CertificateBuilder;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.SigningKey;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The anchor of a mesh expires, and an operator brings the mesh back with the commands of {@code
 * docs/security/trust-rotation.md} as they are written there.
 */
@Timeout(400)
class ExpiredAnchorIT {
  private static final int UPSTREAM = 15_001;

  /** Nothing is issued in the last minute of an anchor: the mesh has to start before that. */
  private static final Duration LIFE = Duration.ofSeconds(100);

  private static final String STATE = "/var/lib/signet";
  private static final Pattern BLOCK = Pattern.compile("(?s)```console\n(.*?)```");
  private static final Pattern STEP = Pattern.compile("(?ms)^(\\d)\\. (.*?)(?=^\\d\\. |\\z)");

  @Test
  void theDocumentedStepsBringAMeshBackWhoseAnchorHasExpired(@TempDir Path directory)
      throws Exception {
    List<String> steps = steps();
    try (Mesh mesh = Mesh.create(directory)) {
      MeshWorkload web = mesh.workload("web").port("http", 8080);
      mesh.service("web", web, 80, "http");
      mesh.server("web", web, "http", "HTTP/1");
      mesh.allowIdentities("web", "web", "frontend");
      MeshWorkload frontend =
          mesh.workload("frontend").upstream(UPSTREAM, "web.shop.svc.cluster.local:80");
      Path state = mesh.processes().state();
      X509Certificate expiring = shortLived(state, mesh);
      mesh.start();
      mesh.closeWithMesh(TcpServer.start(web.at(8080), Applications::targets));
      Await.until("traffic", () -> isServed(frontend));

      Await.until(
          "the anchor has expired",
          LIFE.plusSeconds(30),
          () -> Instant.now().isAfter(expiring.getNotAfter().toInstant()));
      Await.until("the mesh is broken", Duration.ofSeconds(60), () -> !isServed(frontend));
      Mesh.Command broken = trust(mesh, "status");
      assertThat(broken.exitCode()).as(broken.output()).isEqualTo(1);
      assertThat(broken.output()).containsIgnoringCase("expired");

      // 1. Stop the identity server.
      assertThat(steps.get(0)).startsWith("Stop the identity server");
      mesh.controlPlane().kill();
      // 2. A new CA.
      Path home = mesh.scratch("operator");
      Tool.Result made = run(home, state, commands(steps.get(1)));
      assertThat(made.exitCode()).as(made.output()).isZero();
      assertThat(Files.exists(state.resolve("expired/ca/anchor.key"))).isTrue();
      // 3. Start the identity server.
      assertThat(steps.get(2)).startsWith("Start the identity server");
      mesh.startControlPlane();
      // 4. Restart every proxy with the new anchor.
      assertThat(steps.get(3)).contains("`ca/anchor.crt`", "restart every proxy");
      for (MeshWorkload workload : List.of(web, frontend)) {
        workload.proxy().kill();
        mesh.launchProxy(workload);
      }
      for (MeshWorkload workload : List.of(web, frontend)) {
        mesh.awaitReady(workload);
      }
      // 5. Wait until all trust the bundle.
      Tool.Result waited = run(home, state, commands(steps.get(4)));
      assertThat(waited.exitCode()).as(waited.output()).isZero();
      // 6. The bundle for federated domains.
      Tool.Result bundle = run(home, state, commands(steps.get(5)));
      assertThat(bundle.exitCode()).as(bundle.output()).isZero();
      assertThat(bundle.output()).contains("\"x509-svid\"");

      Await.until("traffic", Duration.ofSeconds(30), () -> isServed(frontend));
      List<X509Certificate> anchors =
          Certificates.parsePem("anchors", mesh.processes().trustAnchors());
      assertThat(anchors).hasSize(1).doesNotContain(expiring);
      // And the next rotation is an ordinary one.
      Mesh.Command plan = trust(mesh, "rotate", "--plan");
      assertThat(plan.exitCode()).as(plan.output()).isZero();
    }
  }

  /** Replaces the CA of a state directory by one that is about to expire. */
  private static X509Certificate shortLived(Path state, Mesh mesh) throws Exception {
    Path ca = state.resolve("ca");
    X509Certificate made = EmbeddedAuthority.certificates(state).anchors().getFirst();
    X509Certificate issuerMade = EmbeddedAuthority.certificates(state).chain().getFirst();
    Instant now = Instant.now();
    Instant end = now.plus(LIFE);
    KeyPair anchorKeys = KeyKind.P256.generate();
    X509Certificate anchor =
        CertificateBuilder.anchor(commonName(made), anchorKeys, now.minusSeconds(300), end);
    KeyPair issuerKeys = KeyKind.P256.generate();
    X509Certificate issuer =
        CertificateBuilder.issuer(
            commonName(issuerMade),
            issuerKeys.getPublic(),
            SigningKey.of(anchorKeys.getPrivate()),
            anchor,
            now.minusSeconds(300),
            end);
    StateFiles.writePublic(ca.resolve("anchor.crt"), Certificates.toPem(List.of(anchor)));
    StateFiles.writeSecret(ca.resolve("anchor.key"), PrivateKeys.toPem(anchorKeys.getPrivate()));
    StateFiles.writeSecret(
        ca.resolve("issuer.pem"),
        PrivateKeys.toPem(issuerKeys.getPrivate()) + Certificates.toPem(List.of(issuer)));
    assertThat(mesh.trust().anchors()).containsExactly(anchor);
    return anchor;
  }

  private static String commonName(X509Certificate certificate) {
    return certificate.getSubjectX500Principal().getName().substring("CN=".length());
  }

  private static boolean isServed(MeshWorkload frontend) {
    try {
      return HttpConnection.getOnce(frontend.at(UPSTREAM), "/x").status() == 200;
    } catch (java.io.IOException e) {
      return false;
    }
  }

  // ---- the document

  /** The numbered steps of the section, in order. */
  private static List<String> steps() throws Exception {
    String page = Files.readString(Repository.path("docs/security/trust-rotation.md"));
    int begin = page.indexOf("\n## An expired anchor\n");
    String section = page.substring(begin, page.indexOf("\n## ", begin + 1));
    List<String> steps = new ArrayList<>();
    Matcher matcher = STEP.matcher(section);
    while (matcher.find()) {
      assertThat(matcher.group(1)).isEqualTo(Integer.toString(steps.size() + 1));
      steps.add(matcher.group(2));
    }
    assertThat(steps).hasSize(6);
    return steps;
  }

  /** What a step has the operator type. */
  private static String commands(String step) {
    Matcher block = BLOCK.matcher(step);
    StringBuilder commands = new StringBuilder();
    if (block.find()) {
      for (String line : block.group(1).split("\n", -1)) {
        if (line.strip().startsWith("$ ")) {
          commands.append(line.strip().substring(2)).append('\n');
        }
      }
    } else {
      Matcher inline = Pattern.compile("`(signet [^`]*)`").matcher(step);
      assertThat(inline.find()).as(step).isTrue();
      commands.append(inline.group(1).replaceAll("\\s+", " ")).append('\n');
    }
    assertThat(commands).as(step).contains(STATE);
    return commands.toString();
  }

  /** Runs commands with {@code signet} on the path, as they are but for the state directory. */
  private static Tool.Result run(Path home, Path state, String commands) throws Exception {
    Path launcher = home.resolve("signet");
    Files.writeString(
        launcher,
        String.format(Locale.ROOT, "#!/bin/sh\nexec '%s' \"$@\"\n", SignetProcess.launcher()));
    Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwxr-xr-x"));
    String script =
        "export SIGNET_NO_BUILD=1 PATH='"
            + home
            + "':\"$PATH\"\n"
            + commands.replace(STATE, state.toString());
    return Tool.run("", List.of("bash", "-e", "-c", script));
  }

  private static Mesh.Command trust(Mesh mesh, String command, String... options) throws Exception {
    List<String> arguments =
        new ArrayList<>(List.of("trust", command, "--state", mesh.processes().state().toString()));
    arguments.addAll(List.of(options));
    return mesh.command(arguments.toArray(String[]::new));
  }
}
