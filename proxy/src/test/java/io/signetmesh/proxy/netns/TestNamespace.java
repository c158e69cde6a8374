package io.signetmesh.proxy.netns;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A network namespace with nothing but a loopback device, which lives until it is closed. */
public final class TestNamespace implements AutoCloseable {
  private final Process holder;

  private TestNamespace(Process holder) {
    this.holder = holder;
  }

  /** Makes one, or skips the test where that is not allowed. For root it has to be. */
  public static TestNamespace make() throws Exception {
    boolean allowed = run("unshare", "--net", "true") == 0;
    if (!allowed && Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0)) {
      throw new AssertionError(
          "root can make no network namespace: expected CAP_SYS_ADMIN, without which nothing of"
              + " this package is tested");
    }
    assumeTrue(allowed, "this host lets this user make no network namespace");
    TestNamespace made = new TestNamespace(new ProcessBuilder("unshare", "--net", "cat").start());
    Path own = Files.readSymbolicLink(Path.of("/proc/self/ns/net"));
    while (Files.readSymbolicLink(made.file()).equals(own)) {
      Thread.onSpinWait();
    }
    made.execute("ip", "link", "set", "lo", "up");
    return made;
  }

  /** The file that stands for it. */
  public Path file() {
    return Path.of("/proc/" + holder.pid() + "/ns/net");
  }

  /** Runs a program inside, to its end. */
  public void execute(String... command) throws Exception {
    String[] all = new String[command.length + 4];
    all[0] = "nsenter";
    all[1] = "-t";
    all[2] = String.valueOf(holder.pid());
    all[3] = "-n";
    System.arraycopy(command, 0, all, 4, command.length);
    int code = run(all);
    if (code != 0) {
      throw new AssertionError(String.join(" ", command) + " ended with " + code);
    }
  }

  private static int run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).inheritIO().start();
    if (!process.waitFor(30, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError(String.join(" ", command) + " does not end");
    }
    return process.exitValue();
  }

  @Override
  public void close() {
    holder.destroyForcibly();
  }
}
