package io.signetmesh.collector.kafka;

import static io.signetmesh.collector.log.Logs.NOW;
import static io.signetmesh.collector.log.Logs.journal;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.collector.log.Addition;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.LogDirectory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class KafkaPartsTest {
  @TempDir private Path directory;

  private final List<KafkaMessage> delivered = new ArrayList<>();

  private KafkaParts parts(LogDirectory log, EntryFilter filter) {
    KafkaTopic topic = KafkaTopic.parse("kafka://127.0.0.1:9092/audit");
    KafkaReceiver receiver =
        new KafkaReceiver() {
          @Override
          public KafkaPlace place() {
            return new KafkaPlace("c", "t", "compact");
          }

          @Override
          public void deliver(List<KafkaMessage> messages) {
            delivered.addAll(messages);
          }

          @Override
          public void close() {}
        };
    return new KafkaParts(log, filter, _ -> {}, topic, receiver);
  }

  @Test
  void aFilteredExportCountsWhatCannotBeReadAndAnotherOneDeliversIt() throws Exception {
    byte[] entry = KafkaMessageTest.entry(false, "\"time\":\"x\"");
    try (CollectorLog log = CollectorLog.open(directory, "test/log", FsyncPolicy.OS, 0)) {
      log.append(List.of(new Addition(journal("node-1", 1), new long[] {1}, List.of(entry))), NOW);
      LogDirectory opened = LogDirectory.open(directory.resolve(CollectorLog.TILES), log.key());

      KafkaParts filtered = parts(opened, new EntryFilter.Builder().client("a").build());
      assertThat(filtered.write(0, 1)).isZero();
      assertThat(filtered.unreadable()).isOne();

      KafkaParts whole = parts(opened, new EntryFilter.Builder().build());
      assertThat(whole.write(0, 1)).isOne();
      assertThat(whole.unreadable()).isZero();
      assertThat(delivered).singleElement().extracting(KafkaMessage::value).isEqualTo(entry);
      assertThat(whole.place()).isEqualTo("cluster c, topic id t");
    }
  }
}
