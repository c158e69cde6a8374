package io.signetmesh.identity.spiffe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SocketDirectoryTest {
  @TempDir Path directory;

  @Test
  void aMissingDirectoryIsMadeForEveryoneToEnterAndNobodyToChange() throws Exception {
    SocketDirectory.require(directory.resolve("run/agent.sock"));

    assertThat(
            PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve("run"))))
        .isEqualTo("rwxr-xr-x");
  }

  @Test
  void aDirectoryThatOthersMayWriteToIsRefusedAndSoIsOneBelowIt() throws Exception {
    Path below = Files.createDirectory(directory.resolve("below"));
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxr-x"));

    for (Path socket : new Path[] {directory.resolve("a.sock"), below.resolve("a.sock")}) {
      assertThatThrownBy(() -> SocketDirectory.require(socket))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("is writable by others (mode 775)");
    }
  }

  @Test
  void aStickyDirectoryDoesAboveTheSocketsOwnAndNotAsItsOwn() throws Exception {
    Path own = Files.createDirectory(directory.resolve("own"));
    Files.setAttribute(directory, "unix:mode", 01777);

    assertThatCode(() -> SocketDirectory.require(own.resolve("a.sock"))).doesNotThrowAnyException();
    assertThatThrownBy(() -> SocketDirectory.require(directory.resolve("a.sock")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("is writable by others");
  }
}
