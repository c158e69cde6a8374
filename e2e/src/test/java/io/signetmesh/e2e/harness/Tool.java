package io.signetmesh.e2e.harness;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Runs programs of the host, such as curl and openssl, to their end. */
public final class Tool {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private Tool() {}

  /**
   * What a program did.
   *
   * @param exitCode its exit code
   * @param output standard output and error, as they came
   */
  public record Result(int exitCode, String output) {}

  /** Runs a program without input. */
  public static Result run(String... command) throws IOException, InterruptedException {
    return run("", List.of(command));
  }

  /**
   * Runs a program.
   *
   * @param input written to its standard input, which is then closed
   * @throws AssertionError when it has not ended within a minute
   */
  public static Result run(String input, List<String> command)
      throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    CompletableFuture<String> output = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                output.complete(
                    new String(
                        process.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1));
              } catch (IOException e) {
                output.completeExceptionally(e);
              }
            });
    try (OutputStream in = process.getOutputStream()) {
      in.write(input.getBytes(StandardCharsets.ISO_8859_1));
    } catch (IOException e) {
      // The program did not want it.
    }
    if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError(command + " still runs after " + LIMIT.toSeconds() + " s");
    }
    return new Result(process.exitValue(), output.join());
  }
}
