package io.signetmesh.identity.state;

import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.net.BindException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The path of a Unix socket. A socket is bound in a directory of mode 0700, gets its own mode
 * there, and is renamed into place: at no time can more users open it than its mode allows.
 *
 * <p>Only one server at a time has the path. It holds a lock on {@code <name>.lock}, which the
 * kernel releases when the process ends. So the socket of a server that is gone is replaced, and
 * that of a running server is not.
 */
public final class SocketFile implements AutoCloseable {
  /** Longest name of a Unix socket, in bytes, unix(7). */
  private static final int MAX_PATH = 107;

  /** The directory {@code .sock-xxxxxx} and the socket {@code s} in it. */
  private static final int TEMPORARY_BYTES = "/.sock-123456/s".length();

  private final Path path;
  private final Set<PosixFilePermission> mode;
  private final Path directory;
  private final FileChannel lockFile;
  private final FileLock lock;
  private @Nullable Object fileKey;

  private SocketFile(
      Path path,
      Set<PosixFilePermission> mode,
      Path directory,
      FileChannel lockFile,
      FileLock lock) {
    this.path = path;
    this.mode = mode;
    this.directory = directory;
    this.lockFile = lockFile;
    this.lock = lock;
  }

  /**
   * Reserves the path.
   *
   * @param mode mode of the socket, such as {@code rw-------}
   * @throws BindException when a running server has the path
   * @throws IOException when the path is too long or the directory cannot be written to
   */
  public static SocketFile take(Path socket, String mode) throws IOException {
    Path path = socket.toAbsolutePath().normalize();
    Path parent = Objects.requireNonNull(path.getParent(), "a socket is in a directory");
    requireLength(path, bytes(path), MAX_PATH);
    requireLength(path, bytes(parent) + TEMPORARY_BYTES, MAX_PATH);
    byte[] suffix = new byte[3];
    new SecureRandom().nextBytes(suffix);
    Path directory = parent.resolve(".sock-" + HexFormat.of().formatHex(suffix));
    FileChannel lockFile =
        FileChannel.open(
            path.resolveSibling(path.getFileName() + ".lock"),
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      FileLock lock = tryLock(lockFile);
      if (lock == null) {
        throw new BindException(path + " is the socket of another server that runs");
      }
      StateFiles.createDirectory(directory);
      return new SocketFile(path, PosixFilePermissions.fromString(mode), directory, lockFile, lock);
    } catch (IOException | RuntimeException e) {
      lockFile.close();
      throw e;
    }
  }

  /** Temporary path to bind the socket to. */
  public Path temporary() {
    return directory.resolve("s");
  }

  /** Renames the bound socket into place, replacing one that a dead server left. */
  public void publish() throws IOException {
    Path bound = temporary();
    Files.setPosixFilePermissions(bound, mode);
    fileKey = Files.readAttributes(bound, BasicFileAttributes.class).fileKey();
    if (Files.isDirectory(path)) {
      throw new IOException(path + " is a directory: expected a socket, or nothing");
    }
    Files.move(bound, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    Files.delete(directory);
  }

  /** Removes the socket, unless another file has its path, and releases the path. */
  @Override
  public void close() {
    try {
      Files.deleteIfExists(temporary());
      Files.deleteIfExists(directory);
      if (fileKey != null
          && Files.exists(path)
          && fileKey.equals(Files.readAttributes(path, BasicFileAttributes.class).fileKey())) {
        Files.delete(path);
      }
    } catch (IOException e) {
      // The next server replaces it.
    } finally {
      try (lockFile) {
        lock.release();
      } catch (IOException e) {
        // The descriptor is gone, and the lock with it.
      }
    }
  }

  /** Null when another server has it, in this process or in another. */
  private static @Nullable FileLock tryLock(FileChannel file) throws IOException {
    try {
      return file.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  private static int bytes(Path path) {
    return path.toString().getBytes(StandardCharsets.UTF_8).length;
  }

  private static void requireLength(Path path, int bytes, int most) throws IOException {
    if (bytes > most) {
      throw new IOException(
          "socket "
              + path
              + " needs "
              + bytes
              + " bytes for its name: expected at most "
              + most
              + "; use a directory with a shorter name");
    }
  }
}
