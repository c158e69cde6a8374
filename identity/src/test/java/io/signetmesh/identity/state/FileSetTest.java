package io.signetmesh.identity.state;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FileSetTest {
  @TempDir private Path state;
  private Path ca;
  private FileSet files;

  @BeforeEach
  void make() throws IOException {
    ca = state.resolve("ca");
    StateFiles.createDirectory(ca);
    StateFiles.writeSecret(ca.resolve("key"), "old key");
    StateFiles.writeSecret(ca.resolve("cross"), "old cross");
    StateFiles.writeSecret(ca.resolve("other"), "other");
    files = new FileSet(ca, Set.of("issuer"));
  }

  @Test
  void filesAreReplacedRemovedAndLeftAlone() throws IOException {
    files.replace(Map.of("key", bytes("new key"), "cross", bytes(""), "issuer", bytes("new")));

    assertThat(content("key")).isEqualTo("new key");
    assertThat(content("issuer")).isEqualTo("new");
    assertThat(ca.resolve("cross")).doesNotExist();
    assertThat(content("other")).isEqualTo("other");
    assertThat(Files.getPosixFilePermissions(ca.resolve("key")))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
    assertThat(Files.getPosixFilePermissions(ca.resolve("issuer")))
        .isEqualTo(PosixFilePermissions.fromString("rw-r--r--"));
    try (Stream<Path> all = Files.list(state)) {
      assertThat(all).containsExactly(ca);
    }
  }

  @Test
  void changeThatACrashCutShortBeforeItWasWholeHasNotTakenPlace() throws IOException {
    StateFiles.createDirectory(state.resolve(".ca.new"));
    StateFiles.writeSecret(state.resolve(".ca.new/key"), "half");

    files.recover();

    assertThat(content("key")).isEqualTo("old key");
  }

  @Test
  void changeThatACrashCutShortAfterItWasWholeIsCompleted() throws IOException {
    StateFiles.createDirectory(state.resolve(".ca.pending"));
    StateFiles.writeSecret(state.resolve(".ca.pending/key"), "new key");
    StateFiles.writeSecret(state.resolve(".ca.pending/issuer"), "new");
    // One file had its turn before the crash.
    StateFiles.writeSecret(ca.resolve("issuer"), "new");

    files.recover();

    assertThat(content("key")).isEqualTo("new key");
    assertThat(content("issuer")).isEqualTo("new");
    assertThat(state.resolve(".ca.pending")).doesNotExist();
  }

  @Test
  void leftoversOfACompletedChangeAreNotAppliedAgain() throws IOException {
    StateFiles.createDirectory(state.resolve(".ca.done"));
    StateFiles.writeSecret(state.resolve(".ca.done/key"), "earlier");

    files.recover();

    assertThat(content("key")).isEqualTo("old key");
    assertThat(state.resolve(".ca.done")).doesNotExist();
  }

  @Test
  void changeThatCannotBeCompletedIsAnErrorAndCompletedLater() throws IOException {
    // A directory is in the place of a file.
    Files.createDirectory(ca.resolve("zz"));
    Files.createFile(ca.resolve("zz/in the way"));

    assertThatThrownBy(() -> files.replace(Map.of("key", bytes("new key"), "zz", bytes("content"))))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> files.recover()).isInstanceOf(IOException.class);

    Files.delete(ca.resolve("zz/in the way"));
    Files.delete(ca.resolve("zz"));
    files.recover();
    assertThat(content("key")).isEqualTo("new key");
    assertThat(content("zz")).isEqualTo("content");
  }

  private String content(String name) throws IOException {
    return Files.readString(ca.resolve(name));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }
}
