package io.signetmesh.cli.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.MeshNames;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ControlPlaneFileTest {
  @TempDir private Path state;

  @Test
  void readsWhatItWrites() throws Exception {
    ControlPlaneFile file =
        new ControlPlaneFile(
            ControlPlane.at(InetAddress.ofLiteral("127.0.0.7")),
            new MeshNames("signet", "example.org"),
            new InetSocketAddress(InetAddress.ofLiteral("127.0.0.8"), 8092));
    file.write(state);
    assertThat(ControlPlaneFile.read(state)).contains(file);
  }

  @Test
  void isEmptyWhereThereIsNoMesh() throws Exception {
    assertThat(ControlPlaneFile.read(state)).isEmpty();
  }

  @Test
  void namesAFileThatCannotBeUnderstood() throws Exception {
    Files.writeString(state.resolve("control-plane.json"), "{\"identity\":\"localhost:1\"}");
    assertThatIOException()
        .isThrownBy(() -> ControlPlaneFile.read(state))
        .withMessageContaining("control-plane.json");
  }
}
