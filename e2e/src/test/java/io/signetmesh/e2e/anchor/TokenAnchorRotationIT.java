package io.signetmesh.e2e.anchor;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.e2e.Applications;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.Tool;
import io.signetmesh.identity.pki.StateFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Rotations to an anchor whose key is in a token, SoftHSM2, and away from it. */
@Timeout(300)
class TokenAnchorRotationIT {
  private static final int WEB = 15_001;
  private static final String PIN = "87654321";

  @Test
  void anAnchorIsMadeInATokenSignsThereAndIsReplacedUnderTraffic(@TempDir Path directory)
      throws Exception {
    Path configuration = softHsm(Files.createDirectory(directory.resolve("hsm")));
    Path pin = directory.resolve("pin");
    StateFiles.writeSecret(pin, PIN + "\n");
    try (Mesh mesh = Mesh.create(Files.createDirectory(directory.resolve("mesh")))) {
      MeshWorkload web = mesh.workload("web").port("http", 8080);
      mesh.service("web", web, 80, "http");
      mesh.server("web", web, "http", "HTTP/1");
      mesh.allowIdentities("web", "web", "frontend");
      MeshWorkload frontend =
          mesh.workload("frontend").upstream(WEB, "web.shop.svc.cluster.local:80");
      mesh.start(Map.of("SOFTHSM2_CONF", configuration.toString()));
      mesh.closeWithMesh(Applications.TcpServer.start(web.at(8080), Applications::targets));
      List<String> inToken =
          List.of(
              "--pkcs11-library",
              library().toString(),
              "--pkcs11-token",
              "signet",
              "--pkcs11-pin-file",
              pin.toString(),
              "--pkcs11-key",
              "root-2027");
      Path anchorKey = mesh.processes().state().resolve("ca/anchor.key");

      try (Load load = new Load();
          HttpConnection kept = HttpConnection.open(frontend.at(WEB))) {
        load.flow("kept connection", Duration.ofMillis(5), () -> expectOk(kept.get("/kept")))
            .flow(
                "connection for each request",
                Duration.ofMillis(20),
                () -> expectOk(HttpConnection.getOnce(frontend.at(WEB), "/new")));
        load.awaitMore(20);

        // A dry run makes nothing: so does the second one find nothing.
        for (int i = 0; i < 2; i++) {
          assertThat(trust(mesh, inToken, "rotate", "--plan")).contains("(to be made)");
        }

        trust(mesh, inToken, "rotate", "--yes", "--renew-window", "1s");
        load.awaitMore(20);
        assertThat(Files.readString(anchorKey))
            .startsWith("pkcs11:token=signet;object=root-2027?module-path=")
            .doesNotContain(PIN);

        // The anchor that leaves vouches for the next issuer: the token signs.
        trust(mesh, List.of(), "rotate", "--yes", "--renew-window", "1s");
        load.awaitMore(20);
        assertThat(Files.readString(anchorKey)).startsWith("-----BEGIN PRIVATE KEY-----");

        // What has left does not come back, in a token or not.
        Mesh.Command again = run(mesh, inToken, "rotate", "--yes");
        assertThat(again.exitCode()).isEqualTo(1);
        assertThat(again.output()).contains("retired");
        load.stop();
        assertThat(load.failures()).isEmpty();
      }
    }
  }

  private static void expectOk(Mesh.Answer answer) {
    assertThat(answer.status()).as(answer.body()).isEqualTo(200);
  }

  private static String trust(Mesh mesh, List<String> options, String... command) throws Exception {
    Mesh.Command ended = run(mesh, options, command);
    assertThat(ended.exitCode()).as(ended.output()).isZero();
    return ended.output();
  }

  private static Mesh.Command run(Mesh mesh, List<String> options, String... command)
      throws Exception {
    List<String> arguments = new ArrayList<>(List.of("trust"));
    arguments.addAll(List.of(command));
    arguments.addAll(List.of("--state", mesh.processes().state().toString()));
    arguments.addAll(options);
    return mesh.command(arguments.toArray(String[]::new));
  }

  private static Path library() {
    return Stream.of(
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
            "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so")
        .map(Path::of)
        .filter(Files::exists)
        .findFirst()
        .orElseThrow(() -> new AssertionError("SoftHSM2 is not installed (softhsm2)"));
  }

  /** Makes a token. */
  private static Path softHsm(Path directory) throws Exception {
    Path tokens = Files.createDirectory(directory.resolve("tokens"));
    Path configuration =
        Files.writeString(
            directory.resolve("softhsm2.conf"),
            "directories.tokendir = "
                + tokens
                + "\nobjectstore.backend = file\nlog.level = ERROR\n");
    Tool.Result made =
        Tool.run(
            "env",
            "SOFTHSM2_CONF=" + configuration,
            "softhsm2-util",
            "--init-token",
            "--free",
            "--label",
            "signet",
            "--so-pin",
            "12345678",
            "--pin",
            PIN);
    assertThat(made.exitCode()).as(made.output()).isZero();
    return configuration;
  }
}
