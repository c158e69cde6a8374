package io.signetmesh.audit.tlog;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is written is verified by the libraries of the Go checksum database ({@code
 * golang.org/x/mod/sumdb}), which know nothing of Signet: {@code audit/peer}.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
final class IndependentVerifierIT {
  private static final NoteSigner SIGNER = Keys.log("example.com/audit");
  private static final Path PEER = Path.of("target", "peer").toAbsolutePath();

  @TempDir private Path directory;

  private record Outcome(int code, String output) {}

  @BeforeAll
  static void build() throws Exception {
    Outcome built =
        run(
            Path.of("peer"),
            List.of("go", "build", "-trimpath", "-buildvcs=false", "-o", PEER.toString(), "."));
    assertThat(built.code()).as(built.output()).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 255, 256, 257, 70_000})
  void checkpointTilesEntriesAndProofsAreGood(int size) throws Exception {
    Path proofs = write(size);

    Outcome verified = verify(proofs);

    assertThat(verified.output()).isEqualTo("size " + size + ", " + size + " entries, 32 proofs\n");
    assertThat(verified.code()).isZero();
  }

  @Test
  void whatWasChangedIsNotGood() throws Exception {
    Path proofs = write(300);
    Path bundle = directory.resolve("tile/entries/000");
    byte[] good = Files.readAllBytes(bundle);
    byte[] bad = good.clone();
    bad[10] ^= 1;
    Files.write(bundle, bad);
    assertThat(verify(proofs).output()).contains("peer: entry 0: invalid transparency proof");
    Files.write(bundle, good);
    String lines = Files.readString(proofs);
    Files.writeString(proofs, lines.replaceFirst("(inclusion \\d+) \\S+", "$1 " + TreeHash.EMPTY));
    assertThat(verify(proofs).output()).contains("invalid transparency proof");
    Files.writeString(proofs, lines);
    Path checkpoint = directory.resolve("checkpoint");
    Files.writeString(checkpoint, Files.readString(checkpoint).replace("\n300\n", "\n299\n"));
    assertThat(verify(proofs).output())
        .contains("peer: invalid signature for key example.com/audit");
  }

  /** Writes a log in batches of several sizes; says where its proofs are. */
  private Path write(int size) throws IOException {
    try (FileTileStore store = FileTileStore.toWrite(directory, false)) {
      LogWriter writer = LogWriter.create(store, SIGNER);
      int written = 0;
      for (int batch = 1; written < size; batch = Math.min(batch * 2, 3000)) {
        List<byte[]> entries = new ArrayList<>();
        for (int i = written; i < Math.min(size, written + batch); i++) {
          entries.add(("{\"sequence\":" + i + "}").getBytes(StandardCharsets.UTF_8));
        }
        writer.append(entries);
        written += entries.size();
      }
      LogReader reader = new LogReader(store, size);
      List<String> lines = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        long index = (long) i * (size - 1) / 15;
        lines.add("inclusion " + index + " " + text(reader.inclusion(index)));
        lines.add("consistency " + (index + 1) + " " + text(reader.consistency(index + 1)));
      }
      return Files.write(directory.resolve("proofs"), lines);
    }
  }

  private static String text(List<TreeHash> hashes) {
    return hashes.stream().map(TreeHash::toString).collect(Collectors.joining(" "));
  }

  private Outcome verify(Path proofs) throws Exception {
    return run(
        directory,
        List.of(PEER.toString(), directory.toString(), SIGNER.key().toString(), proofs.toString()));
  }

  private static Outcome run(Path at, List<String> command) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(at.toFile()).redirectErrorStream(true);
    // An older Go brings the version that go.mod wants.
    builder.environment().put("GOTOOLCHAIN", "auto");
    builder.environment().put("GOFLAGS", "-mod=readonly");
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Outcome(process.waitFor(), output);
  }
}
