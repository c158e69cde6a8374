package io.signetmesh.collector.kafka;

import static io.signetmesh.collector.log.Logs.NOW;
import static io.signetmesh.collector.log.Logs.journal;
import static io.signetmesh.collector.log.Logs.records;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.collector.export.ExportCursor;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.Retention;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

final class KafkaFollowerTest {
  private static final KafkaTopic TOPIC = KafkaTopic.parse("kafka://127.0.0.1:9092/audit");
  private static final Instant LATER = NOW.plusSeconds(86_400);

  @TempDir private Path directory;

  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private final List<KafkaMessage> delivered = new ArrayList<>();
  private int opened;
  private int closed;
  private volatile boolean isAway;
  private volatile boolean isBroken;
  private long refused = -1;
  private KafkaPlace place = new KafkaPlace("c1", "t1", "delete");
  private CollectorLog log;
  private long appended;

  @BeforeEach
  void open() throws IOException {
    log = CollectorLog.open(directory, "test/log", FsyncPolicy.OS, 0);
  }

  @AfterEach
  void close() throws IOException {
    log.close();
  }

  private KafkaFollower follower(KafkaTopic topic) throws IOException {
    return new KafkaFollower(
        log,
        directory,
        topic,
        () -> {
          opened++;
          return new KafkaReceiver() {
            @Override
            public KafkaPlace place() {
              return place;
            }

            @Override
            public void deliver(List<KafkaMessage> messages) throws IOException {
              if (isAway) {
                throw new IOException("away");
              }
              for (KafkaMessage message : messages) {
                if (message.index() == refused) {
                  throw new RefusedEntryException("refused", new IOException());
                }
              }
              delivered.addAll(messages);
            }

            @Override
            public void close() {
              closed++;
              if (isBroken) {
                throw new AssertionError("cannot be closed");
              }
            }
          };
        },
        registry);
  }

  private KafkaFollower follower() throws IOException {
    registry.clear();
    return follower(TOPIC);
  }

  private void append(int count) throws IOException {
    long[] sequences = LongStream.rangeClosed(appended + 1, appended + count).toArray();
    log.append(List.of(records(journal("a", 1), sequences)), NOW);
    appended += count;
  }

  private double lost() {
    return registry.get("signet.audit.collector.kafka.lost.entries").counter().count();
  }

  private static void all(KafkaFollower follower) throws IOException {
    while (follower.step()) {
      // There is more.
    }
  }

  @Test
  void whatWasAcknowledgedIsNotDeliveredAgainByTheNextProcess() throws Exception {
    append(9_000);
    KafkaFollower first = follower();
    assertThat(first.lag()).isEqualTo(9_000);
    all(first);
    assertThat(first.lag()).isZero();
    assertThat(first.held()).isEqualTo(9_000);
    append(5);

    all(follower());

    assertThat(delivered.stream().map(KafkaMessage::index))
        .containsExactlyElementsOf(LongStream.range(0, 9_005).boxed().toList());
    LogReader reader = new LogReader(log.store(), 9_005);
    assertThat(delivered.get(300).value()).isEqualTo(reader.bundle(1).get(44));
    assertThat(delivered.get(300).key()).isEqualTo("a");
    assertThat(delivered.get(300).received()).isEqualTo(NOW.toEpochMilli());
  }

  @Test
  void whatFailedIsDeliveredAgainAndTheCursorStaysBehindIt() throws Exception {
    append(10);
    KafkaFollower follower = follower();
    isAway = true;
    assertThatThrownBy(follower::step).hasMessage("away");
    assertThat(follower.held()).isZero();
    assertThat(directory.resolve(KafkaFollower.CURSOR)).doesNotExist();
    isAway = false;
    all(follower);
    assertThat(delivered).hasSize(10);
  }

  @Test
  void aCursorThatCannotBeWrittenDoesNotHaveEntriesDeliveredAgain() throws Exception {
    append(10);
    KafkaFollower follower = follower();
    Path cursor = directory.resolve(KafkaFollower.CURSOR);
    Files.createDirectory(cursor);
    Files.createFile(cursor.resolve("in-the-way"));

    assertThatThrownBy(follower::step).isInstanceOf(IOException.class);
    assertThatThrownBy(follower::step).isInstanceOf(IOException.class);

    assertThat(delivered).hasSize(10);
    assertThat(follower.lag()).isZero();
    // Until it is written down, retention keeps them.
    assertThat(follower.held()).isZero();
    Files.delete(cursor.resolve("in-the-way"));
    Files.delete(cursor);
    assertThat(follower.step()).isFalse();
    assertThat(follower.held()).isEqualTo(10);
    assertThat(delivered).hasSize(10);
  }

  @Test
  void deliveriesAreBoundedByMessagesAndBytes() throws Exception {
    append(9_000);
    KafkaFollower follower = follower();
    follower.step();
    assertThat(delivered).hasSize(KafkaReceiver.MAX_MESSAGES);
  }

  @Test
  void theAgeOfWhatIsNotDeliveredDoesNotDeleteItAndTheSizeOfTheLogDoes() throws Exception {
    append(2_000);
    KafkaFollower follower = follower();
    all(follower);
    append(2_000);
    Retention byAge = new Retention(Duration.ofHours(1), Long.MAX_VALUE);

    // The bundle with entry 2,000 is not delivered as a whole.
    assertThat(byAge.apply(log, directory, LATER, follower.held())).isEqualTo(7 * 256);
    assertThat(lost()).isZero();

    new Retention(null, 1).apply(log, directory, LATER, follower.held());
    assertThat(log.minimum()).isEqualTo(15 * 256);
    all(follower);
    assertThat(lost()).isEqualTo(15 * 256 - 2_000);
    // With the two entries that state what was deleted.
    assertThat(delivered).hasSize(2_000 + 4_002 - 15 * 256);
    assertThat(delivered.getLast().index()).isEqualTo(4_001);
    assertThat(follower.lag()).isZero();
  }

  @Test
  void anEntryThatIsRefusedIsCountedAndThoseBehindItAreDelivered() throws Exception {
    append(9_000);
    refused = 300;
    KafkaFollower follower = follower();

    all(follower);

    assertThat(delivered.stream().map(KafkaMessage::index))
        .containsExactlyElementsOf(
            LongStream.range(0, 9_000).filter(i -> i != 300).boxed().toList());
    assertThat(registry.get("signet.audit.collector.kafka.refused.entries").counter().count())
        .isOne();
    assertThat(follower.held()).isEqualTo(9_000);
    assertThat(opened).isOne();
  }

  @Test
  void aCursorIsOfOneTopicOfOneCluster() throws Exception {
    append(10);
    all(follower());
    append(5);
    place = new KafkaPlace("c2", "t1", "delete");
    KafkaFollower elsewhere = follower();
    assertThatThrownBy(elsewhere::step)
        .hasMessageContaining("is of cluster c2, topic id t1: expected cluster c1, topic id t1");
    place = new KafkaPlace("c1", "t2", "delete");
    assertThatThrownBy(elsewhere::step).hasMessageContaining("is of cluster c1, topic id t2");
    assertThat(delivered).hasSize(10);
    assertThat(closed).isEqualTo(2);
  }

  @Test
  void aCursorOfAnEarlierVersionIsTakenAndCompleted() throws Exception {
    append(10);
    all(follower());
    Path cursor = directory.resolve(KafkaFollower.CURSOR);
    ExportCursor now = Objects.requireNonNull(ExportCursor.read(cursor));
    assertThat(now.place()).isEqualTo("cluster c1, topic id t1");
    assertThatThrownBy(() -> now.requirePlace("cluster c2, topic id t1"))
        .hasMessageContaining("is cluster c2, topic id t1: expected cluster c1, topic id t1");
    String text = Files.readString(cursor);
    String earlier = text.replaceAll(",\\s*\"place\" : \"[^\"]*\"", "");
    assertThat(earlier).isNotEqualTo(text);
    Files.writeString(cursor, earlier);
    append(5);

    all(follower());

    assertThat(delivered).hasSize(15);
    assertThat(Objects.requireNonNull(ExportCursor.read(cursor)).place()).isEqualTo(now.place());
  }

  @Test
  @Timeout(60)
  void anErrorWhileAFailureIsDealtWithDoesNotEndTheThread() throws Exception {
    append(10);
    isAway = true;
    isBroken = true;
    try (KafkaFollower follower = KafkaFollower.start(follower())) {
      while (registry.get("signet.audit.collector.kafka.failures").counter().count() == 0) {
        Thread.onSpinWait();
      }
      isAway = false;
      while (follower.lag() > 0) {
        Thread.onSpinWait();
      }
      isBroken = false;
    }
    assertThat(delivered).hasSize(10);
  }

  @Test
  void aCursorIsOfOneTopicOfOneLog() throws Exception {
    append(10);
    all(follower());

    assertThatThrownBy(() -> follower(KafkaTopic.parse("kafka://127.0.0.1:9092/other")))
        .hasMessageContaining("is of kafka topic audit: expected kafka topic other");

    byte[] cursor = Files.readAllBytes(directory.resolve(KafkaFollower.CURSOR));
    Path elsewhere = directory.resolve("elsewhere");
    log.close();
    log = CollectorLog.open(elsewhere, "test/log", FsyncPolicy.OS, 0);
    append(20);
    directory = elsewhere;
    Files.write(directory.resolve(KafkaFollower.CURSOR), cursor);
    assertThatThrownBy(this::follower).hasMessageContaining("are not those of when the cursor");
  }

  @Test
  @Timeout(60)
  void theThreadDeliversAndEnds() throws Exception {
    append(10);
    isAway = true;
    try (KafkaFollower follower = KafkaFollower.start(follower())) {
      while (registry.get("signet.audit.collector.kafka.failures").counter().count() == 0) {
        Thread.onSpinWait();
      }
      isAway = false;
      while (follower.lag() > 0) {
        Thread.onSpinWait();
      }
    }
    assertThat(delivered).hasSize(10);
    assertThat(closed).isEqualTo(opened);
  }
}
