package io.signetmesh.collector.export;

import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryScan;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.io.OutputStream;
import java.util.function.LongConsumer;

/** Writes entries in a format to a file or stream. */
public final class FormattedParts implements ExportParts {
  private final LogDirectory log;
  private final EntryFilter filter;
  private final LongConsumer progress;
  private final RecordFormat format;
  private final ExportTarget target;
  private long unreadable;

  /** Parts of a log. */
  public FormattedParts(
      LogDirectory log,
      EntryFilter filter,
      LongConsumer progress,
      RecordFormat format,
      ExportTarget target) {
    this.log = log;
    this.filter = filter;
    this.progress = progress;
    this.format = format;
    this.target = target;
  }

  @Override
  public long write(long from, long to) throws IOException {
    OutputStream out = target.out();
    if (target.written() == 0) {
      out.write(format.head());
    }
    Sink sink = new Sink(out);
    new EntryScan(log, filter, progress).run(from, to, sink);
    target.flush();
    return sink.written;
  }

  @Override
  public long unreadable() {
    return unreadable;
  }

  private final class Sink implements EntryScan.Sink {
    private final OutputStream out;
    private long written;

    Sink(OutputStream out) {
      this.out = out;
    }

    @Override
    public boolean entry(AuditEntry entry) throws IOException {
      out.write(format.entry(ExportLine.id(log.origin(), entry.index()), entry));
      written++;
      return true;
    }

    @Override
    public boolean unreadable(long from, long to, String why) throws IOException {
      if (to - from > 1) {
        throw new MalformedLogException(why);
      }
      unreadable++;
      return true;
    }
  }
}
