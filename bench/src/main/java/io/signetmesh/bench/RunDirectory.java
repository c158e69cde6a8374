package io.signetmesh.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The directory of a run: one that the user wants to keep, or a temporary one that is deleted.
 *
 * @param path the directory
 * @param kept whether it stays when this is closed
 */
public record RunDirectory(Path path, boolean kept) implements AutoCloseable {
  /**
   * Makes the directory.
   *
   * @param name begins the name of a temporary directory
   * @param keep the directory to keep; null for a temporary one
   * @throws IOException when it cannot be made, or the directory to keep exists
   */
  public static RunDirectory open(String name, @Nullable Path keep) throws IOException {
    return keep == null
        ? new RunDirectory(Files.createTempDirectory("signet-" + name), false)
        : new RunDirectory(Files.createDirectory(keep.toAbsolutePath()), true);
  }

  @Override
  public void close() throws IOException {
    if (kept) {
      return;
    }
    try (Stream<Path> all = Files.walk(path)) {
      for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(each);
      }
    }
  }
}
