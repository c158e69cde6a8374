package io.signetmesh.audit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the lines of a journal go: the current file, its id, and what is known of what others have
 * written to it. By who holds the {@link WriterLock} only.
 */
final class JournalDisk {
  private static final Logger log = LoggerFactory.getLogger(JournalDisk.class);

  private static final Duration FORCE_AFTER = Duration.ofSeconds(1);

  private final JournalConfig config;
  private final JournalWriter.Opener opener;
  private @Nullable FileChannel channel;
  private long position;

  /** Whether something was written and is to be forced to the disk, and when. */
  private boolean unforced;

  private long forceAtNanos;
  private @Nullable Object fileKey;

  /** Whether the next line needs an id of its own. */
  private boolean newId;

  JournalDisk(JournalConfig config, JournalWriter.Opener opener) {
    this.config = config;
    this.opener = opener;
  }

  /**
   * What a look at the file has found.
   *
   * @param sequence number of the last whole line
   * @param cut whether a torn line was cut off after it
   * @param foreign whether the files are not as this process left them
   */
  record Found(long sequence, boolean cut, boolean foreign) {}

  /** Makes the file if there is none, and finds its end. */
  Found recover() throws IOException {
    Found found;
    try (FileChannel created = JournalFiles.open(config.file())) {
      position = created.size();
      found = goOnAfter(created, 0);
    }
    fileKey = JournalFiles.key(config.file());
    JournalId known = JournalId.read(config.file());
    if (known != null && found.sequence() > 0) {
      JournalId now = known.inThisBoot(found.sequence());
      if (!now.equals(known)) {
        now.write(config.file());
      }
    }
    return found;
  }

  /**
   * Goes on after what others have written, or in a new file where it was renamed or removed.
   *
   * @param sequence number of the last line that this process knows of
   */
  Found look(long sequence) throws IOException {
    BasicFileAttributes now;
    try {
      now = Files.readAttributes(config.file(), BasicFileAttributes.class);
    } catch (NoSuchFileException e) {
      boolean left = fileKey != null;
      close();
      position = 0;
      fileKey = null;
      long previous = JournalFiles.lastOfPrevious(config.file());
      // Without a file before, others may have given numbers that were removed with this one.
      newId |= previous == 0;
      return new Found(Math.max(sequence, previous), false, left && previous != sequence);
    }
    boolean same = Objects.equals(now.fileKey(), fileKey);
    if (!now.isRegularFile() || (same && now.size() == position)) {
      return new Found(sequence, false, false);
    }
    if (!same) {
      close();
    }
    Found found;
    try (FileChannel file =
        FileChannel.open(config.file(), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      found = goOnAfter(file, sequence);
    }
    fileKey = now.fileKey();
    return found;
  }

  /** Cuts off a torn last line and takes up the sequence after the last whole one. */
  private Found goOnAfter(FileChannel file, long sequence) throws IOException {
    long size = file.size();
    long end = LastLine.end(file, size);
    long last =
        end == 0 ? JournalFiles.lastOfPrevious(config.file()) : LastLine.sequence(file, end);
    if (end < size) {
      file.truncate(end);
    }
    position = end;
    return new Found(Math.max(sequence, last), end < size, true);
  }

  /**
   * Writes whole lines after those that are there.
   *
   * @param last number of the last line that is there
   * @throws IOException when a part of them may be in the file; {@link #cutBack} removes it
   */
  void write(byte[] lines, int length, long last) throws IOException {
    identify(last);
    FileChannel out = channel;
    if (out == null) {
      out = opener.open(config.file());
      channel = out;
      position = out.size();
      fileKey = JournalFiles.key(config.file());
    }
    ByteBuffer bytes = ByteBuffer.wrap(lines, 0, length);
    long at = position;
    while (bytes.hasRemaining()) {
      at += out.write(bytes, at);
    }
    switch (config.sync()) {
      case BATCH -> out.force(false);
      case SECOND -> {
        if (!unforced) {
          unforced = true;
          forceAtNanos = System.nanoTime() + FORCE_AFTER.toNanos();
        }
      }
      case OS -> {}
    }
    position = at;
  }

  /**
   * Sees to it that the next line has an id. Number 1 begins a journal, whatever was in these files
   * before, and so does a line of which nobody knows whether its number was given before. Somebody
   * may remove the id while the process runs: it is looked at before each write.
   */
  private void identify(long last) throws IOException {
    Path file = config.file();
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      return;
    }
    JournalId known = JournalId.read(file);
    if (newId || known == null || last == 0) {
      if (known == null && last > 0) {
        log.warn("audit journal {} has no id any more: it gets another one", file);
      }
      // Where only the id was lost, what is in the files is of the new one.
      JournalId.random(newId ? last + 1 : 1).write(file);
    }
    newId = false;
  }

  /** Time until lines have to be forced to the disk; the longest there is when none have. */
  long nanosToForce() {
    return unforced ? Math.max(0, forceAtNanos - System.nanoTime()) : Long.MAX_VALUE;
  }

  /**
   * Forces what was written to the disk.
   *
   * @throws IOException when nobody knows whether it is there; it is not tried again
   */
  void force() throws IOException {
    FileChannel out = channel;
    boolean needed = unforced;
    unforced = false;
    if (needed && out != null) {
      out.force(false);
    }
  }

  /** Where the next line goes in the current file. */
  long position() {
    return position;
  }

  /** Begins a new file with the next line if this one has its full size. */
  void rotateIfFull() throws IOException {
    if (position >= config.maxFileBytes()) {
      close();
      JournalFiles.rotate(config.file(), config.keptFiles());
      position = 0;
      fileKey = null;
    }
  }

  /** Removes what a failed write left behind the last whole line. */
  void cutBack() {
    FileChannel out = channel;
    if (out == null) {
      return;
    }
    try {
      out.truncate(position);
    } catch (IOException e) {
      log.debug("cannot cut {} back to {} bytes", config.file(), position, e);
    }
    close();
  }

  void close() {
    FileChannel out = channel;
    try {
      force();
    } catch (IOException e) {
      log.warn("the last records of {} may not be on the disk", config.file(), e);
    }
    channel = null;
    if (out != null) {
      try {
        out.close();
      } catch (IOException e) {
        log.debug("closing {}", config.file(), e);
      }
    }
  }
}
