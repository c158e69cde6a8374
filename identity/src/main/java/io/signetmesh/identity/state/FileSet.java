package io.signetmesh.identity.state;

import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Replaces several files of a directory as one change. The new files are first written to a
 * directory beside it, which gets its name when all of them are on the disk. From then on the
 * change has taken place: who reads the files calls {@link #recover} before, which completes a
 * change that a crash cut short. Files have mode 0600, or 0644 if they are public. For one writer
 * at a time.
 */
public final class FileSet {
  private final Path directory;
  private final Set<String> publicNames;
  private final Path fresh;
  private final Path pending;
  private final Path done;

  /**
   * The files of a directory.
   *
   * @param directory exists; {@code .NAME.new}, {@code .NAME.pending} and {@code .NAME.done} beside
   *     it belong to this class
   * @param publicNames files that everybody may read
   */
  public FileSet(Path directory, Set<String> publicNames) {
    this.directory = directory;
    this.publicNames = Set.copyOf(publicNames);
    String name = directory.getFileName().toString();
    this.fresh = directory.resolveSibling("." + name + ".new");
    this.pending = directory.resolveSibling("." + name + ".pending");
    this.done = directory.resolveSibling("." + name + ".done");
  }

  /**
   * Replaces files, or removes those with empty content. Other files of the directory stay.
   *
   * @param files content by name
   * @throws IOException when nothing has changed, or when the change is on the disk and {@link
   *     #recover} has to complete it
   */
  public void replace(Map<String, byte[]> files) throws IOException {
    recover();
    delete(fresh);
    StateFiles.createDirectory(fresh);
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      StateFiles.writeSecret(fresh.resolve(file.getKey()), file.getValue());
    }
    Files.move(fresh, pending, StandardCopyOption.ATOMIC_MOVE);
    syncParent();
    recover();
  }

  /**
   * Completes a change that was cut short; without one it does nothing.
   *
   * @throws IOException when it cannot be completed: the files must not be used then
   */
  public void recover() throws IOException {
    if (Files.isDirectory(pending)) {
      for (Path file : files(pending)) {
        Path target = directory.resolve(file.getFileName().toString());
        byte[] content = Files.readAllBytes(file);
        if (content.length == 0) {
          Files.deleteIfExists(target);
        } else if (publicNames.contains(target.getFileName().toString())) {
          StateFiles.writePublic(target, content);
        } else {
          StateFiles.writeSecret(target, content);
        }
      }
      delete(done);
      Files.move(pending, done, StandardCopyOption.ATOMIC_MOVE);
      syncParent();
    }
    delete(done);
    delete(fresh);
  }

  private void syncParent() throws IOException {
    Path parent = directory.toAbsolutePath().getParent();
    if (parent != null) {
      try (FileChannel channel = FileChannel.open(parent, StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }

  private static List<Path> files(Path directory) throws IOException {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(directory)) {
      all.forEach(files::add);
    }
    files.sort(null);
    return files;
  }

  private static void delete(Path directory) throws IOException {
    if (Files.isDirectory(directory)) {
      for (Path file : files(directory)) {
        Files.delete(file);
      }
      Files.delete(directory);
    }
  }
}
