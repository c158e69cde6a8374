package io.signetmesh.e2e.harness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Policy bundles that opa compiles from src/test/rego. */
public final class RegoBundles {
  private static final Path BUNDLES = Path.of("target", "bundles").toAbsolutePath();

  private RegoBundles() {}

  /**
   * The bundle of a folder of src/test/rego. Bundles are built when their policies have changed;
   * that takes minutes where opa itself was not built before.
   */
  public static byte[] bundle(String folder) throws Exception {
    build();
    return Files.readAllBytes(BUNDLES.resolve(folder + ".tar.gz"));
  }

  private static synchronized void build() throws IOException, InterruptedException {
    Path log = Path.of("target", "build-bundles.log");
    Process process =
        new ProcessBuilder(
                Path.of("..", "rego", "build-bundles").toString(),
                Path.of("src", "test", "rego").toAbsolutePath().toString(),
                BUNDLES.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    if (!process.waitFor(14, TimeUnit.MINUTES)) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      throw new IllegalStateException("rego/build-bundles takes more than 14 minutes, see " + log);
    }
    if (process.exitValue() != 0) {
      throw new IllegalStateException(
          "rego/build-bundles failed with %d:%n%s"
              .formatted(process.exitValue(), Files.readString(log)));
    }
  }
}
