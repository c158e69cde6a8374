package io.signetmesh.identity.pki;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StateFilesTest {
  @TempDir private Path state;

  @Test
  void whatAKilledProcessLeftIsDeletedAndNothingElse() throws Exception {
    StateFiles.writeSecret(state.resolve("anchor.key"), "key");
    List<Path> kept =
        List.of(
            state.resolve("anchor.key"),
            Files.writeString(state.resolve("anchor.key.0123456789abcdef"), "a copy"),
            Files.writeString(state.resolve(".lock"), ""),
            Files.writeString(state.resolve(".anchor.key.0123456789abcde"), "one digit less"),
            Files.createDirectory(state.resolve(".ca.0123456789abcdef")));
    Path old = state.resolve(".anchor.key.0123456789abcdef");
    Path young = state.resolve(".anchor.key.fedcba9876543210");
    for (Path left : List.of(old, young)) {
      Files.writeString(left, "key");
    }
    Files.setLastModifiedTime(old, FileTime.from(Instant.now().minusSeconds(3_600)));

    StateFiles.deleteUnfinished(state, Duration.ofMinutes(30));
    assertThat(old).doesNotExist();
    assertThat(young).exists();
    StateFiles.deleteUnfinished(state, Duration.ZERO);
    assertThat(young).doesNotExist();
    assertThat(kept).allMatch(Files::exists);

    StateFiles.deleteUnfinished(state.resolve("missing"), Duration.ZERO);
  }
}
