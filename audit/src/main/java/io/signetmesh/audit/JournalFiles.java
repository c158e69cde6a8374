package io.signetmesh.audit;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Names and places of the files of a journal: the current one, and {@code file.1} (newest) to
 * {@code file.N}, which hold what was written before.
 */
public final class JournalFiles {
  private static final Set<PosixFilePermission> PRIVATE_FILE =
      PosixFilePermissions.fromString("rw-------");

  private JournalFiles() {}

  /**
   * The name of a file of a journal.
   *
   * @param number 0 for the current file, 1 for the newest of the others
   */
  public static Path numbered(Path file, int number) {
    return number == 0 ? file : beside(file, "." + number);
  }

  /** A file beside the journal: its name and a suffix. */
  static Path beside(Path file, String suffix) {
    return file.resolveSibling(file.getFileName() + suffix);
  }

  /**
   * The number of the last whole line of a journal, of any process that writes to it.
   *
   * @return 0 when it has none
   * @throws IOException when it cannot be read, or does not end with a line of a journal
   */
  public static long lastSequence(Path file) throws IOException {
    try (FileChannel current = FileChannel.open(file, StandardOpenOption.READ)) {
      long end = LastLine.end(current, current.size());
      if (end > 0) {
        return LastLine.sequence(current, end);
      }
    } catch (NoSuchFileException e) {
      // It begins with the next record.
    }
    return lastOfPrevious(file);
  }

  /** The number of the last line of the newest file but the current one; 0 when there is none. */
  static long lastOfPrevious(Path file) throws IOException {
    try (FileChannel rotated = FileChannel.open(numbered(file, 1), StandardOpenOption.READ)) {
      return LastLine.sequence(rotated, LastLine.end(rotated, rotated.size()));
    } catch (NoSuchFileException e) {
      return 0;
    }
  }

  /** Opens a file to read and write, and makes it if it is missing. */
  static FileChannel open(Path file) throws IOException {
    return FileChannel.open(
        file,
        Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE),
        privateFile());
  }

  static FileAttribute<?> privateFile() {
    return PosixFilePermissions.asFileAttribute(PRIVATE_FILE);
  }

  /** Which file has a name: another one may have it later. */
  static @Nullable Object key(Path file) throws IOException {
    return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
  }

  static void createDirectory(Path file) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory != null && !Files.isDirectory(directory)) {
      Files.createDirectories(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
  }

  /** Makes the current file the newest of the others; the next record begins a new one. */
  static void rotate(Path file, int keptFiles) throws IOException {
    for (int i = keptFiles - 1; i >= 1; i--) {
      Path from = numbered(file, i);
      if (Files.exists(from)) {
        Files.move(from, numbered(file, i + 1), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    Files.move(file, numbered(file, 1), StandardCopyOption.REPLACE_EXISTING);
  }
}
