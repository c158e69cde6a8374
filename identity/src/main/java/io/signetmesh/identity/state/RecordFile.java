package io.signetmesh.identity.state;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import java.io.BufferedOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.function.Predicate;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An append-only file of lines of printable ASCII, mode 0600, each line with a checksum (CRC-32C).
 * An incomplete last line is cut off when the file is opened; damage elsewhere is an error, and the
 * file is not changed. Only one process at a time can open it. Thread-safe.
 */
public final class RecordFile implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RecordFile.class);
  private static final int MAX_LINE = 4 * 1024;
  private static final String REWRITE_SUFFIX = ".new";
  private static final int BUFFER = 64 * 1024;

  /** Bytes that are copied while appends wait, at most; what is appended meanwhile included. */
  private static final int TAIL = 64 * 1024;

  private static final int LINES_BETWEEN_LOOKS = 1_000;

  private final Path file;

  // Guarded by this.
  private FileChannel out;
  private long size;
  private int lines;
  private boolean dirty;
  private boolean closed;
  private boolean rewriting;

  private RecordFile(Path file, FileChannel out) {
    this.file = file;
    this.out = out;
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
    if (Files.exists(file)) {
      StateFiles.requireSecret(file);
    }
    RecordFile opened = new RecordFile(file, append(file));
    try {
      // Of a process that ended while it wrote it.
      Files.deleteIfExists(file.resolveSibling("." + file.getFileName() + REWRITE_SUFFIX));
      opened.load(reader, loss);
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
    if (closed) {
      throw new IOException(file + " is closed");
    }
    byte[] line = line(text);
    ByteBuffer bytes = ByteBuffer.wrap(line);
    try {
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
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
    size += line.length;
    lines++;
    dirty = true;
  }

  /**
   * Syncs all appended lines to the disk. Concurrent appends do not wait.
   *
   * @throws IOException when the sync fails; the next call tries again
   */
  public void sync() throws IOException {
    FileChannel to;
    synchronized (this) {
      if (!dirty || closed) {
        return;
      }
      dirty = false;
      to = out;
    }
    try {
      to.force(false);
    } catch (IOException e) {
      synchronized (this) {
        // A file written anew in between is on the disk already.
        if (!closed && to == out) {
          dirty = true;
          throw new IOException(file + " is not on the disk yet: " + e.getMessage(), e);
        }
      }
    }
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
    if (closed) {
      throw new IOException(file + " is closed");
    }
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
    private final long replaced;
    private final int replacedLines;
    private final Path temporary = file.resolveSibling("." + file.getFileName() + REWRITE_SUFFIX);
    private boolean swapping;

    private Rewrite(long replaced, int replacedLines) {
      this.replaced = replaced;
      this.replacedLines = replacedLines;
    }

    /**
     * Writes the new content and swaps the files. To be called once.
     *
     * @throws IOException when the new content cannot be written; the old one stays, and lines are
     *     appended to it
     */
    public void run(Iterable<String> texts) throws IOException {
      try (FileChannel from = FileChannel.open(file, StandardOpenOption.READ);
          FileChannel to = create()) {
        int count = write(texts, to);
        to.force(true);
        long copied = replaced;
        while (appended() - copied > TAIL) {
          copied = copy(from, to, copied, appended());
        }
        swapping = true;
        swap(from, to, copied, count);
      } catch (IOException e) {
        if (swapping || e instanceof NoSuchFileException) {
          reopen(e);
        }
        throw new IOException(file + " cannot be written anew: " + e, e);
      } finally {
        discard();
        synchronized (RecordFile.this) {
          rewriting = false;
        }
      }
    }

    private void discard() {
      try {
        Files.deleteIfExists(temporary);
      } catch (IOException e) {
        log.warn("{} cannot be removed", temporary, e);
      }
    }

    private FileChannel create() throws IOException {
      Files.deleteIfExists(temporary);
      return FileChannel.open(
          temporary,
          Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    }

    private int write(Iterable<String> texts, FileChannel to) throws IOException {
      int count = 0;
      OutputStream buffered = new BufferedOutputStream(Channels.newOutputStream(to), BUFFER);
      for (String text : texts) {
        buffered.write(line(text));
        if (++count % LINES_BETWEEN_LOOKS == 0) {
          requireOpen();
        }
      }
      buffered.flush();
      return count;
    }

    private void requireOpen() throws IOException {
      synchronized (RecordFile.this) {
        if (closed) {
          throw new IOException(file + " is closed");
        }
      }
    }

    private long appended() {
      synchronized (RecordFile.this) {
        return size;
      }
    }

    private static long copy(FileChannel from, FileChannel to, long start, long end)
        throws IOException {
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

    private void swap(FileChannel from, FileChannel to, long copied, int count) throws IOException {
      synchronized (RecordFile.this) {
        requireOpen();
        copy(from, to, copied, size);
        to.force(false);
        StateFiles.replace(temporary, file);
        open();
        lines = count + lines - replacedLines;
        dirty = false;
      }
    }

    /**
     * A swap can fail before and after the new file has its name. What is appended must go to the
     * file that has it: the other one is gone at the next start.
     */
    private void reopen(IOException failure) {
      synchronized (RecordFile.this) {
        if (!closed) {
          try {
            open();
          } catch (IOException e) {
            failure.addSuppressed(e);
          }
        }
      }
    }
  }

  /** Appends to the file that has the name. Called with the lock held. */
  private void open() throws IOException {
    closed = true;
    FileChannel old = out;
    if (dirty) {
      old.force(false);
    }
    out = append(file);
    old.close();
    size = out.size();
    closed = false;
  }

  /** Whether all appended lines are on the disk: a crash of the host loses none of them. */
  public synchronized boolean isOnDisk() {
    return !dirty;
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

  private static FileChannel append(Path file) throws IOException {
    return FileChannel.open(
        file,
        Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
  }
}
