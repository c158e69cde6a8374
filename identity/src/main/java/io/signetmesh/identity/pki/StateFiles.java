package io.signetmesh.identity.pki;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Writes files of a state directory. Each file is created with its mode, synced and renamed into
 * place: a reader, or a restart after a crash, sees the old content or the new, and a secret is
 * never readable by others.
 */
public final class StateFiles {
  private static final Set<PosixFilePermission> SECRET =
      PosixFilePermissions.fromString("rw-------");
  private static final Set<PosixFilePermission> PUBLIC =
      PosixFilePermissions.fromString("rw-r--r--");

  /** Names of files that are not whole yet: {@code .NAME.} and 16 hexadecimal digits. */
  private static final Pattern TEMPORARY = Pattern.compile("\\..+\\.[0-9a-f]{16}");

  private StateFiles() {}

  /**
   * Deletes what a process left that was killed while it wrote: files that never got their name,
   * with keys in them maybe. Files of subdirectories are left alone.
   *
   * @param age a younger file may be of another process that writes it now
   * @throws IOException when the directory cannot be read or a file cannot be deleted
   */
  public static void deleteUnfinished(Path directory, Duration age) throws IOException {
    if (!Files.isDirectory(directory)) {
      return;
    }
    Instant before = Instant.now().minus(age);
    List<Path> left = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        if (TEMPORARY.matcher(file.getFileName().toString()).matches()
            && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
            && !Files.getLastModifiedTime(file).toInstant().isAfter(before)) {
          left.add(file);
        }
      }
    }
    for (Path file : left) {
      Files.deleteIfExists(file);
    }
  }

  /**
   * Writes a file of mode 0600.
   *
   * @throws IOException when the file cannot be written
   */
  public static void writeSecret(Path file, byte[] content) throws IOException {
    write(file, content, SECRET);
  }

  /** Writes a text file of mode 0600, as {@link #writeSecret(Path, byte[])}. */
  public static void writeSecret(Path file, String content) throws IOException {
    write(file, content.getBytes(StandardCharsets.UTF_8), SECRET);
  }

  /** Writes a file of mode 0644. */
  public static void writePublic(Path file, byte[] content) throws IOException {
    write(file, content, PUBLIC);
  }

  /** Writes a text file of mode 0644. */
  public static void writePublic(Path file, String content) throws IOException {
    write(file, content.getBytes(StandardCharsets.UTF_8), PUBLIC);
  }

  /** Creates a directory of mode 0700, with its parents, unless it exists. */
  public static void createDirectory(Path directory) throws IOException {
    Path parent = directory.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    try {
      Files.createDirectory(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (FileAlreadyExistsException e) {
      if (!Files.isDirectory(directory)) {
        throw e;
      }
    }
  }

  /**
   * Refuses a secret that others may read.
   *
   * @throws PkiException when group or others have any permission on the file
   */
  public static void requireSecret(Path file) throws IOException, PkiException {
    Set<PosixFilePermission> rights =
        EnumSet.copyOf(Files.getPosixFilePermissions(file, LinkOption.NOFOLLOW_LINKS));
    rights.removeAll(
        EnumSet.of(
            PosixFilePermission.OWNER_READ,
            PosixFilePermission.OWNER_WRITE,
            PosixFilePermission.OWNER_EXECUTE));
    if (!rights.isEmpty()) {
      throw new PkiException(
          file
              + " is open to others ("
              + PosixFilePermissions.toString(Files.getPosixFilePermissions(file))
              + "): expected rw-------");
    }
  }

  /**
   * Refuses a file that others may change.
   *
   * @throws PkiException when group or others may write to the file
   */
  public static void requireOwnersToChange(Path file) throws IOException, PkiException {
    Set<PosixFilePermission> rights = Files.getPosixFilePermissions(file);
    if (rights.contains(PosixFilePermission.GROUP_WRITE)
        || rights.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw new PkiException(
          file
              + " can be changed by others ("
              + PosixFilePermissions.toString(rights)
              + "): expected rw-r--r--");
    }
  }

  private static void write(Path file, byte[] content, Set<PosixFilePermission> mode)
      throws IOException {
    Path target = file.toAbsolutePath();
    Path directory = target.getParent();
    if (directory == null) {
      throw new IOException(file + " is not a file in a directory");
    }
    byte[] suffix = new byte[8];
    new SecureRandom().nextBytes(suffix);
    Path temporary =
        directory.resolve("." + target.getFileName() + "." + HexFormat.of().formatHex(suffix));
    try {
      try (FileChannel out =
          FileChannel.open(
              temporary,
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              PosixFilePermissions.asFileAttribute(mode))) {
        ByteBuffer bytes = ByteBuffer.wrap(content);
        while (bytes.hasRemaining()) {
          out.write(bytes);
        }
        out.force(true);
      }
      replace(temporary, target);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  /**
   * Gives a file that is on the disk the name of another one, atomically, and syncs the directory.
   *
   * @param temporary in the same directory
   * @throws IOException when it cannot; the file then has either name
   */
  public static void replace(Path temporary, Path file) throws IOException {
    Path target = file.toAbsolutePath();
    Files.move(
        temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    try (FileChannel parent =
        FileChannel.open(target.resolveSibling("."), StandardOpenOption.READ)) {
      parent.force(true);
    }
  }
}
