package io.signetmesh.walls;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.docs.Repository;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Classes stay small enough to read, or say why they do not. */
final class LongClassesTest {
  private static final int MAX_LINES = 500;
  private static final String REASON = "Longer than 500 lines: ";

  @Test
  void aLongClassSaysWhyItIsLong() throws Exception {
    List<String> silent = new ArrayList<>();
    for (Path file : Repository.files(Repository.path(""), ".java")) {
      if (file.toString().contains("/src/main/java/")) {
        List<String> lines = Files.readAllLines(file);
        if (lines.size() > MAX_LINES && lines.stream().noneMatch(line -> line.contains(REASON))) {
          silent.add(file + ": " + lines.size() + " lines");
        }
      }
    }
    assertThat(silent).isEmpty();
  }
}
