package io.signetmesh.collector.log;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a log leaves free of its file system: a twentieth of it, at most 1 GiB. Nothing is appended
 * when there is less, so that other files of the host, and what retention writes, have room.
 */
final class FreeSpace {
  private static final long MOST = 1L << 30;
  private static final int PART = 20;

  private final String of;
  private final Size total;
  private final Size usable;

  /** Bytes of a file system. */
  interface Size {
    long bytes() throws IOException;
  }

  FreeSpace(String of, Size total, Size usable) {
    this.of = of;
    this.total = total;
    this.usable = usable;
  }

  /** The file system of a directory. */
  static FreeSpace of(Path directory) throws IOException {
    FileStore store = Files.getFileStore(directory);
    return new FreeSpace(directory.toString(), store::getTotalSpace, store::getUsableSpace);
  }

  /**
   * Refuses to take more when there is too little room.
   *
   * @throws IOException when less is free than has to be left
   */
  void require() throws IOException {
    long least = Math.min(MOST, total.bytes() / PART);
    long free = usable.bytes();
    if (free < least) {
      throw new IOException(
          "the file system of "
              + of
              + " has "
              + free
              + " bytes free: expected at least "
              + least
              + " to append records");
    }
  }
}
