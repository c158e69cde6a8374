package io.signetmesh.identity.ca.revocation;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RevocationLogTest {
  @TempDir private Path directory;

  @Test
  void nothingIsAppendedToAFileThatLostItsName() throws Exception {
    Path state = Files.createDirectory(directory.resolve("state"));
    RevocationLog.Reader nothing =
        (RevocationLog.Reader)
            Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {RevocationLog.Reader.class},
                (proxy, method, arguments) -> null);
    try (RevocationLog log = RevocationLog.open(state, nothing)) {
      log.append(List.of(RevocationLog.number(1)));
      Files.delete(log.file());
      Files.delete(state);

      assertThatThrownBy(() -> log.replace(List.of(RevocationLog.number(1))))
          .isInstanceOf(IOException.class);
      assertThatThrownBy(() -> log.append(List.of(RevocationLog.number(2))))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("restart the identity server");
    }
  }
}
