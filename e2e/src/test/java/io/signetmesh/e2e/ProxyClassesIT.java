package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.process.SignetProcess;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a proxy's JVM loads. The classes of its ahead-of-time cache are loaded and linked when it
 * starts, whether they are used or not; so they are those of a proxy.
 */
class ProxyClassesIT {
  private static final String CACHED = "source: shared objects file";

  /** Parts of other commands, and what a class in the cache would bring along when it is linked. */
  private static final List<String> NOT_OF_A_PROXY =
      List.of(
          "picocli.",
          "io.fabric8.",
          "org.snakeyaml.",
          "io.micrometer.",
          "org.apache.kafka.",
          "io.signetmesh.policy.",
          "io.signetmesh.cluster.",
          "io.signetmesh.cli.demo.",
          "com.amazon.corretto.crypto.provider.AmazonCorrettoCryptoProvider source: file");

  private static final int LARGEST_MANIFEST = 32 * 1024;

  @Test
  void aProxyStartsWithItsOwnClassesFromACacheAndWithNoOthers(@TempDir Path directory)
      throws IOException, InterruptedException {
    Path log = directory.resolve("classes.log");
    try (SignetProcess proxy =
        SignetProcess.start(
            "proxy",
            directory.resolve("proxy.log"),
            Map.of("SIGNET_JAVA_OPTS", "-Xlog:class+load:file=" + log),
            List.of("proxy"))) {
      assertThat(proxy.awaitExit(Duration.ofSeconds(60))).isTrue();
      assertThat(proxy.lastLines(20))
          .anyMatch(line -> line.contains("no configuration of a proxy"));
    }

    List<String> loaded = Files.readAllLines(log);
    assertThat(loaded.stream().filter(line -> line.contains(CACHED)).count())
        .as("classes from the cache")
        .isGreaterThan(5_000);
    assertThat(loaded.stream().filter(line -> line.contains("io.signetmesh.proxy.")).count())
        .as("classes of the proxy")
        .isGreaterThan(500);
    assertThat(loaded)
        .noneMatch(line -> NOT_OF_A_PROXY.stream().anyMatch(name -> line.contains("] " + name)));
  }

  @Test
  void noLibraryIsReadAsASignedOne() throws IOException {
    Path libraries = SignetProcess.launcher().resolveSibling("cli/target/dist/lib");
    List<String> signed = new ArrayList<>();
    try (Stream<Path> jars = Files.list(libraries)) {
      for (Path path : jars.sorted().toList()) {
        try (JarFile jar = new JarFile(path.toFile(), false)) {
          if (jar.stream().map(ZipEntry::getName).anyMatch(name -> name.matches("META-INF/.*[.]SF"))
              || manifestBytes(jar) > LARGEST_MANIFEST) {
            signed.add(path.getFileName().toString());
          }
        }
      }
    }
    assertThat(signed).isEmpty();
  }

  private static int manifestBytes(JarFile jar) throws IOException {
    ZipEntry manifest = jar.getEntry(JarFile.MANIFEST_NAME);
    if (manifest == null) {
      return 0;
    }
    try (InputStream in = jar.getInputStream(manifest)) {
      return in.readAllBytes().length;
    }
  }
}
