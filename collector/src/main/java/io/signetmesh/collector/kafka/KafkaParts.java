package io.signetmesh.collector.kafka;

import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.collector.export.ExportParts;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryScan;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Delivers entries to a topic, each exactly as the log holds it. */
public final class KafkaParts implements ExportParts {
  private static final Logger logger = LoggerFactory.getLogger(KafkaParts.class);

  private final LogDirectory log;
  private final EntryFilter filter;
  private final LongConsumer progress;
  private final KafkaTopic topic;
  private final KafkaReceiver receiver;
  private long unreadable;

  KafkaParts(
      LogDirectory log,
      EntryFilter filter,
      LongConsumer progress,
      KafkaTopic topic,
      KafkaReceiver receiver) {
    this.log = log;
    this.topic = topic;
    this.filter = filter;
    this.progress = progress;
    this.receiver = receiver;
  }

  /**
   * Parts of a log.
   *
   * @throws IOException when the settings cannot be used
   */
  public static KafkaParts open(
      LogDirectory log, EntryFilter filter, LongConsumer progress, KafkaSettings settings)
      throws IOException {
    return new KafkaParts(
        log, filter, progress, settings.topic(), KafkaSender.open(settings, log.origin()));
  }

  /** What a cursor calls the export. */
  public static String format(KafkaTopic topic) {
    return "kafka topic " + topic.name();
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
  public String place() throws IOException {
    KafkaPlace place = receiver.place();
    String warning = place.warning(topic);
    if (warning != null) {
      logger.warn(warning);
    }
    return place.name();
  }

  @Override
  public void close() {
    receiver.close();
  }

  private final class Sink implements EntryScan.Sink {
    private final List<KafkaMessage> batch = new ArrayList<>();
    private int bytes;
    private long delivered;

    @Override
    public boolean entry(AuditEntry entry) throws IOException {
      add(KafkaMessage.of(entry));
      return true;
    }

    @Override
    public boolean unreadable(long from, long to, String why) throws IOException {
      if (to - from > 1) {
        throw new MalformedLogException(why);
      }
      // Whether it would be selected is not known.
      if (filter.isEverything()) {
        byte[] entry =
            log.reader().bundle(from / TilePath.WIDTH).get((int) (from % TilePath.WIDTH));
        add(KafkaMessage.of(from, entry));
      } else {
        unreadable++;
      }
      return true;
    }

    private void add(KafkaMessage message) throws IOException {
      batch.add(message);
      bytes += message.bytes();
      if (batch.size() == KafkaReceiver.MAX_MESSAGES || bytes >= KafkaReceiver.MAX_BYTES) {
        deliver();
      }
    }

    void deliver() throws IOException {
      if (!batch.isEmpty()) {
        receiver.deliver(batch);
        delivered += batch.size();
        batch.clear();
        bytes = 0;
      }
    }
  }
}
