package io.signetmesh.docs;

import io.signetmesh.cli.process.SignetProcess;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The files of the repository, without what builds leave behind. */
public final class Repository {
  private Repository() {}

  /** A file or directory. */
  public static Path path(String relative) throws IOException {
    return SignetProcess.launcher().resolveSibling(relative);
  }

  /** The text of a file. */
  static String text(String relative) throws IOException {
    return Files.readString(path(relative));
  }

  /** All Markdown documents, sorted. */
  static List<Path> documents() throws IOException {
    return files(path(""), ".md");
  }

  /**
   * The Java sources of all modules: the text by the name of the top-level class.
   *
   * @param kinds {@code main}, {@code test}
   */
  static Map<String, String> classes(String... kinds) throws IOException {
    Map<String, String> sources = new HashMap<>();
    for (String kind : kinds) {
      for (Path file : files(path(""), ".java")) {
        if (file.toString().contains("/src/" + kind + "/java/")) {
          String name = file.getFileName().toString().replace(".java", "");
          sources.merge(name, Files.readString(file), String::concat);
        }
      }
    }
    return sources;
  }

  /** Files of a suffix, sorted. */
  public static List<Path> files(Path root, String suffix) throws IOException {
    List<Path> found = new ArrayList<>();
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
            String name = directory.getFileName().toString();
            boolean built = name.equals("target") || name.startsWith(".");
            return built && !directory.equals(root)
                ? FileVisitResult.SKIP_SUBTREE
                : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (file.toString().endsWith(suffix)) {
              found.add(file);
            }
            return FileVisitResult.CONTINUE;
          }
        });
    found.sort(null);
    return found;
  }
}
