package io.signetmesh.policy.keys;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.policy.token.KeyLocation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is kept of key sets between two runs of the controller. */
final class KeySetFilesTest {
  private static final KeyLocation A = KeyLocation.keySet("https://id.example/a", "");
  private static final KeyLocation B = KeyLocation.keySet("https://id.example/b", "");
  private static final KeySetMemory.Kept KEPT =
      new KeySetMemory.Kept("{\"keys\":[]}", Instant.parse("2026-11-01T00:00:00.5Z"));

  @TempDir private Path directory;

  private static List<Path> files(Path folder) throws Exception {
    try (var listed = Files.list(folder)) {
      return listed.toList();
    }
  }

  @Test
  void whatIsSavedIsLoadedByAnother() throws Exception {
    Path folder = directory.resolve("state/key-sets");
    KeySetFiles files = new KeySetFiles(folder);
    assertThat(files.load(A)).isEmpty();
    files.save(A, new KeySetMemory.Kept("{}", Instant.EPOCH));
    files.save(A, KEPT);
    KeySetFiles other = new KeySetFiles(folder);
    assertThat(other.load(A)).contains(KEPT);
    assertThat(other.load(B)).isEmpty();
    assertThat(other.load(KeyLocation.keySet(A.url(), "another anchor"))).isEmpty();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)))
        .isEqualTo("rwx------");
    assertThat(files(folder))
        .singleElement()
        .satisfies(
            file ->
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                    .isEqualTo("rw-------"));
  }

  @Test
  void whatCannotBeReadIsAsIfItWereNotThere() throws Exception {
    KeySetFiles files = new KeySetFiles(directory.resolve("k"));
    files.save(A, KEPT);
    Path file = files(directory.resolve("k")).getFirst();
    for (String text :
        List.of(
            "",
            "[",
            "[]",
            "{}",
            "{\"url\":\"https://id.example/a\"}",
            "{\"url\":\"https://id.example/b\",\"fetchedAt\":\"2026-11-01T00:00:00Z\"}")) {
      Files.writeString(file, text);
      assertThat(files.load(A)).as(text).isEmpty();
    }
  }

  @Test
  void othersAreForgotten() throws Exception {
    KeySetFiles files = new KeySetFiles(directory.resolve("k"));
    files.save(A, KEPT);
    files.save(B, KEPT);
    Files.writeString(directory.resolve("k/notes.txt"), "mine");
    files.retain(List.of(B));
    assertThat(files.load(A)).isEmpty();
    assertThat(files.load(B)).contains(KEPT);
    assertThat(directory.resolve("k/notes.txt")).exists();
  }

  @Test
  void aDirectoryThatCannotBeWrittenLosesKeysAndNothingElse() throws Exception {
    KeySetFiles files = new KeySetFiles(directory.resolve("k"));
    Files.delete(directory.resolve("k"));
    files.save(A, KEPT);
    files.retain(List.of());
    assertThat(files.load(A)).isEmpty();
  }
}
