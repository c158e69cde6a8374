package io.signetmesh.collector.export;

import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.RangeProof;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryScan;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.io.OutputStream;
import java.util.function.LongConsumer;

/**
 * Writes a part of an export in JSON Lines: its header, and a line for each entry. Without a filter
 * the part proves by itself that it is complete.
 */
public final class JsonLinesParts implements ExportParts {
  /** Entries of a part: an export that is resumed goes on behind a whole part. */
  public static final int ENTRIES = 256 * TilePath.WIDTH;

  private final LogDirectory log;
  private final EntryFilter filter;
  private final LongConsumer progress;
  private final ExportTarget target;
  private final ExportLine.Format format;
  private long unreadable;

  /** Parts of a log. */
  public JsonLinesParts(
      LogDirectory log, EntryFilter filter, LongConsumer progress, ExportTarget target) {
    this.target = target;
    this.log = log;
    this.filter = filter;
    this.progress = progress;
    this.format = new ExportLine.Format(log.origin());
  }

  @Override
  public long unreadable() {
    return unreadable;
  }

  @Override
  public long write(long from, long to) throws IOException {
    OutputStream out = target.out();
    boolean isWhole = filter.isEverything();
    ExportHeader header =
        new ExportHeader(
            log.note(),
            from,
            to,
            isWhole ? null : filter.toString(),
            isWhole ? RangeProof.of(log.reader(), from, to) : null);
    out.write(header.bytes());
    out.write('\n');
    Lines lines = new Lines(out, isWhole);
    new EntryScan(log, filter, progress).run(from, to, lines);
    target.flush();
    return lines.written;
  }

  private final class Lines implements EntryScan.Sink {
    private final OutputStream out;
    private final boolean isWhole;
    private long written;

    Lines(OutputStream out, boolean isWhole) {
      this.out = out;
      this.isWhole = isWhole;
    }

    @Override
    public boolean entry(AuditEntry entry) throws IOException {
      write(entry.index(), entry.bytes(), SafeText.isSafe(entry.bytes()));
      return true;
    }

    @Override
    public boolean unreadable(long from, long to, String why) throws IOException {
      if (to - from > 1) {
        throw new MalformedLogException(why);
      }
      byte[] entry = log.reader().bundle(from / TilePath.WIDTH).get((int) (from % TilePath.WIDTH));
      if (isWhole) {
        write(from, entry, false);
      } else {
        unreadable++;
      }
      return true;
    }

    private void write(long index, byte[] entry, boolean isPlain) throws IOException {
      out.write(format.line(index, entry, isPlain));
      out.write('\n');
      written++;
    }
  }
}
