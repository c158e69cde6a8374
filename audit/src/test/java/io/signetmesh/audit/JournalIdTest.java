package io.signetmesh.audit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.InstantSource;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JournalIdTest {
  @TempDir Path dir;
  private Path file = Path.of("");

  @BeforeEach
  void name() {
    file = dir.resolve("a.jsonl");
  }

  private Journal open() throws Exception {
    return Journal.open(JournalConfig.of(file), InstantSource.system());
  }

  private void record() throws Exception {
    try (Journal journal = open()) {
      record(journal);
    }
  }

  private static void record(Journal journal) {
    long before = journal.written();
    journal.record(new AdministrativeEvent(0, "bundle-changed", "identity", "x", Map.of()));
    while (journal.written() == before) {
      Thread.onSpinWait();
    }
  }

  private JournalId id() throws Exception {
    return Objects.requireNonNull(JournalId.read(file));
  }

  @Test
  void isMadeBeforeTheFirstRecordAndStays() throws Exception {
    open().close();
    assertThat(JournalId.read(file)).isNull();
    record();

    JournalId made = id();
    assertThat(made.id()).matches("[0-9a-f]{32}");
    assertThat(made.first()).isEqualTo(1);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(idFile())))
        .isEqualTo("rw-------");
    record();
    assertThat(id()).isEqualTo(made);
  }

  @Test
  void anotherJournalInTheSameFileHasAnotherId() throws Exception {
    record();
    JournalId before = id();
    Files.delete(file);
    record();

    assertThat(id().id()).isNotEqualTo(before.id());
    assertThat(id().first()).isEqualTo(1);
  }

  @Test
  void aJournalThatIsRemovedWhileItIsWrittenIsAnotherFromThenOn() throws Exception {
    try (Journal journal = open()) {
      record(journal);
      record(journal);
      JournalId before = id();
      Files.delete(file);
      record(journal);

      assertThat(id().id()).isNotEqualTo(before.id());
      assertThat(id().first()).isEqualTo(3);
    }
  }

  @Test
  void rotationIsNoReasonForAnotherId() throws Exception {
    JournalConfig small = new JournalConfig(file, 16, 1, 2, false);
    try (Journal journal = Journal.open(small, InstantSource.system())) {
      record(journal);
      JournalId before = id();
      record(journal);
      record(journal);
      assertThat(id()).isEqualTo(before);
    }
  }

  @Test
  void aLostOrChangedIdMeansAnotherJournal() throws Exception {
    record();
    JournalId before = id();
    Files.writeString(idFile(), "../../etc/passwd\n1\n\n0\n");
    record();
    JournalId after = id();

    assertThat(after.id()).isNotEqualTo(before.id());
    assertThat(after.first()).isEqualTo(1);
    Files.delete(idFile());
    record();
    assertThat(id().id()).isNotEqualTo(after.id());
  }

  @Test
  void aHostThatWasStartedAnewIsRememberedUntilItIsKnownWhatWasLost() throws Exception {
    record();
    JournalId before = id();
    new JournalId(before.id(), 1, "another-boot".replaceAll("[^a-f-]", "a"), 0).write(file);
    try (Journal journal = open()) {
      assertThat(id()).isEqualTo(new JournalId(before.id(), 1, before.boot(), 1));
      record(journal);
      open().close();
      assertThat(id().unsure()).isEqualTo(1);
      journal.confirmId(id());
      assertThat(id()).isEqualTo(before);
    }
  }

  @Test
  void anIdIsReplacedOnceOnly() throws Exception {
    try (Journal journal = open()) {
      record(journal);
      JournalId before = id();
      journal.replaceId(before, 5);
      JournalId after = id();
      journal.replaceId(before, 9);

      assertThat(after.id()).isNotEqualTo(before.id());
      assertThat(id()).isEqualTo(after);
      assertThat(id().first()).isEqualTo(5);
    }
  }

  private Path idFile() {
    return file.resolveSibling(file.getFileName() + ".id");
  }
}
