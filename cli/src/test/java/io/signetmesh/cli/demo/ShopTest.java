package io.signetmesh.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.process.SignetProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ShopTest {
  private LoopbackNet net = LoopbackNet.reserve();
  private Shop shop = new Shop(net);

  @TempDir private Path manifests;

  ShopTest() throws IOException {}

  @BeforeEach
  void install() throws IOException {
    shop.install(
        SignetProcess.launcher().resolveSibling("examples").resolve("quickstart"), manifests);
  }

  @AfterEach
  void release() throws IOException {
    net.close();
  }

  private String text() throws IOException {
    StringBuilder text = new StringBuilder();
    try (Stream<Path> files = Files.list(manifests)) {
      for (Path file : files.sorted().toList()) {
        text.append(Files.readString(file));
      }
    }
    return text.toString();
  }

  @Test
  void movesTheExampleToANetworkOfItsOwn() throws Exception {
    assertThat(text()).contains(net.prefix() + "10").doesNotContain("127.10.0.");
  }

  @Test
  void anEditTakenBackLeavesTheManifestsAsTheyWere() throws Exception {
    String before = text();
    shop.dismissStorefront(manifests);
    String edited = text();
    assertThat(edited).isNotEqualTo(before).contains("      name: backoffice\n");
    shop.reinstateStorefront(manifests);
    assertThat(text()).isEqualTo(before);
  }

  @Test
  void anEditThatChangesNothingIsAnError() throws Exception {
    shop.dismissStorefront(manifests);
    assertThatIOException()
        .isThrownBy(() -> shop.dismissStorefront(manifests))
        .withMessageContaining("authentications.yaml");
  }
}
