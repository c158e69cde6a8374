package io.signetmesh.identity.pki;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.Set;

/**
 * Writes files of a state directory: each is created with its mode, synced and renamed into place,
 * so that a reader or a crash sees the old content or the new, and a secret is never readable by
 * others.
 */
public final class StateFiles {
  private static final Set<PosixFilePermission> SECRET =
      PosixFilePermissions.fromString("rw-------");
  private static final Set<PosixFilePermission> PUBLIC =
      PosixFilePermissions.fromString("rw-r--r--");

  private StateFiles() {}

  /** Writes a file of mode 0600. */
  public static void writeSecret(Path file, byte[] content) throws IOException {
    write(file, content, SECRET);
  }

  /** Writes a text file of mode 0600. */
  public static void writeSecret(Path file, String content) throws IOException {
    write(file, content.getBytes(StandardCharsets.UTF_8), SECRET);
  }

  /** Writes a text file of mode 0644. */
  public static void writePublic(Path file, String content) throws IOException {
    write(file, content.getBytes(StandardCharsets.UTF_8), PUBLIC);
  }

  /** Makes a directory of mode 0700, with its parents, unless it is there. */
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
   * @throws PkiException when group or others have any right on the file
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
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
    try (FileChannel parent = FileChannel.open(directory, StandardOpenOption.READ)) {
      parent.force(true);
    }
  }
}
