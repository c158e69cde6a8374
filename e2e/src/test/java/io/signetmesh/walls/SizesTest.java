package io.signetmesh.walls;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Holds packages and classes of the main sources to a size that a reader can take in. */
final class SizesTest {
  private static final int MAX_CLASSES = 25;
  private static final int MAX_LINES = 500;

  /** Begins the sentence in the Javadoc of a longer class that says why it is not cut. */
  private static final String REASON = "Longer than 500 lines: ";

  @Test
  void noPackageHasMoreThan25Classes() throws IOException {
    TreeMap<String, Long> packages =
        sources().stream()
            .collect(
                Collectors.groupingBy(
                    source -> String.valueOf(source.getParent()),
                    TreeMap::new,
                    Collectors.counting()));

    assertThat(packages).isNotEmpty();
    packages.values().removeIf(classes -> classes <= MAX_CLASSES);
    assertThat(packages).isEmpty();
  }

  @Test
  void aClassOfMoreThan500LinesSaysWhy() throws IOException {
    List<String> silent = new ArrayList<>();
    for (Path source : sources()) {
      List<String> lines = Files.readAllLines(source);
      if (lines.size() > MAX_LINES && lines.stream().noneMatch(line -> line.contains(REASON))) {
        silent.add(source + ": " + lines.size() + " lines");
      }
    }

    assertThat(silent).isEmpty();
  }

  /** Main sources of all modules; tests run in the folder of their module. */
  private static List<Path> sources() throws IOException {
    try (Stream<Path> modules = Files.list(Path.of(".."))) {
      return modules
          .map(module -> module.resolve("src/main/java"))
          .filter(Files::isDirectory)
          .flatMap(SizesTest::javaFiles)
          .sorted()
          .toList();
    }
  }

  private static Stream<Path> javaFiles(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(file -> file.toString().endsWith(".java"))
          .filter(file -> !file.endsWith("package-info.java"))
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
