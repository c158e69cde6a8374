package io.signetmesh.audit.tlog;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A log in a directory: each part is a file at its path, so that a web server can serve the
 * directory as it is. Files have mode 0600, directories 0700.
 */
public final class FileTileStore implements TileStore, AutoCloseable {
  private static final String LOCK = "writer.lock";
  private static final Set<String> NOTES = Set.of(CHECKPOINT, PENDING, MINIMUM, COSIGNED);

  /** Ends the name of a file that is not a part yet. */
  private static final String UNFINISHED = ".new";

  private static final FileAttribute<?> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final FileAttribute<?> PRIVATE_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  /** No part of a log is larger: 256 entries with their lengths. */
  private static final long MAX_PART = (EntryBundle.MAX_ENTRY + 2L) * TilePath.WIDTH;

  /**
   * Directories that this process writes to. A lock of a file is the process's, and ends when any
   * descriptor of that file is closed: it must not be opened a second time.
   */
  private static final Set<Path> WRITTEN = ConcurrentHashMap.newKeySet();

  private final Path directory;
  private final boolean sync;
  private final @Nullable FileChannel lock;
  private final Set<Path> known = new HashSet<>();

  private FileTileStore(Path directory, boolean sync, @Nullable FileChannel lock) {
    this.directory = directory;
    this.sync = sync;
    this.lock = lock;
  }

  /** A store that is read only. Nothing is made, and writing is refused. */
  public static FileTileStore toRead(Path directory) {
    return new FileTileStore(directory, false, null);
  }

  /**
   * Opens a store for its one writer, and makes the directory when it is missing.
   *
   * @param sync whether a part is on the disk when {@link #put} returns; else the operating system
   *     decides when it is
   * @throws IOException when it cannot be made, or another writer has it
   */
  public static FileTileStore toWrite(Path directory, boolean sync) throws IOException {
    Files.createDirectories(directory, PRIVATE_DIRECTORY);
    Path file = directory.resolve(LOCK);
    Path real = directory.toRealPath();
    if (!WRITTEN.add(real)) {
      throw new IOException(file + " is locked: this process writes this log already");
    }
    boolean opened = false;
    try {
      FileChannel channel =
          FileChannel.open(
              file, EnumSet.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE), PRIVATE);
      try {
        if (channel.tryLock() == null) {
          throw new IOException(file + " is locked: another process writes this log");
        }
        FileTileStore store = new FileTileStore(directory, sync, channel);
        opened = true;
        return store;
      } finally {
        if (!opened) {
          channel.close();
        }
      }
    } finally {
      if (!opened) {
        WRITTEN.remove(real);
      }
    }
  }

  @Override
  public boolean isEmpty() throws IOException {
    try (DirectoryStream<Path> found =
        Files.newDirectoryStream(
            directory, file -> !file.endsWith(LOCK) && !file.toString().endsWith(UNFINISHED))) {
      return !found.iterator().hasNext();
    } catch (NoSuchFileException e) {
      return true;
    }
  }

  @Override
  public byte @Nullable [] get(String path) throws IOException {
    Path file = resolve(path);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (channel.size() > MAX_PART) {
        throw new MalformedLogException(
            file + " has " + channel.size() + " bytes: expected at most " + MAX_PART);
      }
      ByteBuffer content = ByteBuffer.allocate((int) channel.size());
      while (content.hasRemaining() && channel.read(content) >= 0) {
        // Until it is full or the file ends.
      }
      return content.hasRemaining()
          ? Arrays.copyOf(content.array(), content.position())
          : content.array();
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  @Override
  public synchronized void put(String path, byte[] content) throws IOException {
    requireWriter();
    Path file = resolve(path);
    Path parent = Objects.requireNonNull(file.getParent());
    makeDirectories(parent);
    Path temporary = parent.resolve(file.getFileName() + UNFINISHED);
    try {
      try (FileChannel channel =
          FileChannel.open(
              temporary,
              EnumSet.of(
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE,
                  StandardOpenOption.TRUNCATE_EXISTING),
              PRIVATE)) {
        ByteBuffer left = ByteBuffer.wrap(content);
        while (left.hasRemaining()) {
          channel.write(left);
        }
        if (sync) {
          channel.force(true);
        }
      }
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      Files.deleteIfExists(temporary);
      throw e;
    }
    if (sync) {
      force(parent);
    }
  }

  private void makeDirectories(Path wanted) throws IOException {
    Deque<Path> missing = new ArrayDeque<>();
    Path at = wanted;
    while (!at.equals(directory) && !known.contains(at)) {
      missing.push(at);
      at = Objects.requireNonNull(at.getParent());
    }
    for (Path one : missing) {
      if (!Files.isDirectory(one)) {
        Files.createDirectory(one, PRIVATE_DIRECTORY);
        if (sync) {
          force(Objects.requireNonNull(one.getParent()));
        }
      }
      known.add(one);
    }
  }

  private static void force(Path parent) throws IOException {
    try (FileChannel channel = FileChannel.open(parent, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /** Whoever has given the lock back may not change what another writer has now. */
  private void requireWriter() throws IOException {
    if (lock == null) {
      throw new IOException(directory + " was opened to be read");
    }
    if (!lock.isOpen()) {
      throw new IOException(directory + " was closed: its lock may be another writer's");
    }
  }

  @Override
  public synchronized void deletePartial(TilePath full) throws IOException {
    requireWriter();
    Path parts = directory.resolve(full.full() + ".p");
    try (DirectoryStream<Path> files = Files.newDirectoryStream(parts)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    } catch (NoSuchFileException | NotDirectoryException e) {
      return;
    }
    known.remove(parts);
    Files.deleteIfExists(parts);
  }

  @Override
  public synchronized void deleteEntries(long bundle) throws IOException {
    requireWriter();
    Files.deleteIfExists(directory.resolve(TilePath.entries(bundle, TilePath.WIDTH).toString()));
  }

  /** Nothing else in the directory is a part, and the lock must not be opened. */
  private Path resolve(String path) {
    if (!NOTES.contains(path)) {
      TilePath.parse(path);
    }
    return directory.resolve(path);
  }

  /** Gives the log to another writer, once nothing is being written. */
  @Override
  public synchronized void close() throws IOException {
    if (lock != null && lock.isOpen()) {
      lock.close();
      WRITTEN.remove(directory.toRealPath());
    }
  }

  @Override
  public String toString() {
    return directory.toString();
  }
}
