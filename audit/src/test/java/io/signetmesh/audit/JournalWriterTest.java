package io.signetmesh.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JournalWriterTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final InstantSource CLOCK =
      InstantSource.fixed(Instant.parse("2026-11-21T10:15:30.045Z"));

  @TempDir Path dir;
  private final JournalWriter writer = new JournalWriter();
  private final CountDownLatch disk = new CountDownLatch(1);

  @AfterEach
  void close() {
    disk.countDown();
    writer.close();
  }

  private static DecisionEvent decision(String workload, int number) {
    return new DecisionEvent(
        CLOCK.millis(),
        new AuditedConnection(
            workload,
            new InetSocketAddress("127.0.0.1", 4711),
            new InetSocketAddress("127.0.0.1", 80),
            null,
            null,
            null),
        "policy.linkerd.io/server/web",
        "http/1",
        "GET",
        "/" + number,
        Verdict.DENY,
        "identity-mismatch",
        null,
        "identity",
        null,
        7,
        DecisionMode.ENFORCE,
        null);
  }

  private static List<JsonNode> read(Path file) throws IOException {
    List<JsonNode> nodes = new ArrayList<>();
    for (String text : Files.readAllLines(file)) {
      nodes.add(JSON.readTree(text));
    }
    return nodes;
  }

  private static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  /** A disk that answers once {@link #disk} is counted down. */
  private FileChannel stuck(Path file) throws IOException {
    try {
      disk.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
    return FileChannel.open(file, StandardOpenOption.WRITE);
  }

  private static long threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("audit-journal"))
        .count();
  }

  @Test
  void oneThreadWritesTheJournalsOfAllFiles() throws Exception {
    long before = threads();
    List<Journal> journals = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Path file = dir.resolve(i + ".jsonl");
      journals.add(writer.open(JournalConfig.of(file), "shop/w" + i, CLOCK));
      journals.get(i).record(decision("shop/w" + i, 1));
    }
    await(() -> journals.stream().allMatch(journal -> journal.written() == 1));
    assertThat(threads()).isEqualTo(before + 1);
    journals.forEach(Journal::close);
    for (int i = 0; i < 20; i++) {
      assertThat(read(dir.resolve(i + ".jsonl"))).hasSize(1);
    }
  }

  @Test
  void journalsOfOneFileMakeOneSequence() throws Exception {
    Path file = dir.resolve("node.jsonl");
    JournalConfig config = JournalConfig.of(file);
    try (Journal web = writer.open(config, "shop/web", CLOCK);
        Journal cart = writer.open(config, "shop/cart", CLOCK)) {
      for (int i = 0; i < 500; i++) {
        web.record(decision("shop/web", i));
        cart.record(decision("shop/cart", i));
      }
    }
    List<JsonNode> records = read(file);
    assertThat(records).hasSize(1_000);
    Map<String, Integer> next = new HashMap<>();
    for (int i = 0; i < records.size(); i++) {
      JsonNode record = records.get(i);
      assertThat(record.get("sequence").asLong()).isEqualTo(i + 1);
      String workload = record.at("/decision/workload").asText();
      int number = next.merge(workload, 1, Integer::sum) - 1;
      assertThat(record.at("/decision/path").asText()).isEqualTo("/" + number);
    }
    assertThat(next).containsOnly(Map.entry("shop/web", 500), Map.entry("shop/cart", 500));
  }

  @Test
  void aFloodOfOneWorkloadLosesItsOwnRecordsAndTheGapSaysWhose() throws Exception {
    Path file = dir.resolve("node.jsonl");
    JournalConfig config = new JournalConfig(file, 4_096, 1L << 30, 1, false);
    int flood = 20_000;
    int few = 1_000;
    Journal web = writer.open(config, "shop/web", CLOCK, this::stuck);
    Journal cart = writer.open(config, "shop/cart", CLOCK, this::stuck);
    for (int i = 0; i < flood; i++) {
      web.record(decision("shop/web", i));
    }
    for (int i = 0; i < few; i++) {
      cart.record(decision("shop/cart", i));
    }
    assertThat(cart.lost()).isZero();
    assertThat(web.lost()).isPositive();
    disk.countDown();
    web.close();
    cart.close();
    long webWritten = 0;
    long cartWritten = 0;
    long stated = 0;
    for (JsonNode record : read(file)) {
      if (record.has("gap")) {
        assertThat(record.at("/gap/workload").asText()).isEqualTo("shop/web");
        stated += record.at("/gap/lost").asLong();
      } else if (record.at("/decision/workload").asText().equals("shop/web")) {
        webWritten++;
      } else {
        cartWritten++;
      }
    }
    assertThat(cartWritten).isEqualTo(few);
    assertThat(webWritten + stated).isEqualTo(flood);
    assertThat(stated).isEqualTo(web.lost());
  }

  @Test
  void manyFloodsLeaveEachWorkloadItsOwnRoomAndTheProcessItsHeap() throws Exception {
    Path file = dir.resolve("node.jsonl");
    JournalConfig config = new JournalConfig(file, 16_384, 1L << 30, 1, false);
    List<Journal> floods = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      floods.add(writer.open(config, "shop/flood-" + i, CLOCK, this::stuck));
    }
    Journal cart = writer.open(config, "shop/cart", CLOCK, this::stuck);
    DecisionEvent same = decision("shop/flood", 0);
    for (Journal flood : floods) {
      for (int i = 0; i < 40_000; i++) {
        flood.record(same);
      }
    }
    long waiting = floods.stream().mapToLong(Journal::queued).sum();
    assertThat(waiting)
        .isLessThanOrEqualTo(JournalWriter.SHARED_RECORDS + 8L * JournalWriter.OWN_RECORDS);
    for (int i = 0; i < JournalWriter.OWN_RECORDS; i++) {
      cart.record(decision("shop/cart", i));
    }
    assertThat(cart.lost()).isZero();
    disk.countDown();
    floods.forEach(Journal::close);
    cart.close();
    assertThat(cart.written()).isEqualTo(JournalWriter.OWN_RECORDS);
    // The shared room is free again, for whoever comes.
    Journal later = writer.open(JournalConfig.of(dir.resolve("later.jsonl")), "shop/later", CLOCK);
    int room = 0;
    while (writer.takeShared()) {
      room++;
    }
    assertThat(room).isEqualTo(JournalWriter.SHARED_RECORDS);
    later.close();
  }

  @Test
  void aDiskThatDoesNotAnswerKeepsNoOtherFileWaiting() throws Exception {
    Journal hangs =
        writer.open(JournalConfig.of(dir.resolve("hangs.jsonl")), "shop/hangs", CLOCK, this::stuck);
    Journal web = writer.open(JournalConfig.of(dir.resolve("web.jsonl")), "shop/web", CLOCK);
    hangs.record(decision("shop/hangs", 1));
    await(() -> hangs.queued() == 0);
    web.record(decision("shop/web", 1));
    await(
        () -> {
          writer.look();
          return web.written() == 1;
        });
    assertThat(hangs.written()).isZero();
    disk.countDown();
    hangs.record(decision("shop/hangs", 2));
    await(() -> hangs.written() == 2);
    hangs.close();
    web.close();
  }

  @Test
  void lossesByADiskErrorAreStatedForEachWorkload() throws Exception {
    Path file = dir.resolve("node.jsonl");
    AtomicBoolean broken = new AtomicBoolean(true);
    JournalWriter.Opener opener =
        path -> {
          if (broken.get()) {
            throw new IOException("No space left on device");
          }
          return FileChannel.open(path, StandardOpenOption.WRITE);
        };
    JournalConfig config = JournalConfig.of(file);
    try (Journal web = writer.open(config, "shop/web", CLOCK, opener);
        Journal cart = writer.open(config, "shop/cart", CLOCK, opener)) {
      web.record(decision("shop/web", 1));
      web.record(decision("shop/web", 2));
      cart.record(decision("shop/cart", 1));
      await(() -> web.lost() == 2 && cart.lost() == 1);
      broken.set(false);
      await(() -> Files.exists(file) && hasLines(file, 2));
    }
    List<JsonNode> records = read(file);
    assertThat(records)
        .extracting(record -> record.get("sequence").asLong())
        .containsExactly(1L, 2L);
    assertThat(records)
        .extracting(record -> record.at("/gap/workload").asText() + record.at("/gap/lost"))
        .containsExactlyInAnyOrder("shop/web2", "shop/cart1");
  }

  private static boolean hasLines(Path file, int count) {
    try {
      return Files.readAllLines(file).size() >= count;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void aFileThatCannotBeOpenedLeavesTheOthersAndCanBeOpenedLater() throws Exception {
    Path directory = Files.createDirectory(dir.resolve("in-the-way.jsonl"));
    assertThatThrownBy(() -> writer.open(JournalConfig.of(directory), "shop/web", CLOCK))
        .isInstanceOf(IOException.class);
    Files.delete(directory);
    try (Journal web = writer.open(JournalConfig.of(directory), "shop/web", CLOCK)) {
      web.record(decision("shop/web", 1));
      await(() -> web.written() == 1);
    }
  }

  @Test
  void anErrorOfOneFileEndsNeitherItsJournalNorThoseOfOthers() throws Exception {
    AtomicBoolean broken = new AtomicBoolean(true);
    JournalWriter.Opener opener =
        path -> {
          if (broken.get()) {
            throw new OutOfMemoryError("Cannot reserve direct buffer memory");
          }
          return FileChannel.open(path, StandardOpenOption.WRITE);
        };
    Path file = dir.resolve("broken.jsonl");
    Journal fails = writer.open(JournalConfig.of(file), "shop/fails", CLOCK, opener);
    Journal web = writer.open(JournalConfig.of(dir.resolve("web.jsonl")), "shop/web", CLOCK);
    fails.record(decision("shop/fails", 1));
    await(() -> fails.lost() == 1);
    web.record(decision("shop/web", 1));
    await(() -> web.written() == 1);
    broken.set(false);
    fails.record(decision("shop/fails", 2));
    await(() -> hasLines(file, 1));
    fails.close();
    web.close();
    long next = 1;
    long told = 0;
    for (JsonNode record : read(file)) {
      assertThat(record.get("sequence").asLong()).isEqualTo(next++);
      told += record.has("gap") ? record.at("/gap/lost").asLong() : 1;
    }
    assertThat(told).isEqualTo(2);
  }

  @Test
  void anErrorInTheMidstOfARecordLeavesNoPartOfIt() throws Exception {
    AtomicBoolean broken = new AtomicBoolean();
    InstantSource clock =
        () -> {
          if (broken.getAndSet(false)) {
            throw new StackOverflowError();
          }
          return CLOCK.instant();
        };
    Path file = dir.resolve("web.jsonl");
    JournalConfig config = new JournalConfig(file, 2_048, 1L << 30, 1, false);
    Journal web = writer.open(config, "shop/web", clock, this::stuck);
    web.record(decision("shop/web", 0));
    await(() -> web.queued() == 0);
    for (int i = 0; i < 5_000; i++) {
      web.record(decision("shop/web", i));
    }
    assertThat(web.lost()).isPositive();
    // The gap has the time of the clock.
    broken.set(true);
    disk.countDown();
    web.close();
    assertThat(broken).isFalse();
    long next = 1;
    long records = 0;
    for (JsonNode record : read(file)) {
      assertThat(record.get("sequence").asLong()).isEqualTo(next++);
      records += record.has("gap") ? 0 : 1;
    }
    assertThat(records).isEqualTo(web.written());
    assertThat(web.written() + web.lost()).isEqualTo(5_001);
  }

  @Test
  void aThreadThatCannotBeStartedIsTriedAgain() throws Exception {
    AtomicBoolean full = new AtomicBoolean();
    AtomicInteger failed = new AtomicInteger();
    JournalWriter many =
        new JournalWriter(
            task ->
                new Thread(task) {
                  @Override
                  public synchronized void start() {
                    if (full.get()) {
                      failed.incrementAndGet();
                      throw new OutOfMemoryError("unable to create native thread");
                    }
                    super.start();
                  }
                });
    full.set(true);
    JournalConfig config = JournalConfig.of(dir.resolve("web.jsonl"));
    assertThatThrownBy(() -> many.open(config, "shop/web", CLOCK))
        .isInstanceOf(OutOfMemoryError.class);
    full.set(false);
    Journal hangs =
        many.open(JournalConfig.of(dir.resolve("hangs.jsonl")), "shop/hangs", CLOCK, this::stuck);
    Journal web = many.open(config, "shop/web", CLOCK);
    hangs.record(decision("shop/hangs", 1));
    await(() -> hangs.queued() == 0);
    full.set(true);
    failed.set(0);
    web.record(decision("shop/web", 1));
    await(
        () -> {
          many.look();
          return failed.get() > 20;
        });
    assertThat(web.written()).isZero();
    full.set(false);
    await(
        () -> {
          many.look();
          return web.written() == 1;
        });
    disk.countDown();
    await(() -> hangs.written() == 1);
    hangs.close();
    web.close();
    many.close();
  }

  @Test
  void aThreadThatHasEndedIsReplaced() throws Exception {
    AtomicInteger made = new AtomicInteger();
    JournalWriter mortal =
        new JournalWriter(task -> new Thread(made.getAndIncrement() == 0 ? () -> {} : task));
    Journal web = mortal.open(JournalConfig.of(dir.resolve("web.jsonl")), "shop/web", CLOCK);
    web.record(decision("shop/web", 1));
    await(
        () -> {
          mortal.look();
          return web.written() == 1;
        });
    assertThat(made).hasValue(2);
    web.close();
    mortal.close();
  }

  @Test
  void aNeighbourOfAFloodLosesNothing() throws Exception {
    JournalConfig config = JournalConfig.of(dir.resolve("web.jsonl"));
    Journal web = writer.open(config, "shop/web", CLOCK, this::stuck);
    Journal cart =
        writer.open(JournalConfig.of(dir.resolve("cart.jsonl")), "shop/cart", CLOCK, this::stuck);
    DecisionEvent same = decision("shop/web", 0);
    AtomicBoolean over = new AtomicBoolean();
    Thread flood =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (!over.get()) {
                    web.record(same);
                  }
                });
    try {
      await(() -> web.lost() > 2 * JournalWriter.SHARED_RECORDS);
      for (int i = 0; i < 5_000; i++) {
        cart.record(decision("shop/cart", i));
      }
      assertThat(cart.lost()).isZero();
    } finally {
      over.set(true);
      flood.join();
    }
    disk.countDown();
    web.close();
    cart.close();
    assertThat(cart.written()).isEqualTo(5_000);
    assertThat(freeRoom()).isEqualTo(JournalWriter.SHARED_RECORDS);
  }

  @Test
  void aJournalGivesBackTheSharedRoomOfWhatIsWritten() throws Exception {
    Journal web =
        writer.open(JournalConfig.of(dir.resolve("web.jsonl")), "shop/web", CLOCK, this::stuck);
    web.record(decision("shop/web", 0));
    // The writer's thread waits for the disk from here on.
    await(() -> web.queued() == 0);
    DecisionEvent same = decision("shop/web", 1);
    for (int i = 0; i < 10_000; i++) {
      web.record(same);
    }
    for (int i = 0; i < 3_000; i++) {
      assertThat(web.poll()).isNotNull();
    }
    web.polled();
    assertThat(freeRoom())
        .isEqualTo(JournalWriter.SHARED_RECORDS - (7_000 - JournalWriter.OWN_RECORDS));
    disk.countDown();
    web.close();
  }

  /** Records for which there is shared room now. */
  private int freeRoom() {
    int room = 0;
    while (writer.takeShared()) {
      room++;
    }
    writer.giveBackShared(room);
    return room;
  }
}
