package io.signetmesh.rego;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class FirstUseTest {
  /** Compiles a policy that uses nothing of the host, in a process of its own. */
  public static void main(String[] args) {
    TestBundles.compile("mesh/allow");
  }

  @Test
  void classesThatPoliciesUseAreInitializedBeforeTheFirstOneRuns() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xlog:class+init=info",
                "-cp",
                System.getProperty("java.class.path"),
                FirstUseTest.class.getName())
            .redirectErrorStream(true)
            .start();
    String log = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(log).isZero();
    int sprintf = log.indexOf("Initializing 'io/signetmesh/rego/Sprintf'");
    int policy = log.indexOf("Initializing 'com/styra/opa/wasm/OpaWasm_ModuleExports'");
    assertThat(sprintf).isPositive().isLessThan(policy);
    assertThat(log.indexOf("Initializing 'io/signetmesh/rego/AnswerReader'"))
        .isPositive()
        .isLessThan(policy);
    assertThat(log.indexOf("Initializing 'java/util/Formatter'")).isPositive().isLessThan(policy);
  }
}
