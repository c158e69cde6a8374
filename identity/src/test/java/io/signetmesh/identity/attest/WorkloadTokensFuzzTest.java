package io.signetmesh.identity.attest;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class WorkloadTokensFuzzTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final WorkloadTokens TOKENS = open();
  private static final byte[] GOOD =
      TOKENS.issue("shop", "web", Duration.ofHours(1)).getBytes(StandardCharsets.US_ASCII);

  static Stream<Arguments> tokens() {
    return Stream.of(
            GOOD,
            "eyJhbGciOiJub25lIn0.e30.".getBytes(StandardCharsets.US_ASCII),
            "a.b.c".getBytes(StandardCharsets.US_ASCII))
        .map(bytes -> Arguments.of((Object) bytes));
  }

  /** Nobody but the control plane makes a token that proves anything. */
  @MethodSource("tokens")
  @FuzzTest(maxDuration = "10m")
  void bytesOfAToken(byte[] token) {
    try {
      WorkloadIdentity identity = TOKENS.holder(token);
      if (!Arrays.equals(strip(token), GOOD)) {
        throw new AssertionError("forged: " + identity);
      }
    } catch (AttestationException e) {
      String text = new String(token, StandardCharsets.ISO_8859_1).strip();
      if (text.length() > 64 && String.valueOf(e.getMessage()).contains(text)) {
        throw new AssertionError("the message holds the token");
      }
    }
  }

  /** Files end with a line feed. */
  private static byte[] strip(byte[] token) {
    return new String(token, StandardCharsets.ISO_8859_1)
        .strip()
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  private static WorkloadTokens open() {
    try {
      Path state = Files.createTempDirectory("tokens");
      state.toFile().deleteOnExit();
      return WorkloadTokens.open(state, "signet", "cluster.local", InstantSource.fixed(NOW));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (PkiException e) {
      throw new AssertionError(e);
    }
  }
}
