package io.signetmesh.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.process.SignetProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code signet demo --rotate} as a process. */
@Timeout(RotationDemoIT.LIMIT_SECONDS)
final class RotationDemoIT {
  static final int LIMIT_SECONDS = 400;

  /** What differs from run to run. */
  private static final String NUMBERS = "\\b[0-9a-f]{16}\\b|[0-9][0-9.,]*";

  @TempDir private Path directory;

  private Path out() {
    return directory.resolve("out");
  }

  private Path err() {
    return directory.resolve("err");
  }

  private Process start(String... options) throws IOException {
    List<String> command =
        new ArrayList<>(List.of(SignetProcess.launcher().toString(), "demo", "--rotate"));
    command.addAll(List.of(options));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("SIGNET_NO_BUILD", "1");
    builder.redirectOutput(out().toFile());
    builder.redirectError(err().toFile());
    return builder.start();
  }

  private int end(Process process) throws InterruptedException {
    try {
      assertThat(process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)).as("demo ended").isTrue();
    } finally {
      process.destroyForcibly();
    }
    return process.exitValue();
  }

  @Test
  void everyProofHoldsAndTheReadmeShowsThem() throws Exception {
    int code = end(start());

    String output = Files.readString(out());
    assertThat(code).as(output + Files.readString(err())).isEqualTo(ExitCode.OK);
    assertThat(output).contains(" 0 failed", " 0 restarts", "unknown_ca").doesNotContain("!!");
    String readme = Files.readString(SignetProcess.launcher().resolveSibling("README.md"));
    assertThat(proofs(readme)).isEqualTo(proofs(output)).hasSizeGreaterThan(12);
  }

  /** Lines with a proof, without what differs from run to run. */
  private static List<String> proofs(String text) {
    return text.lines()
        .filter(line -> line.matches(" *[0-9.]+ s .*  ok  .*"))
        .map(line -> line.replaceAll(NUMBERS, "#").replaceAll(" +", " ").strip())
        // On a busy host more may have to be waived.
        .map(line -> line.replaceAll(", and for certificates that never arrived at .*", ""))
        .toList();
  }

  /** The class path makes the command line longer than {@link ProcessHandle.Info} tells. */
  private static boolean isLedger(ProcessHandle process) {
    try {
      return Files.readString(Path.of("/proc/" + process.pid() + "/cmdline"))
          .contains("demo-service\0tcp\0");
    } catch (IOException e) {
      return false;
    }
  }

  /** The ledger dies while it is called. */
  @Test
  void aPromiseThatIsNotKeptIsNamedAndEndsWithOne() throws Exception {
    Process demo = start("--json");
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
    while (!Files.readString(err()).contains("has begun")) {
      assertThat(demo.isAlive() && System.nanoTime() < until).as(Files.readString(err())).isTrue();
      TimeUnit.MILLISECONDS.sleep(20);
    }
    demo.descendants().filter(RotationDemoIT::isLedger).findFirst().orElseThrow().destroyForcibly();

    int code = end(demo);

    assertThat(code).as(Files.readString(err())).isEqualTo(ExitCode.NEGATIVE);
    JsonNode report = new ObjectMapper().readTree(Files.readString(out()));
    assertThat(report.path("as_expected").asBoolean()).isFalse();
    assertThat(report.path("failed_requests").asLong()).isPositive();
    assertThat(
            StreamSupport.stream(report.path("proofs").spliterator(), false)
                .filter(proof -> !proof.path("holds").asBoolean())
                .map(proof -> proof.path("text").asText()))
        .hasSize(2)
        .anySatisfy(text -> assertThat(text).contains(" failed: TCP"))
        .anySatisfy(text -> assertThat(text).isEqualTo("10 of 11 processes still run"));
    assertThat(Files.readString(err())).contains("!!", "Logs, manifests and audit records are in");
  }
}
