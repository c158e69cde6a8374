package io.signetmesh.bench;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A program that the benchmark runs.
 *
 * @param program name on the path
 * @param debianPackage package that has it
 */
public record Tool(String program, String debianPackage) {
  /** Where Debian puts daemons, which is not on every user's path. */
  private static final List<String> MORE = List.of("/usr/sbin", "/usr/local/sbin");

  public boolean installed() {
    String path = System.getenv("PATH");
    List<String> all = new java.util.ArrayList<>(MORE);
    if (path != null) {
      all.addAll(List.of(path.split(File.pathSeparator, -1)));
    }
    return all.stream()
        .anyMatch(directory -> Files.isExecutable(Path.of(directory).resolve(program)));
  }
}
