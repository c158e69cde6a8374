package io.signetmesh.cli.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.cli.host.MeshNames;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EntryFileTest {
  @TempDir Path directory;

  private EntryFile entries(String selectors) throws Exception {
    Path file =
        Files.writeString(
            directory.resolve("entries.yaml"),
            """
            - namespace: shop
              serviceAccount: web
              tokenFile: web.token
              selectors: [%s]
            """
                .formatted(selectors));
    return new EntryFile(file, MeshNames.DEFAULT, null);
  }

  @Test
  void anEntryWithoutAUserIsRefusedWithItsPlaceAndWhy() throws Exception {
    assertThat(entries("\"unix:uid:1000\", \"unix:path:/usr/bin/web\"").read()).hasSize(1);

    assertThatThrownBy(() -> entries("\"unix:path:/usr/bin/web\"").read())
        .isInstanceOf(EntryFile.InvalidEntriesException.class)
        .hasMessageContaining("entries.yaml:4:")
        .hasMessageContaining("[unix:path:/usr/bin/web]: expected unix:uid:NUMBER")
        .hasMessageContaining("only narrow within a user");
  }
}
