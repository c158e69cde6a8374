package io.signetmesh.identity.state;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An append-only file of lines of printable ASCII, mode 0600, each line with a checksum (CRC-32C).
 * An incomplete last line is cut off when the file is opened; damage elsewhere is an error, and the
 * file is not changed. Only one process at a time can open it. Thread-safe.
 *
 * <p>After a sync that failed, a kernel may take pages for clean that are not on the disk: a sync
 * that succeeds later, and what is read back, prove nothing of them. So lines are kept in memory
 * until they are on the disk, and the next append or sync writes the whole file anew from what was
 * on the disk before and these lines. While that fails, it is tried again after a pause, and
 * meanwhile nothing is appended or synced.
 *
 * <p>Longer than 500 lines: appends, syncs and rewrites share one state, and each says what of it
 * is on the disk.
 */
public final class RecordFile implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RecordFile.class);
  private static final int MAX_LINE = 4 * 1024;
  private static final String REWRITE_SUFFIX = ".new";
  private static final int BUFFER = 64 * 1024;

  /** Bytes that are copied while appends wait, at most; what is appended meanwhile included. */
  private static final int TAIL = 64 * 1024;

  /** Bytes of lines that are not on the disk, at most: then an append syncs them itself. */
  static final int MAX_UNSYNCED = 1024 * 1024;

  private static final int LINES_BETWEEN_LOOKS = 1_000;

  /** Between two attempts to write the file anew: twice as long after each that failed. */
  static final Duration FIRST_PAUSE = Duration.ofSeconds(1);

  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(32);

  private final Path file;
  private final Disk disk;
  private final LongSupplier nanoTime;

  // Guarded by this.
  private FileChannel out;

  /** How often another file has come under the name. */
  private long replaced;

  /** Bytes of the file, and how many of them are on the disk. The rest is in {@link #unsynced}. */
  private long size;

  private long synced;
  private final ByteArrayOutputStream unsynced = new ByteArrayOutputStream();
  private int lines;
  private boolean closed;
  private boolean rewriting;

  /** Whether somebody syncs without the lock. */
  private boolean syncing;

  /** Whether a sync has failed since the file was written anew. */
  private boolean suspect;

  /** After an attempt to write the file anew that failed: when another one may follow. */
  private Duration pause = Duration.ZERO;

  private long failedAt;
  private String whyFailed = "";

  /** Brings what was written to a channel to the disk. */
  @FunctionalInterface
  interface Disk {
    void force(FileChannel channel, boolean metadata) throws IOException;
  }

  private RecordFile(Path file, FileChannel out, Disk disk, LongSupplier nanoTime) {
    this.file = file;
    this.out = out;
    this.disk = disk;
    this.nanoTime = nanoTime;
  }

  /**
   * Opens a file and reads its lines, or creates it.
   *
   * @param reader gets each line without its checksum; returns false for an invalid line
   * @param loss what is lost with the file, for the error about damage
   * @throws PkiException when the file is readable by others or damaged
   */
  public static RecordFile open(Path file, Predicate<String> reader, String loss)
      throws IOException, PkiException {
    return open(file, reader, loss, FileChannel::force, System::nanoTime);
  }

  /** The same with another disk and clock. */
  static RecordFile open(
      Path file, Predicate<String> reader, String loss, Disk disk, LongSupplier nanoTime)
      throws IOException, PkiException {
    if (Files.exists(file)) {
      StateFiles.requireSecret(file);
    }
    RecordFile opened = new RecordFile(file, RecordChannels.append(file), disk, nanoTime);
    try {
      // Of a process that ended while it wrote it.
      Files.deleteIfExists(opened.temporary());
      opened.load(reader, loss);
      // An earlier process may have ended before it synced.
      opened.syncLocked();
      return opened;
    } catch (IOException | PkiException | RuntimeException e) {
      opened.out.close();
      throw e;
    }
  }

  /**
   * Appends a line. It is in the file when this returns, and on the disk after {@link #sync}.
   *
   * @param text printable ASCII
   * @throws IOException when the line cannot be written, for instance because the disk is full
   */
  public synchronized void append(String text) throws IOException {
    if (size - synced >= MAX_UNSYNCED) {
      // Of two syncs at the same time, one alone is told of a failure.
      awaitSync();
    }
    requireOpen();
    if (suspect) {
      restore();
    }
    if (size - synced >= MAX_UNSYNCED) {
      syncLocked();
    }
    byte[] line = line(text);
    try {
      RecordChannels.write(out, line);
    } catch (IOException e) {
      // Part of a line would spoil the next one.
      try {
        out.truncate(size);
      } catch (IOException again) {
        e.addSuppressed(again);
        closed = true;
      }
      throw new IOException(file + " cannot be written to: " + e.getMessage(), e);
    }
    unsynced.write(line, 0, line.length);
    size += line.length;
    lines++;
  }

  private void requireOpen() throws IOException {
    if (closed) {
      throw new IOException(file + " is closed");
    }
  }

  /**
   * Syncs all appended lines to the disk. When this returns, they are there, whoever has synced
   * them. Concurrent appends do not wait.
   *
   * @throws IOException when the sync fails, or has failed and the file cannot be written anew; the
   *     lines may be lost by a crash of the host, and the next call after a pause tries again
   */
  public void sync() throws IOException {
    FileChannel to;
    long end;
    long of;
    synchronized (this) {
      awaitSync();
      if (isOnDisk()) {
        return;
      }
      requireOpen();
      if (suspect) {
        restore();
        return;
      }
      syncing = true;
      to = out;
      of = replaced;
      end = size;
    }
    IOException failure = force(to);
    synchronized (this) {
      syncing = false;
      notifyAll();
      if (of == replaced) {
        afterSync(end, failure);
      } else {
        // A file written anew in between is on the disk already, if its name is.
        requireOpen();
        if (suspect) {
          throw new IOException(file + " is not on the disk yet: it has to be written anew");
        }
      }
    }
  }

  private @Nullable IOException force(FileChannel channel) {
    try {
      disk.force(channel, false);
      return null;
    } catch (IOException e) {
      return e;
    } catch (RuntimeException e) {
      return new IOException(e);
    }
  }

  /** The same with the lock held, while nobody else syncs. */
  private void syncLocked() throws IOException {
    afterSync(size, force(out));
  }

  private void afterSync(long end, @Nullable IOException failure) throws IOException {
    if (failure != null) {
      suspect = true;
      throw new IOException(file + " is not on the disk yet: " + failure.getMessage(), failure);
    }
    byte[] waiting = unsynced.toByteArray();
    int done = (int) Math.min(waiting.length, end - synced);
    unsynced.reset();
    unsynced.write(waiting, done, waiting.length - done);
    synced = end;
  }

  /** Called with the lock held, which is given up meanwhile. */
  private void awaitSync() {
    boolean interrupted = false;
    while (syncing) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Writes the file anew, from what was on the disk before a sync failed and the lines since then.
   * Called with the lock held.
   */
  private void restore() throws IOException {
    if (rewriting) {
      throw new IOException(file + " is being written anew, after a sync that failed");
    }
    if (!pause.isZero() && nanoTime.getAsLong() - failedAt < pause.toNanos()) {
      throw new IOException(whyFailed);
    }
    Path temporary = temporary();
    try (FileChannel from = FileChannel.open(file, StandardOpenOption.READ);
        FileChannel to = RecordChannels.create(temporary)) {
      RecordChannels.copy(from, to, 0, synced);
      RecordChannels.write(to, unsynced.toByteArray());
      disk.force(to, true);
      StateFiles.replace(temporary, file);
      reopen();
      onDisk();
    } catch (IOException e) {
      whyFailed = file + " cannot be written anew, after a sync that failed: " + e.getMessage();
      failedAt = nanoTime.getAsLong();
      pause = pause.isZero() ? FIRST_PAUSE : pause.multipliedBy(2);
      if (pause.compareTo(LONGEST_PAUSE) > 0) {
        pause = LONGEST_PAUSE;
      }
      throw new IOException(whyFailed, e);
    } finally {
      RecordChannels.discard(temporary);
    }
    log.info("{} was written anew, after a sync that failed", file);
  }

  /** Appends to the file that has the name. Called with the lock held. */
  private void reopen() throws IOException {
    FileChannel old = out;
    out = RecordChannels.append(file);
    replaced++;
    old.close();
  }

  /** All that the file has is on the disk. Called with the lock held. */
  private void onDisk() throws IOException {
    onDisk(out.size());
    suspect = false;
    pause = Duration.ZERO;
  }

  private void onDisk(long bytes) {
    size = bytes;
    synced = bytes;
    unsynced.reset();
  }

  private Path temporary() {
    return file.resolveSibling("." + file.getFileName() + REWRITE_SUFFIX);
  }

  /**
   * Replaces the whole content atomically, and syncs it to the disk.
   *
   * @throws IOException when the new content cannot be written
   */
  public void rewrite(Iterable<String> texts) throws IOException {
    beginRewrite().run(texts);
  }

  /**
   * Begins to replace the content. The lines up to now are what {@link Rewrite#run} replaces.
   *
   * @throws IllegalStateException when the file is being rewritten already
   * @throws IOException when the file is closed
   */
  public synchronized Rewrite beginRewrite() throws IOException {
    requireOpen();
    if (rewriting) {
      throw new IllegalStateException(file + " is being rewritten already");
    }
    rewriting = true;
    return new Rewrite(size, lines);
  }

  /**
   * A replacement of the content. The new one is written beside the file while lines are appended
   * to it. They follow the new content: only the swap of the two files holds appends up. A crash
   * leaves the old file or the new one, with all lines that were appended.
   */
  public final class Rewrite {
    private final long replacedBytes;
    private final int replacedLines;

    private Rewrite(long replacedBytes, int replacedLines) {
      this.replacedBytes = replacedBytes;
      this.replacedLines = replacedLines;
    }

    /**
     * Writes the new content and swaps the files. To be called once.
     *
     * @throws IOException when the new content cannot be written; the old one stays, and lines are
     *     appended to it
     */
    public void run(Iterable<String> texts) throws IOException {
      Path temporary = temporary();
      try (FileChannel from = FileChannel.open(file, StandardOpenOption.READ);
          FileChannel to = RecordChannels.create(temporary)) {
        int count = write(texts, to);
        disk.force(to, true);
        long copied = replacedBytes;
        while (onDiskUntil() - copied > TAIL) {
          copied = RecordChannels.copy(from, to, copied, onDiskUntil());
        }
        swap(from, to, temporary, copied, count);
      } catch (IOException e) {
        if (e instanceof NoSuchFileException) {
          requireName(e);
        }
        throw new IOException(file + " cannot be written anew: " + e, e);
      } finally {
        RecordChannels.discard(temporary);
        synchronized (RecordFile.this) {
          rewriting = false;
        }
      }
    }

    private int write(Iterable<String> texts, FileChannel to) throws IOException {
      int count = 0;
      OutputStream buffered = new BufferedOutputStream(Channels.newOutputStream(to), BUFFER);
      for (String text : texts) {
        buffered.write(line(text));
        if (++count % LINES_BETWEEN_LOOKS == 0) {
          requireNotClosed();
        }
      }
      buffered.flush();
      return count;
    }

    private void requireNotClosed() throws IOException {
      synchronized (RecordFile.this) {
        requireOpen();
      }
    }

    private long onDiskUntil() {
      synchronized (RecordFile.this) {
        return synced;
      }
    }

    private void swap(FileChannel from, FileChannel to, Path temporary, long copied, int count)
        throws IOException {
      synchronized (RecordFile.this) {
        requireOpen();
        // What was appended meanwhile: as far as it is on the disk from there, the rest from
        // memory.
        long start = Math.max(copied, synced);
        RecordChannels.copy(from, to, copied, start);
        byte[] waiting = unsynced.toByteArray();
        RecordChannels.write(
            to, Arrays.copyOfRange(waiting, (int) (start - synced), waiting.length));
        disk.force(to, false);
        long bytes = to.size();
        try {
          StateFiles.replace(temporary, file);
          reopen();
          disk.force(out, false);
          onDisk();
          lines = count + lines - replacedLines;
        } catch (IOException e) {
          if (Files.notExists(temporary)) {
            // The new file has the name, and the old one is gone at the next start. Nothing is
            // appended to either before the new one is written anew.
            replaced++;
            onDisk(bytes);
            suspect = true;
            lines = count + lines - replacedLines;
          }
          throw e;
        }
      }
    }

    /** What is appended must go to a file that has the name: another is gone at the next start. */
    private void requireName(IOException failure) {
      synchronized (RecordFile.this) {
        if (!closed && !suspect && Files.notExists(file)) {
          closed = true;
          try {
            RecordFile.this.reopen();
            disk.force(out, false);
            onDisk();
            closed = false;
          } catch (IOException e) {
            failure.addSuppressed(e);
          }
        }
      }
    }
  }

  /** Whether all appended lines are on the disk: a crash of the host loses none of them. */
  public synchronized boolean isOnDisk() {
    return synced == size && !suspect;
  }

  /** Number of lines in the file. */
  public synchronized int lines() {
    return lines;
  }

  /** Syncs the file and closes it. Errors are only logged. */
  @Override
  public void close() {
    try {
      sync();
    } catch (IOException e) {
      log.warn("{}", e.getMessage());
    }
    synchronized (this) {
      closed = true;
      try {
        out.close();
      } catch (IOException e) {
        log.warn("{}: {}", file, e.getMessage());
      }
    }
  }

  private void load(Predicate<String> reader, String loss) throws IOException, PkiException {
    byte[] content = Files.readAllBytes(file);
    int start = 0;
    while (start < content.length) {
      int end = start;
      while (end < content.length && content[end] != '\n') {
        end++;
      }
      if (end == content.length || !read(content, start, end, reader)) {
        // A crash leaves nothing behind a line that was not written whole.
        if (end < content.length - 1 || end - start > MAX_LINE) {
          throw new PkiException(
              file
                  + ":"
                  + (lines + 1)
                  + " is damaged: expected a line with its checksum; restore the file, or remove"
                  + " it: "
                  + loss);
        }
        log.warn("{}:{} was not written whole and is dropped", file, lines + 1);
        out.truncate(start);
        return;
      }
      lines++;
      size = end + 1L;
      start = end + 1;
    }
  }

  private static boolean read(byte[] content, int start, int end, Predicate<String> reader) {
    String line = new String(content, start, end - start, StandardCharsets.US_ASCII);
    int checksum = line.lastIndexOf(' ');
    if (checksum < 0) {
      return false;
    }
    String text = line.substring(0, checksum);
    return line.substring(checksum + 1).equals(checksum(text)) && reader.test(text);
  }

  private static byte[] line(String text) {
    return (text + ' ' + checksum(text) + '\n').getBytes(StandardCharsets.US_ASCII);
  }

  private static String checksum(String text) {
    CRC32C crc = new CRC32C();
    crc.update(text.getBytes(StandardCharsets.US_ASCII));
    return Long.toHexString(crc.getValue());
  }
}
