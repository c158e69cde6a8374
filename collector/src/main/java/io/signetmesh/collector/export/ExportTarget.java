package io.signetmesh.collector.export;

import io.signetmesh.audit.tlog.MalformedLogException;
import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Where an export is written to: a file, or a stream. */
public final class ExportTarget implements AutoCloseable {
  private final @Nullable FileChannel file;
  private final Counting out;

  private ExportTarget(@Nullable FileChannel file, OutputStream stream, long written) {
    this.file = file;
    this.out = new Counting(stream, written);
  }

  /**
   * A file of mode 0600. What is behind the given length was written by a run that was cut off, and
   * is taken away.
   *
   * @param bytes length up to which the file is kept, 0 or more
   * @throws MalformedLogException when the file is shorter
   * @throws IOException when it cannot be opened
   */
  public static ExportTarget file(Path path, long bytes) throws IOException {
    FileChannel channel =
        FileChannel.open(
            path,
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      if (channel.size() < bytes) {
        throw new MalformedLogException(
            path
                + " has "
                + channel.size()
                + " bytes: expected the "
                + bytes
                + " that were exported, or another cursor");
      }
      channel.truncate(bytes).position(bytes);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
    return new ExportTarget(channel, Channels.newOutputStream(channel), bytes);
  }

  /**
   * A stream, which stays open.
   *
   * @param bytes that were written to it before
   */
  public static ExportTarget stream(OutputStream stream, long bytes) {
    return new ExportTarget(null, stream, bytes);
  }

  /** Gets the export. */
  public OutputStream out() {
    return out;
  }

  /** Bytes that were written in all runs. */
  public long written() {
    return out.written;
  }

  /** Has what was written be with the receiver: on the disk, or in the pipe. */
  public void flush() throws IOException {
    out.flush();
    if (file != null) {
      file.force(true);
    }
  }

  @Override
  public void close() throws IOException {
    out.flush();
    if (file != null) {
      file.close();
    }
  }

  private static final class Counting extends FilterOutputStream {
    private long written;

    Counting(OutputStream stream, long written) {
      super(new BufferedOutputStream(stream, 64 * 1024));
      this.written = written;
    }

    @Override
    public void write(int value) throws IOException {
      out.write(value);
      written++;
    }

    @Override
    public void write(byte[] bytes, int from, int count) throws IOException {
      out.write(bytes, from, count);
      written += count;
    }
  }
}
