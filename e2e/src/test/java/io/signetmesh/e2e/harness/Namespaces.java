package io.signetmesh.e2e.harness;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Network namespaces of tests, in a user namespace of their own. */
public final class Namespaces {
  private Namespaces() {}

  /**
   * Skips a test where this user can make none.
   *
   * @throws AssertionError when root cannot: then nothing of what needs them is tested anywhere
   */
  public static void require() throws IOException, InterruptedException {
    Tool.Result made = Tool.run("unshare", "--map-root-user", "--net", "--mount", "true");
    boolean allowed = made.exitCode() == 0;
    if (!allowed && Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0)) {
      throw new AssertionError(
          "root can make no network namespaces: expected CAP_SYS_ADMIN; " + made.output());
    }
    assumeTrue(allowed, "this host lets this user make no namespaces: " + made.output());
  }
}
