package io.signetmesh.collector.export;

import io.opentelemetry.proto.logs.v1.LogRecord;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryScan;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;

/** Delivers entries to an OpenTelemetry receiver, in batches; closes the endpoint with itself. */
public final class OtlpParts implements ExportParts {
  /** Records of a request, and bytes after which it is sent. */
  private static final int MAX_RECORDS = 512;

  private static final int MAX_BYTES = 1 << 20;

  private final LogDirectory log;
  private final EntryFilter filter;
  private final LongConsumer progress;
  private final OtlpFormat format;
  private final OtlpEndpoint endpoint;
  private long unreadable;

  /** Parts of a log. */
  public OtlpParts(
      LogDirectory log,
      EntryFilter filter,
      LongConsumer progress,
      OtlpFormat format,
      OtlpEndpoint endpoint) {
    this.log = log;
    this.filter = filter;
    this.progress = progress;
    this.format = format;
    this.endpoint = endpoint;
  }

  @Override
  public long write(long from, long to) throws IOException {
    Sink sink = new Sink();
    new EntryScan(log, filter, progress).run(from, to, sink);
    sink.deliver();
    return sink.delivered;
  }

  @Override
  public long unreadable() {
    return unreadable;
  }

  @Override
  public void close() {
    endpoint.close();
  }

  private final class Sink implements EntryScan.Sink {
    private final List<LogRecord> batch = new ArrayList<>();
    private int bytes;
    private long delivered;

    @Override
    public boolean entry(AuditEntry entry) throws IOException {
      LogRecord record = format.record(ExportLine.id(log.origin(), entry.index()), entry);
      batch.add(record);
      bytes += record.getSerializedSize();
      if (batch.size() == MAX_RECORDS || bytes >= MAX_BYTES) {
        deliver();
      }
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

    void deliver() throws IOException {
      if (!batch.isEmpty()) {
        endpoint.deliver(batch);
        delivered += batch.size();
        batch.clear();
        bytes = 0;
      }
    }
  }
}
