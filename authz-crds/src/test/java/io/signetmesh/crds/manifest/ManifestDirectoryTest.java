package io.signetmesh.crds.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.admission.AdmissionRules;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is opened of a directory, and how much of it is read. */
@Timeout(60)
final class ManifestDirectoryTest {
  private static final String SERVER =
      """
      apiVersion: policy.linkerd.io/v1beta3
      kind: Server
      metadata: {name: web, namespace: shop}
      spec: {port: 80, podSelector: {}}
      """;

  @TempDir private Path directory;

  @Test
  void aPipeIsReportedAndNotOpened() throws Exception {
    Path pipe = directory.resolve("pipe.yaml");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    reports(pipe);
  }

  @Test
  void aSocketIsReportedAndNotOpened() throws Exception {
    Path socket = directory.resolve("socket.yaml");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      reports(socket);
    }
  }

  @Test
  void aLinkToADeviceIsReportedAndNotOpened() throws Exception {
    reports(Files.createSymbolicLink(directory.resolve("zero.yaml"), Path.of("/dev/zero")));
  }

  @Test
  void theLinksOfAMountedConfigMapAreFollowed() throws Exception {
    Path data = Files.createDirectory(directory.resolve("..2026_01"));
    Files.writeString(data.resolve("web.yaml"), SERVER);
    Files.createSymbolicLink(directory.resolve("..data"), Path.of("..2026_01"));
    Files.createSymbolicLink(directory.resolve("web.yaml"), Path.of("..data/web.yaml"));
    Manifests read = read();
    assertThat(read.findings()).isEmpty();
    assertThat(read.objects()).hasSize(1);
  }

  @Test
  void aValueThatNoObjectCanHaveIsRefusedByItsSize() throws Exception {
    String value = "x".repeat(16 * 1024 * 1024);
    for (String written : new String[] {value, "\"" + value + "\"", "|\n        " + value}) {
      Files.writeString(
          directory.resolve("long.yaml"),
          "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations:\n    b: " + written);
      assertThat(read().findings())
          .singleElement()
          .satisfies(
              finding -> {
                assertThat(finding.toString())
                    .contains("long.yaml:6:8: error: a value of 16777216");
                assertThat(finding.message()).contains("expected at most 1048576");
              });
    }
  }

  @Test
  void aCommentOrAKeyOfManyMegabytesIsReadAtOnce() throws Exception {
    Files.writeString(
        directory.resolve("long.yaml"), SERVER + "# " + "x".repeat(16 * 1024 * 1024) + "\n");
    assertThat(read().objects()).hasSize(1);
    Files.writeString(
        directory.resolve("long.yaml"), SERVER + "x".repeat(16 * 1024 * 1024) + ": 1\n");
    assertThat(read().isValid()).isFalse();
  }

  private void reports(Path file) throws Exception {
    Files.writeString(directory.resolve("web.yaml"), SERVER);
    Manifests read = read();
    assertThat(read.findings())
        .singleElement()
        .asString()
        .isEqualTo(
            file
                + ":1:1: error: is not read: it is a pipe, a socket or a device, expected a regular"
                + " file");
    assertThat(read.unreadableSources()).containsExactly(file.toString());
    assertThat(read.positions()).hasSize(1);
  }

  private Manifests read() {
    return new ManifestDirectory(directory, new ManifestReader(AdmissionRules::check)).read();
  }
}
