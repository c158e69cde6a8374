package io.signetmesh.cli.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.pki.StateFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The directory of two processes, one of which takes over from the other. */
final class KeptTokensTest {
  @TempDir private Path directory;
  private KeptTokens first;
  private KeptTokens second;

  @BeforeEach
  void make() {
    first = new KeptTokens(directory);
    second = new KeptTokens(directory);
  }

  @Test
  void aTokenIsForItsUserOnlyAndGoesWithItsWorkload() throws Exception {
    first.keep("web", "a token");
    first.keep("web", "a newer token");
    Path file = directory.resolve("web");
    assertThat(file).hasContent("a newer token");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    first.forget("web");
    first.forget("web");
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void aProcessDeletesNothingThatItsSuccessorHasWritten() throws Exception {
    first.keep("web", "a token");
    first.keep("leaving", "a token");
    second.keep("web", "a token");
    first.forget("web");
    first.forgetAll();
    assertThat(directory.resolve("web")).hasContent("a token");
    assertThat(directory.resolve("leaving")).doesNotExist();
  }

  @Test
  void aSuccessorDeletesWhatIsNotItsOwn() throws Exception {
    first.keep("web", "a token");
    first.keep("leaving", "a token");
    // A process that was killed while it wrote.
    StateFiles.writeSecret(directory.resolve(".web.0123456789abcdef"), "a token");
    second.keep("web", "a token");
    second.forgetOthers();
    assertThat(directory.resolve("web")).hasContent("a token");
    assertThat(directory.toFile().list()).containsExactly("web");
  }
}
