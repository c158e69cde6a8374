package io.signetmesh.collector.ingest;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.collector.log.Addition.Outcome;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FailingTiles;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.Logs;
import io.signetmesh.identity.channel.Caller;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AppenderTest {
  private static final long STEP = Duration.ofMillis(10).toNanos();

  @TempDir private Path directory;

  private final CountingTiles tiles = new CountingTiles();
  private final List<Outcome> outcomes = new ArrayList<>();
  private long nanos;
  private boolean confirmed = true;
  private long sequence;
  private Appender appender;

  /** Counts the bytes that are written. */
  private static final class CountingTiles implements TileStore {
    private final FailingTiles parts = new FailingTiles();
    private long bytes;

    @Override
    public boolean isEmpty() throws IOException {
      return parts.isEmpty();
    }

    @Override
    public byte @Nullable [] get(String path) throws IOException {
      return parts.get(path);
    }

    @Override
    public void put(String path, byte[] content) throws IOException {
      bytes += content.length;
      parts.put(path, content);
    }

    @Override
    public void deletePartial(TilePath full) throws IOException {
      parts.deletePartial(full);
    }
  }

  @BeforeEach
  void open() throws Exception {
    begin(FsyncPolicy.BATCH);
  }

  private void begin(FsyncPolicy fsync) throws IOException {
    CollectorLog log = Logs.open(tiles, directory);
    appender =
        new Appender(
            log,
            fsync,
            () -> confirmed,
            new IngestMeters(new SimpleMeterRegistry()),
            () -> Logs.NOW,
            () -> nanos);
  }

  private Appender.@Nullable Ticket submit(int records) throws Exception {
    String text = "x".repeat(350);
    List<byte[]> lines =
        LongStream.rangeClosed(sequence + 1, sequence + records)
            .mapToObj(n -> ("{\"sequence\":" + n + ",\"text\":\"" + text + "\"}").getBytes(UTF_8))
            .toList();
    sequence += records;
    Caller local = new Caller.TrustedLocal();
    Batch batch =
        Batch.of(
            Logs.journal("a", 1),
            local,
            new NamespaceRights("linkerd", "cluster.local"),
            lines,
            Logs.NOW);
    return appender.submit(
        batch,
        new Appender.Sink() {
          @Override
          public void appended(Outcome outcome) {
            outcomes.add(outcome);
          }

          @Override
          public void failed(String why) {
            throw new AssertionError(why);
          }
        });
  }

  @Test
  void aFewRecordsWaitForOthersAndManyDoNot() throws Exception {
    submit(1);
    assertThat(appender.nanosUntilDue()).isLessThanOrEqualTo(0);
    appender.appendNext();

    nanos += STEP;
    submit(1);
    assertThat(appender.nanosUntilDue()).isEqualTo(Appender.GATHER.toNanos() - STEP);
    submit(255);
    assertThat(appender.nanosUntilDue()).isZero();
    appender.appendNext();
    assertThat(outcomes).hasSize(3);

    submit(1);
    assertThat(appender.nanosUntilDue()).isPositive();
    nanos += Appender.GATHER.toNanos();
    assertThat(appender.nanosUntilDue()).isLessThanOrEqualTo(0);
    appender.appendNext();
    assertThat(outcomes).last().isEqualTo(new Outcome.Durable(258, 1, 0, 0));
  }

  @Test
  void bytesThatAreWithdrawnAreNotWaitedWith() throws Exception {
    submit(1);
    appender.appendNext();
    Appender.Ticket many = submit(256);
    assertThat(appender.nanosUntilDue()).isZero();
    assertThat(many).isNotNull();
    assertThat(appender.withdraw(many)).isTrue();
    submit(1);
    assertThat(appender.nanosUntilDue()).isPositive();
  }

  @Test
  void slowRecordsCostTheDiskAFractionOfWhatTheyCostAlone() throws Exception {
    // One each 10 ms, each in an append of its own, and then together as they are due.
    for (int i = 0; i < 1_024; i++) {
      submit(1);
      appender.appendNext();
    }
    double alone = tiles.bytes / 1_024.0;
    tiles.bytes = 0;
    for (int i = 0; i < 1_024; i++) {
      nanos += STEP;
      submit(1);
      if (appender.nanosUntilDue() <= 0) {
        appender.appendNext();
      }
    }
    double together = tiles.bytes / 1_024.0;
    System.out.printf("bytes written a record: %.0f alone, %.0f together%n", alone, together);
    assertThat(together).isLessThan(alone / 15);
  }

  @Test
  void nothingIsTakenBeforeItIsKnownThatTheLogIsTheNewest() throws Exception {
    confirmed = false;
    assertThat(submit(1)).isNull();
    assertThat(appender.isWritable()).isFalse();
    appender.retry();
    assertThat(appender.isWritable()).isFalse();
    confirmed = true;
    sequence = 0;
    assertThat(submit(1)).isNotNull();
  }
}
