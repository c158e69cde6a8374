package io.signetmesh.policy.fetch;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.signetmesh.policy.document.DocumentLocation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is kept of key sets between two runs of the controller. */
final class DocumentFilesTest {
  private static final DocumentLocation A = DocumentLocation.keySet("https://id.example/a", "");
  private static final DocumentLocation B = DocumentLocation.keySet("https://id.example/b", "");
  private static final DocumentMemory.Kept KEPT =
      new DocumentMemory.Kept(
          ByteString.copyFromUtf8("{\"keys\":[]}"), Instant.parse("2026-11-01T00:00:00.5Z"));

  @TempDir private Path directory;

  private static List<Path> files(Path folder) throws Exception {
    try (var listed = Files.list(folder)) {
      return listed.toList();
    }
  }

  @Test
  void whatIsSavedIsLoadedByAnother() throws Exception {
    Path folder = directory.resolve("state/key-sets");
    DocumentFiles files = new DocumentFiles(folder);
    assertThat(files.load(A)).isEmpty();
    files.save(A, new DocumentMemory.Kept(ByteString.copyFromUtf8("{}"), Instant.EPOCH));
    files.save(A, KEPT);
    DocumentFiles other = new DocumentFiles(folder);
    assertThat(other.load(A)).contains(KEPT);
    assertThat(other.load(B)).isEmpty();
    assertThat(other.load(DocumentLocation.keySet(A.url(), "another anchor"))).isEmpty();
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
    DocumentFiles files = new DocumentFiles(directory.resolve("k"));
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
    DocumentFiles files = new DocumentFiles(directory.resolve("k"));
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
    DocumentFiles files = new DocumentFiles(directory.resolve("k"));
    Files.delete(directory.resolve("k"));
    files.save(A, KEPT);
    files.retain(List.of());
    assertThat(files.load(A)).isEmpty();
  }

  @Test
  void aBundleIsKeptAsItIs() throws Exception {
    DocumentLocation location = DocumentLocation.bundle("https://id.example/a", "");
    byte[] bytes = new byte[1 << 20];
    new Random(1).nextBytes(bytes);
    DocumentFiles files = new DocumentFiles(directory.resolve("k"));
    DocumentMemory.Kept bundle =
        new DocumentMemory.Kept(ByteString.copyFrom(bytes), KEPT.fetchedAt());
    files.save(location, bundle);
    files.save(A, KEPT);
    assertThat(files.load(location)).contains(bundle);
    assertThat(files.load(A)).contains(KEPT);
    assertThat(files.load(DocumentLocation.bundleFile("shop", location.url()))).isEmpty();
    for (Path file : files(directory.resolve("k"))) {
      Files.writeString(
          file,
          "{\"url\":\"https://id.example/a\",\"fetchedAt\":\"2026-11-01T00:00:00Z\",\"bundle\":\"*\"}");
    }
    assertThat(files.load(location)).isEmpty();
  }
}
