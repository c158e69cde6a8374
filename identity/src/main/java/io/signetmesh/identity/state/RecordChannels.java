package io.signetmesh.identity.state;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a {@link RecordFile} does with channels of files of mode 0600. */
final class RecordChannels {
  private static final Logger log = LoggerFactory.getLogger(RecordChannels.class);

  private RecordChannels() {}

  /** Opens a file to append to it, or makes an empty one. */
  static FileChannel append(Path file) throws IOException {
    return open(
        file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
  }

  /** Makes a file, in place of one that is there. */
  static FileChannel create(Path file) throws IOException {
    Files.deleteIfExists(file);
    return open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  private static FileChannel open(Path file, OpenOption... options) throws IOException {
    return FileChannel.open(
        file,
        Set.of(options),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
  }

  /** Writes all bytes. */
  static void write(FileChannel to, byte[] content) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(content);
    while (bytes.hasRemaining()) {
      to.write(bytes);
    }
  }

  /**
   * Copies a part of a file.
   *
   * @return its end
   * @throws EOFException when the file ends before
   */
  static long copy(FileChannel from, FileChannel to, long start, long end) throws IOException {
    long at = start;
    while (at < end) {
      long moved = from.transferTo(at, end - at, to);
      if (moved <= 0) {
        throw new EOFException("it ends at " + at + ": expected " + end + " bytes");
      }
      at += moved;
    }
    return end;
  }

  /** Deletes a file that is of no use. */
  static void discard(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      log.warn("{} cannot be removed", file, e);
    }
  }
}
