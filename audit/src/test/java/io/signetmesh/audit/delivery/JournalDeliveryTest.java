package io.signetmesh.audit.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.audit.JournalId;
import io.signetmesh.audit.JournalWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JournalDeliveryTest {
  @TempDir Path dir;
  private final ManualTime time = new ManualTime();
  private final FakeCollector collector = new FakeCollector();
  private final JournalWriter writer = new JournalWriter();
  private final List<Journal> journals = new ArrayList<>();
  private final List<JournalDelivery> deliveries = new ArrayList<>();
  private Deliveries shared = new Deliveries();

  @BeforeEach
  void start() throws Exception {
    collector.start();
  }

  @AfterEach
  void close() {
    deliveries.forEach(JournalDelivery::close);
    time.drain();
    journals.forEach(Journal::close);
    writer.close();
    collector.stop();
  }

  private Journal open(String name, long maxFileBytes, int kept) throws Exception {
    Journal journal =
        writer.open(
            new JournalConfig(dir.resolve(name), 16_384, maxFileBytes, kept, false),
            null,
            InstantSource.system());
    journals.add(journal);
    return journal;
  }

  private Journal open(String name) throws Exception {
    return open(name, 1 << 30, 4);
  }

  private void closeJournal(Journal journal) {
    journal.close();
    journals.remove(journal);
  }

  private JournalDelivery deliver(Journal journal) {
    JournalDelivery delivery =
        new JournalDelivery(
            shared, journal, collector.channel(), time.turn(), time, time::nanoTime, () -> 1);
    delivery.begin();
    deliveries.add(delivery);
    return delivery;
  }

  private void stop(JournalDelivery delivery) {
    delivery.close();
    deliveries.remove(delivery);
    time.drain();
  }

  private static void record(Journal journal, int count) {
    record(journal, count, "x");
  }

  private static void record(Journal journal, int count, String subject) {
    for (int i = 0; i < count; i++) {
      long before = journal.written();
      journal.record(new AdministrativeEvent(0, "bundle-changed", "identity", subject, Map.of()));
      if (i % 500 == 499 || i == count - 1) {
        await(() -> journal.queued() == 0 && journal.written() > before);
      }
    }
  }

  private static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  private void until(BooleanSupplier condition) {
    await(
        () -> {
          time.drain();
          return condition.getAsBoolean();
        });
  }

  /** Runs all that is to be done now. */
  private void settle() {
    while (time.drain()) {
      // Some of it leads to more.
    }
  }

  private void retry() {
    settle();
    time.pass(JournalDelivery.MAX_RETRY);
    settle();
  }

  private static List<Long> range(long from, long to) {
    return LongStream.rangeClosed(from, to).boxed().toList();
  }

  private JournalId id(Journal journal) throws Exception {
    return Objects.requireNonNull(JournalId.read(journal.file()));
  }

  @Test
  void recordsAreDeliveredAsTheyAreWritten() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    settle();
    assertThat(collector.streams).hasValue(0);
    record(journal, 3);
    until(() -> delivery.delivered() == 3);
    record(journal, 2);
    until(() -> delivery.delivered() == 5);

    assertThat(collector.records).containsOnlyKeys(id(journal).id());
    assertThat(collector.all()).isEqualTo(range(1, 5));
    assertThat(delivery.waiting()).isZero();
    assertThat(delivery.lost()).isZero();
    assertThat(collector.streams).hasValue(1);
  }

  @Test
  void whatIsInTheFilesIsDeliveredInBoundedBatches() throws Exception {
    Journal journal = open("a.jsonl", 300_000, 50);
    record(journal, 20_000, "y".repeat(100));
    JournalDelivery delivery = deliver(journal);
    until(() -> delivery.waiting() == 0);

    assertThat(collector.all()).isEqualTo(range(1, 20_000));
    assertThat(collector.duplicates).hasValue(0);
    assertThat(collector.largest.get()).isLessThan(1 << 20);
    assertThat(collector.batches.get()).isGreaterThan(10);
  }

  @Test
  void aCollectorThatIsStartedAnewGetsTheRestOnce() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 3);
    until(() -> delivery.delivered() == 3);
    collector.stop();
    settle();
    record(journal, 4);
    settle();
    assertThat(delivery.waiting()).isEqualTo(4);
    collector.start();
    retry();
    until(() -> delivery.waiting() == 0);

    assertThat(collector.all()).isEqualTo(range(1, 7));
    assertThat(collector.duplicates).hasValue(0);
  }

  @Test
  void whatHadNoReceiptIsSentAgainAndIsADuplicateAtMost() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 1);
    until(() -> delivery.delivered() == 1);
    collector.silent = true;
    record(journal, 2);
    settle();
    collector.endAll(Status.UNAVAILABLE);
    settle();
    collector.silent = false;
    retry();
    until(() -> delivery.waiting() == 0);

    assertThat(collector.all()).isEqualTo(range(1, 3));
  }

  @Test
  void attemptsBecomeRareWhileTheCollectorIsAway() throws Exception {
    Journal journal = open("a.jsonl");
    record(journal, 1);
    collector.stop();
    JournalDelivery delivery = deliver(journal);
    List<Duration> waits = new ArrayList<>();
    settle();
    for (int i = 0; i < 9; i++) {
      Duration next = time.untilNext();
      waits.add(next);
      time.pass(next);
      settle();
    }
    assertThat(waits.getFirst()).isEqualTo(JournalDelivery.MIN_RETRY);
    assertThat(waits).isSorted();
    assertThat(waits.getLast()).isEqualTo(JournalDelivery.MAX_RETRY);
    collector.start();
    retry();
    until(() -> delivery.delivered() == 1);
  }

  @Test
  void recordsThatWereRotatedAwayWhileTheCollectorWasAwayAreAJump() throws Exception {
    Journal journal = open("a.jsonl", 1_000, 2);
    JournalDelivery delivery = deliver(journal);
    record(journal, 2);
    until(() -> delivery.delivered() == 2);
    collector.stop();
    settle();
    for (int i = 0; i < 100; i++) {
      record(journal, 1);
    }
    collector.start();
    retry();
    until(() -> delivery.waiting() == 0);

    List<Long> all = collector.all();
    assertThat(all).startsWith(1L, 2L).endsWith(102L).doesNotHaveDuplicates().isSorted();
    assertThat(delivery.lost()).isEqualTo(102 - all.size()).isPositive();
  }

  @Test
  void twoJournalsAreDeliveredApart() throws Exception {
    Journal one = open("a.jsonl");
    Journal two = open("b.jsonl");
    JournalDelivery first = deliver(one);
    JournalDelivery second = deliver(two);
    record(one, 3);
    record(two, 5);
    until(() -> first.delivered() == 3 && second.delivered() == 5);

    assertThat(collector.records)
        .containsOnly(Map.entry(id(one).id(), range(1, 3)), Map.entry(id(two).id(), range(1, 5)));
  }

  @Test
  void aFileOfTwoJournalsIsDeliveredOnceAndByTheOtherWhenOneHasEnded() throws Exception {
    Journal one = open("a.jsonl");
    Journal two = open("a.jsonl");
    JournalDelivery first = deliver(one);
    JournalDelivery second = deliver(two);
    record(one, 1);
    record(two, 1);
    until(() -> first.delivered() == 2);
    assertThat(collector.streams).hasValue(1);
    stop(first);
    record(two, 1);
    until(() -> second.delivered() == 1);

    assertThat(collector.all()).isEqualTo(range(1, 3));
    assertThat(collector.duplicates).hasValue(0);
  }

  @Test
  void aSuccessorGoesOnWhereItsPredecessorStopped() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 3);
    until(() -> delivery.delivered() == 3);
    stop(delivery);
    closeJournal(journal);
    Journal next = open("a.jsonl");
    record(next, 2);
    JournalDelivery successor = deliver(next);
    until(() -> successor.delivered() == 2);

    assertThat(collector.all()).isEqualTo(range(1, 5));
    assertThat(collector.duplicates).hasValue(0);
  }

  @Test
  void aReceiptForWhatWasNeverWrittenEndsTheStream() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 2);
    until(() -> delivery.delivered() == 2);
    JournalId id = id(journal);
    collector.answer = durable -> Long.MAX_VALUE;
    record(journal, 1);
    until(() -> collector.batches.get() == 2);
    settle();
    assertThat(delivery.waiting()).isEqualTo(1);
    collector.answer = durable -> -1;
    retry();
    retry();
    assertThat(delivery.waiting()).isEqualTo(1);
    collector.answer = durable -> durable;
    retry();
    until(() -> delivery.waiting() == 0);

    assertThat(id(journal)).isEqualTo(id);
    assertThat(collector.all()).isEqualTo(range(1, 3));
  }

  @Test
  void aReceiptThatGoesBackEndsTheStreamAndNothingIsLost() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 5);
    until(() -> delivery.waiting() == 0);
    int streams = collector.streams.get();
    collector.answer = durable -> 2;
    record(journal, 1);
    until(() -> collector.durable.containsValue(6L));
    settle();
    collector.answer = durable -> durable;
    retry();
    until(() -> delivery.waiting() == 0);

    assertThat(collector.streams.get()).isEqualTo(streams + 1);
    assertThat(collector.all()).isEqualTo(range(1, 6));
  }

  @Test
  void aCollectorThatHasLostRecordsGetsThemAgain() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 5);
    until(() -> delivery.waiting() == 0);
    collector.durable.clear();
    collector.records.clear();
    collector.endAll(Status.UNAVAILABLE);
    settle();
    record(journal, 1);
    until(() -> collector.all().equals(range(1, 6)));
    until(() -> delivery.waiting() == 0);
  }

  @Test
  void aReceiptThatDoesNotComeIsNotWaitedForForever() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 1);
    until(() -> delivery.waiting() == 0);
    collector.silent = true;
    record(journal, 1);
    until(() -> collector.durable.containsValue(2L));
    time.pass(JournalDelivery.RECEIPT_TIME.minusSeconds(1));
    assertThat(collector.streams).hasValue(1);
    collector.silent = false;
    time.pass(Duration.ofSeconds(2));
    until(() -> delivery.waiting() == 0);

    assertThat(collector.streams).hasValue(2);
    assertThat(delivery.receiptAge()).isLessThan(5);
  }

  @Test
  void aCollectorThatDoesNotGreetIsLeft() throws Exception {
    Journal journal = open("a.jsonl");
    collector.greets = false;
    JournalDelivery delivery = deliver(journal);
    record(journal, 1);
    until(() -> collector.streams.get() == 1);
    collector.greets = true;
    time.pass(JournalDelivery.RECEIPT_TIME.plusSeconds(1));
    until(() -> delivery.waiting() == 0);
    assertThat(collector.streams).hasValue(2);
  }

  @Test
  void aCollectorThatAcknowledgesNothingHoldsNoMoreThanItsShare() throws Exception {
    shared = new Deliveries(2 * JournalDelivery.BATCH_BYTES);
    collector.silent = true;
    List<JournalDelivery> stuck = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      Journal journal = open(i + ".jsonl");
      record(journal, 6_000, "y".repeat(100));
      stuck.add(deliver(journal));
    }
    settle();
    int taken = 0;
    while (shared.take(JournalDelivery.BATCH_BYTES / 8, () -> {})) {
      taken++;
    }
    assertThat(taken).isLessThan(16);
    for (int i = 0; i < taken; i++) {
      shared.give(JournalDelivery.BATCH_BYTES / 8);
    }
    collector.silent = false;
    collector.endAll(Status.UNAVAILABLE);
    for (int i = 0; i < 20; i++) {
      retry();
    }
    until(() -> stuck.stream().allMatch(delivery -> delivery.waiting() == 0));
    assertThat(collector.all()).hasSize(36_000);
  }

  @Test
  void aLineThatTheDiskHasChangedKeepsNoOtherFromTheCollector() throws Exception {
    Path file = dir.resolve("a.jsonl");
    Files.writeString(
        file, "{\"sequence\":1,\"gap\":{\"lost\":1}}\n{\"sequence\":2,\"gap\":{\"l#\n");
    collector.refused = 2;
    Journal journal = open("a.jsonl");
    record(journal, 1);
    JournalDelivery delivery = deliver(journal);
    settle();
    retry();
    until(() -> delivery.waiting() == 0);

    assertThat(collector.all()).containsExactly(1L, 3L);
    assertThat(delivery.lost()).isEqualTo(1);
  }

  @Test
  void aRecordThatTheCollectorRefusesKeepsNoOtherFromIt() throws Exception {
    Journal journal = open("a.jsonl");
    record(journal, 20);
    collector.refused = 7;
    JournalDelivery delivery = deliver(journal);
    settle();
    for (int i = 0; i < 4; i++) {
      retry();
    }
    record(journal, 3);
    until(() -> delivery.waiting() == 0);

    assertThat(collector.all()).hasSize(22).doesNotContain(7L).isSorted();
    assertThat(delivery.lost()).isEqualTo(1);
  }

  @Test
  void aStreamThatHasNothingToDoMayEndWithoutAnother() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 1);
    until(() -> delivery.waiting() == 0);
    collector.endAll(Status.DEADLINE_EXCEEDED);
    retry();
    assertThat(collector.streams).hasValue(1);
    record(journal, 1);
    until(() -> delivery.waiting() == 0);
    assertThat(collector.streams).hasValue(2);
  }

  @Test
  void numbersThatACrashOfTheHostHasGivenTwiceAreOfAnotherJournal() throws Exception {
    Path file = dir.resolve("a.jsonl");
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 5);
    until(() -> delivery.waiting() == 0);
    stop(delivery);
    closeJournal(journal);
    JournalId before = id(journal);
    // The host comes back without the last three records, and in another boot.
    List<String> lines = Files.readAllLines(file);
    Files.write(file, lines.subList(0, 2));
    Path id = dir.resolve("a.jsonl.id");
    Files.writeString(id, before.id() + "\n1\nabc\n0\n");
    Journal reborn = open("a.jsonl");
    record(reborn, 6);
    JournalDelivery next = deliver(reborn);
    settle();
    retry();
    until(() -> next.waiting() == 0);

    assertThat(collector.records.get(before.id())).isEqualTo(range(1, 5));
    assertThat(collector.records.get(id(reborn).id())).isEqualTo(range(3, 8));
    assertThat(id(reborn).unsure()).isZero();
  }

  @Test
  void aHostThatWasStartedAnewWithAllItsRecordsGoesOn() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 5);
    until(() -> delivery.waiting() == 0);
    stop(delivery);
    closeJournal(journal);
    JournalId before = id(journal);
    Files.writeString(dir.resolve("a.jsonl.id"), before.id() + "\n1\nabc\n0\n");
    Journal reborn = open("a.jsonl");
    record(reborn, 2);
    JournalDelivery next = deliver(reborn);
    until(() -> next.delivered() == 2);

    assertThat(collector.all()).isEqualTo(range(1, 7));
    assertThat(id(reborn)).isEqualTo(before);
  }

  @Test
  void filesThatSomebodyHasCutAreAnotherJournalFromThere() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 5);
    until(() -> delivery.waiting() == 0);
    stop(delivery);
    closeJournal(journal);
    Path file = dir.resolve("a.jsonl");
    Files.write(file, Files.readAllLines(file).subList(0, 2));
    Journal reborn = open("a.jsonl");
    JournalDelivery next = deliver(reborn);
    settle();
    retry();
    record(reborn, 1);
    until(() -> next.delivered() == 1);

    assertThat(collector.records.get(id(reborn).id())).isEqualTo(range(3, 3));
  }

  @Test
  void anEndWaitsForWhatIsInTheFiles() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 1);
    until(() -> delivery.delivered() == 1);
    record(journal, 4);
    Thread closing = Thread.ofPlatform().start(() -> delivery.close(Duration.ofSeconds(60)));
    await(
        () -> {
          time.drain();
          return !closing.isAlive();
        });
    assertThat(collector.all()).isEqualTo(range(1, 5));
    deliveries.remove(delivery);
  }

  @Test
  void linesThatAnotherProcessWritesAreDeliveredToo() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 1);
    until(() -> delivery.delivered() == 1);
    Files.write(
        dir.resolve("a.jsonl"),
        "{\"sequence\":2,\"gap\":{\"lost\":1}}\n".getBytes(StandardCharsets.UTF_8),
        StandardOpenOption.APPEND);
    journal.look();
    until(() -> delivery.delivered() == 2);
    assertThat(collector.all()).isEqualTo(range(1, 2));
  }

  @Test
  void aJournalThatReplacesAnotherOneMeanwhileIsDeliveredAsItself() throws Exception {
    Journal journal = open("a.jsonl");
    JournalDelivery delivery = deliver(journal);
    record(journal, 5);
    until(() -> delivery.waiting() == 0);
    JournalId before = id(journal);
    Files.delete(dir.resolve("a.jsonl"));
    Files.delete(dir.resolve("a.jsonl.id"));
    record(journal, 3);
    // The delivery may hear of the records after the first try.
    await(
        () -> {
          retry();
          return delivery.waiting() == 0;
        });

    JournalId after = id(journal);
    assertThat(after.id()).isNotEqualTo(before.id());
    assertThat(collector.records.get(before.id())).isEqualTo(range(1, 5));
    assertThat(collector.records.get(after.id())).isEqualTo(range(6, 8));
  }

  @Test
  void roomThatAStreamWithoutCollectorCannotUseGoesToTheNextOne() throws Exception {
    shared = new Deliveries(JournalDelivery.BATCH_BYTES);
    Journal first = open("a.jsonl");
    Journal second = open("b.jsonl");
    JournalDelivery broken = deliver(first);
    JournalDelivery good = deliver(second);
    record(first, 1);
    record(second, 1);
    until(() -> broken.delivered() == 1 && good.delivered() == 1);
    assertThat(shared.take(JournalDelivery.BATCH_BYTES, () -> {})).isTrue();
    record(first, 1);
    settle();
    // It waits for room, and its stream ends before there is some.
    collector.endAll(Status.UNAVAILABLE);
    settle();
    record(second, 1);
    settle();
    shared.give(JournalDelivery.BATCH_BYTES);
    until(() -> good.delivered() == 2);
  }
}
