package io.signetmesh.audit;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Journals whose workload serves nothing that cannot be recorded. */
@Timeout(60)
final class JournalBlockTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final InstantSource CLOCK = InstantSource.system();

  @TempDir private Path directory;
  private final JournalWriter writer = new JournalWriter();
  private final CountDownLatch reached = new CountDownLatch(1);
  private final CountDownLatch disk = new CountDownLatch(1);
  private final AtomicBoolean broken = new AtomicBoolean();
  private Path file = Path.of("");

  @BeforeEach
  void nameFile() {
    file = directory.resolve("a.jsonl");
  }

  @AfterEach
  void close() {
    disk.countDown();
    writer.close();
  }

  private static AuditEvent event(String what) {
    return new AdministrativeEvent(0, what, "x", "x", Map.of());
  }

  private JournalConfig config(Path of, int capacity) {
    return new JournalConfig(of, capacity, 1 << 28, 1, false).thatBlocks();
  }

  /** A journal whose disk does not answer until it is told to; its first record is on its way. */
  private Journal stuck(JournalConfig config) throws Exception {
    Journal journal =
        writer.open(
            config,
            "shop/web",
            CLOCK,
            path -> {
              reached.countDown();
              awaitDisk();
              return JournalFiles.open(path);
            });
    assertThat(journal.admit(event("first"))).isTrue();
    reached.await();
    return journal;
  }

  private void awaitDisk() {
    try {
      disk.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private record Written(long allowed, long denied, long lost) {}

  private Written written() throws IOException {
    long allowed = 0;
    long denied = 0;
    long lost = 0;
    for (String line : Files.readAllLines(file)) {
      JsonNode node = JSON.readTree(line);
      lost += node.path("gap").path("lost").asLong();
      String act = node.path("administrative").path("act").asText();
      allowed += act.equals("allowed") ? 1 : 0;
      denied += act.equals("denied") ? 1 : 0;
    }
    return new Written(allowed, denied, lost);
  }

  @Test
  void whatIsAdmittedIsWrittenAndEachRefusalIsWrittenOrInTheGap() throws Exception {
    Journal journal = stuck(config(file, 100));
    long admitted = 0;
    long refused = 0;
    for (int i = 0; i < 1_000; i++) {
      if (journal.admit(event("allowed"))) {
        admitted++;
      } else {
        refused++;
        journal.record(event("denied"));
      }
    }
    assertThat(admitted).isBetween(99L, 100L);
    assertThat(journal.refused()).isEqualTo(refused);
    disk.countDown();
    journal.close();

    Written found = written();
    assertThat(found.allowed()).isEqualTo(admitted);
    assertThat(found.denied() + found.lost()).isEqualTo(refused);
    assertThat(journal.lost()).isEqualTo(found.lost());
  }

  /** Whoever may reach the port can be denied as often as it likes. */
  @Test
  void aFloodOfDenialsRefusesNobody() throws Exception {
    Journal journal = stuck(config(file, 100));
    for (int i = 0; i < 100_000; i++) {
      journal.record(event("denied"));
    }
    for (int i = 0; i < 49; i++) {
      assertThat(journal.admit(event("allowed"))).isTrue();
    }
    disk.countDown();
    journal.close();

    Written found = written();
    assertThat(found.allowed()).isEqualTo(49);
    assertThat(found.denied() + found.lost()).isEqualTo(100_000);
  }

  @Test
  void theFloodsOfOthersLeaveRoomOfItsOwn() throws Exception {
    List<Journal> all = new ArrayList<>();
    all.add(stuck(config(directory.resolve("flood0.jsonl"), 1 << 16)));
    Journal own = writer.open(config(file, 16_384), "shop/own", CLOCK);
    all.add(own);
    for (int i = 1; i < 6; i++) {
      Path other = directory.resolve("flood" + i + ".jsonl");
      Journal flood = writer.open(config(other, 1 << 15), "shop/flood", CLOCK);
      all.add(flood);
      while (flood.admit(event("flood"))) {
        // Until nothing more is taken.
      }
    }

    for (int i = 0; i < JournalWriter.OWN_RECORDS; i++) {
      assertThat(own.admit(event("allowed"))).isTrue();
    }
    assertThat(own.admit(event("allowed"))).isFalse();
    disk.countDown();
    all.forEach(Journal::close);
  }

  @Test
  void aDiskThatFailsRefusesUntilItIsBack() throws Exception {
    Journal journal =
        writer.open(
            config(file, 100),
            "shop/web",
            CLOCK,
            path -> {
              if (broken.get()) {
                throw new IOException("disk is full");
              }
              return JournalFiles.open(path);
            });
    broken.set(true);
    assertThat(journal.admit(event("allowed"))).isTrue();
    while (journal.writeErrors() == 0) {
      Thread.onSpinWait();
    }

    assertThat(journal.admit(event("allowed"))).isFalse();
    journal.record(event("denied"));

    broken.set(false);
    long admitted = 0;
    while (admitted == 0) {
      admitted += journal.admit(event("allowed")) ? 1 : 0;
    }
    journal.close();
    assertThat(written()).isEqualTo(new Written(1, 0, 2));
  }

  @Test
  void aClosedJournalRefuses() throws Exception {
    Journal journal = writer.open(config(file, 100), "shop/web", CLOCK);
    journal.close();

    assertThat(journal.admit(event("allowed"))).isFalse();
  }

  @Test
  void roomThatIsKeptIsTakenFromOthers() throws Exception {
    Journal journal = stuck(config(file, 4));
    assertThat(journal.reserve()).isTrue();
    while (journal.admit(event("allowed"))) {
      // Until nothing more is taken.
    }
    journal.recordReserved(event("allowed"));
    assertThat(journal.lost()).isZero();
    disk.countDown();
    journal.close();
    assertThat(written().lost()).isZero();
  }

  @Test
  void aJournalThatGoesOnAdmitsWhatItLoses() throws Exception {
    Journal journal = stuck(new JournalConfig(file, 8, 1 << 28, 1, false));
    for (int i = 0; i < 100; i++) {
      assertThat(journal.admit(event("allowed"))).isTrue();
    }
    assertThat(journal.refused()).isZero();
    disk.countDown();
    journal.close();
    Written found = written();
    assertThat(found.allowed() + found.lost()).isEqualTo(100);
  }
}
