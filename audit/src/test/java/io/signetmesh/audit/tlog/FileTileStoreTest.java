package io.signetmesh.audit.tlog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A log in files. */
final class FileTileStoreTest {
  private static final NoteSigner SIGNER = Keys.log("example.com/audit");

  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void theFilesAreThoseOfTheSpecificationAndPrivate(boolean sync) throws Exception {
    Path log = directory.resolve("log");
    try (FileTileStore store = FileTileStore.toWrite(log, sync)) {
      LogWriter writer = LogWriter.create(store, SIGNER);
      writer.append(entries(0, 200));
      writer.append(entries(200, 100));
    }

    List<String> files = new ArrayList<>();
    try (Stream<Path> found = Files.walk(log)) {
      for (Path file : found.toList()) {
        String mode = PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
        assertThat(mode).isEqualTo(Files.isDirectory(file) ? "rwx------" : "rw-------");
        if (Files.isRegularFile(file)) {
          files.add(log.relativize(file).toString());
        }
      }
    }
    assertThat(files)
        .containsExactlyInAnyOrder(
            "checkpoint",
            "checkpoint.pending",
            "writer.lock",
            "tile/0/000",
            "tile/0/001.p/44",
            "tile/1/000.p/1",
            "tile/entries/000",
            "tile/entries/001.p/44");
    FileTileStore reader = FileTileStore.toRead(log);
    Checkpoint newest =
        Checkpoint.open(Files.readAllBytes(log.resolve("checkpoint")), SIGNER.key());
    assertThat(newest.size()).isEqualTo(300);
    assertThat(LogVerifier.verify(reader, newest, done -> {})).isEmpty();
    assertThatThrownBy(() -> reader.put("checkpoint", new byte[0]))
        .hasMessage(log + " was opened to be read");
  }

  @Test
  void thereIsOneWriter() throws Exception {
    try (FileTileStore first = FileTileStore.toWrite(directory, false)) {
      assertThat(first.get("checkpoint")).isNull();
      assertThatThrownBy(() -> FileTileStore.toWrite(directory, false))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("this process writes this log already");
      // The refusal has not taken the lock away.
      assertThat(isLockedForOthers()).isTrue();
    }
    assertThat(isLockedForOthers()).isFalse();
    FileTileStore.toWrite(directory, false).close();
  }

  private boolean isLockedForOthers() throws Exception {
    // The kernel lists the inodes of files that are locked.
    return Files.readString(Path.of("/proc/locks"))
        .contains(":" + Files.getAttribute(directory.resolve("writer.lock"), "unix:ino") + " ");
  }

  @Test
  void nothingIsChangedOnceTheLockWasGivenBack() throws Exception {
    Path log = directory.resolve("log");
    FileTileStore store = FileTileStore.toWrite(log, false);
    LogWriter first = LogWriter.create(store, SIGNER);
    store.close();
    try (FileTileStore next = FileTileStore.toWrite(log, false)) {
      byte[] before = next.get(TileStore.CHECKPOINT);
      assertThatThrownBy(() -> first.append(entries(0, 1)))
          .hasMessageContaining("its lock may be another writer's");
      assertThatThrownBy(() -> store.deletePartial(new TilePath(0, 0, 256)))
          .hasMessageContaining("was closed");
      assertThatThrownBy(() -> store.deleteEntries(0)).hasMessageContaining("was closed");
      assertThat(next.get(TileStore.CHECKPOINT)).isEqualTo(before);
    }
  }

  @Test
  void aLogWhoseCheckpointIsGoneOrOlderGoesOnNowhere() throws Exception {
    try (FileTileStore store = FileTileStore.toWrite(directory, false)) {
      LogWriter writer = LogWriter.create(store, SIGNER);
      writer.append(entries(0, 10));
      byte[] older = Files.readAllBytes(directory.resolve("checkpoint"));
      writer.append(entries(10, 10));
      assertThatThrownBy(() -> LogWriter.create(store, SIGNER))
          .hasMessageContaining(
              "is not empty: expected nothing where log example.com/audit begins");
      Files.write(directory.resolve("checkpoint"), older);
      assertThat(LogWriter.open(store, SIGNER, 20).checkpoint().size()).isEqualTo(20);
      Files.write(directory.resolve("checkpoint"), older);
      Files.write(directory.resolve("checkpoint.pending"), older);
      assertThatThrownBy(() -> LogWriter.open(store, SIGNER, 20))
          .hasMessageContaining("is of 10 entries: expected 20 or more");
      Files.delete(directory.resolve("checkpoint"));
      Files.delete(directory.resolve("checkpoint.pending"));
      assertThatThrownBy(() -> LogWriter.open(store, SIGNER, 0))
          .hasMessageContaining("has no checkpoint: expected log example.com/audit");
      assertThatThrownBy(() -> LogWriter.create(store, SIGNER))
          .hasMessageContaining("is not empty");
    }
  }

  @Test
  void nothingIsAppendedToALogThatWasChanged() throws Exception {
    try (FileTileStore store = FileTileStore.toWrite(directory, false)) {
      LogWriter.create(store, SIGNER).append(entries(0, 300));
      Path bundle = directory.resolve("tile/entries/001.p/44");
      byte[] good = Files.readAllBytes(bundle);
      byte[] bad = good.clone();
      bad[20] ^= 1;
      Files.write(bundle, bad);
      assertThatThrownBy(() -> LogWriter.open(store, SIGNER, 0))
          .isInstanceOf(MalformedLogException.class)
          .hasMessage("entry 257 has another hash than in its tile");
      Files.write(bundle, good);
      Path tile = directory.resolve("tile/1/000.p/1");
      byte[] hash = Files.readAllBytes(tile);
      hash[0] ^= 1;
      Files.write(tile, hash);
      assertThatThrownBy(() -> LogWriter.open(store, SIGNER, 0))
          .isInstanceOf(MalformedLogException.class)
          .hasMessageContaining("its checkpoint of 300 entries says ");
      assertThatThrownBy(() -> LogWriter.open(store, Keys.log("example.com/audit"), 0))
          .isInstanceOf(MalformedLogException.class)
          .hasMessageContaining("is not signed by example.com/audit+");
    }
  }

  @Test
  void nothingIsReadOrWrittenOutsideTheDirectory() throws Exception {
    try (FileTileStore store = FileTileStore.toWrite(directory.resolve("log"), false)) {
      for (String path :
          List.of("../secret", "tile/../../secret", "", "/etc/passwd", "writer.lock")) {
        assertThatThrownBy(() -> store.get(path)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> store.put(path, new byte[0]))
            .isInstanceOf(IllegalArgumentException.class);
      }
    }
  }

  /** What a process that was killed has left of a part does no harm. */
  @Test
  void aPartThatWasNotFinishedIsWrittenOver() throws Exception {
    try (FileTileStore store = FileTileStore.toWrite(directory, true)) {
      Files.writeString(directory.resolve("checkpoint.new"), "half of a checkp");
      LogWriter.create(store, SIGNER).append(entries(0, 1));

      assertThat(LogWriter.open(store, SIGNER, 0).checkpoint().size()).isEqualTo(1);
      assertThat(directory.resolve("checkpoint.new")).doesNotExist();
    }
  }

  @Test
  void anEntryThatIsTooLargeLeavesTheLogAsItWas() throws Exception {
    try (FileTileStore store = FileTileStore.toWrite(directory, false)) {
      LogWriter writer = LogWriter.create(store, SIGNER);
      writer.append(List.of(new byte[EntryBundle.MAX_ENTRY]));

      assertThatThrownBy(
              () -> writer.append(List.of(new byte[1], new byte[EntryBundle.MAX_ENTRY + 1])))
          .hasMessage("an entry of 65536 bytes: expected at most 65535");
      assertThat(writer.append(List.of(new byte[2]))).isEqualTo(1);
    }
  }

  private static List<byte[]> entries(int first, int count) {
    List<byte[]> entries = new ArrayList<>();
    for (int i = first; i < first + count; i++) {
      entries.add(("entry " + i).getBytes(StandardCharsets.UTF_8));
    }
    return entries;
  }
}
