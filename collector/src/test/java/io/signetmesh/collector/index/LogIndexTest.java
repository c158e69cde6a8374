package io.signetmesh.collector.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.collector.SampleLog;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.EntryCandidates;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryScan;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.store.FSDirectory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LogIndexTest {
  private static final long PART = 2 * TilePath.WIDTH;
  private static final int ENTRIES = 1300;

  /** Each seventh one, from the third on. */
  private static final EntryFilter DENIALS = new EntryFilter.Builder().verdict("deny").build();

  @TempDir private Path temporary;
  private final List<String> notes = new ArrayList<>();
  private Path directory = Path.of("");
  private Path index = Path.of("");

  @BeforeEach
  void makeLog() throws IOException {
    directory = temporary.resolve("log");
    index = temporary.resolve("index");
    try (SampleLog log = new SampleLog(directory)) {
      log.usual(ENTRIES).append();
    }
  }

  private LogDirectory log() throws IOException {
    return LogDirectory.open(directory, null);
  }

  private void makeIndex() throws IOException {
    try (LogIndexWriter writer = LogIndexWriter.open(index, 1 << 20, 1, PART)) {
      assertThat(writer.extend(log(), ENTRIES, done -> {})).isEqualTo(ENTRIES);
    }
  }

  /** How many entries are looked at, and that the right ones are found. */
  private int lookedAt() throws IOException {
    LogDirectory log = log();
    int[] found = {0};
    int count = 0;
    try (LogIndex opened = LogIndex.open(index, log, PART, notes::add)) {
      EntryCandidates candidates = opened.candidates(DENIALS);
      for (long at = candidates.next(log.minimum());
          at < log.size();
          at = candidates.next(at + 1)) {
        count++;
      }
      new EntryScan(log, DENIALS, opened.candidates(DENIALS), done -> {})
          .run(
              log.minimum(),
              log.size(),
              new EntryScan.Sink() {
                @Override
                public boolean entry(AuditEntry entry) {
                  found[0]++;
                  return true;
                }

                @Override
                public boolean unreadable(long from, long to, String why) throws IOException {
                  throw new IOException(why);
                }
              });
    }
    long expected = 0;
    for (long i = log.minimum(); i < log.size(); i++) {
      expected += i % 7 == 3 ? 1 : 0;
    }
    assertThat(found[0]).isEqualTo(expected);
    return count;
  }

  private static int denials(int from, int to) {
    int count = 0;
    for (int i = from; i < to; i++) {
      count += i % 7 == 3 ? 1 : 0;
    }
    return count;
  }

  private Path part(int number) {
    return LogIndex.part(index, number * PART);
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.walk(index)) {
      return all.filter(Files::isRegularFile).sorted().toList();
    }
  }

  @Test
  void onlyWhatMayBeWantedIsLookedAt() throws Exception {
    makeIndex();
    assertThat(LogIndex.parts(index)).containsExactly(part(0), part(1), part(2));
    assertThat(lookedAt()).isEqualTo(denials(0, ENTRIES));
    assertThat(notes).isEmpty();
  }

  @Test
  void withoutAnIndexAllIsLookedAt() throws Exception {
    assertThat(lookedAt()).isEqualTo(ENTRIES);
    assertThat(notes).isEmpty();
    try (SampleLog log = SampleLog.reopen(directory)) {
      log.usual(9_000).append();
    }
    LogIndex.open(index, log(), PART, notes::add).close();
    assertThat(notes).containsExactly(index + " has no index of the log: all entries are read");
  }

  @Test
  void whatTheIndexDoesNotCoverIsLookedAt() throws Exception {
    try (LogIndexWriter writer = LogIndexWriter.open(index, 1 << 20, 1, PART)) {
      assertThat(writer.extend(log(), 700, done -> {})).isEqualTo(700);
    }
    assertThat(lookedAt()).isEqualTo(denials(0, 700) + ENTRIES - 700);
    makeIndex();
    assertThat(lookedAt()).isEqualTo(denials(0, ENTRIES));
    assertThat(notes).isEmpty();
  }

  /** What was added and not committed is gone, as after a kill, and what was committed is there. */
  @Test
  void aCrashLeavesTheOlderIndex() throws Exception {
    try (LogIndexWriter writer = LogIndexWriter.open(index, 1 << 20, 1, PART)) {
      writer.extend(log(), 600, done -> {});
      List<String> steps = new ArrayList<>();
      assertThatThrownBy(
              () ->
                  writer.extend(
                      log(),
                      ENTRIES,
                      done -> {
                        steps.add("step");
                        if (steps.size() == 2) {
                          throw new IllegalStateException("killed");
                        }
                      }))
          .hasMessage("killed");
    }
    assertThat(lookedAt()).isBetween(denials(0, 600) + 1, ENTRIES - 1);
    assertThat(notes).isEmpty();
    makeIndex();
    assertThat(lookedAt()).isEqualTo(denials(0, ENTRIES));
  }

  @Test
  void anIndexOfAnotherLogIsNotUsedAndMadeAnew() throws Exception {
    makeIndex();
    directory = temporary.resolve("other");
    try (SampleLog log = new SampleLog(directory)) {
      log.record("web.shop", 7, false, SampleLog.decision("allow", "x", "y", ""));
      log.usual(2).usual(ENTRIES - 3).append();
    }
    notes.clear();
    List<Long> all = new ArrayList<>();
    LogDirectory other = log();
    try (LogIndex opened = LogIndex.open(index, other, PART, notes::add)) {
      EntryCandidates candidates = opened.candidates(DENIALS);
      for (long at = candidates.next(0); at < other.size(); at = candidates.next(at + 1)) {
        all.add(at);
      }
    }
    assertThat(all).hasSize(ENTRIES);
    assertThat(notes)
        .hasSize(3)
        .first()
        .asString()
        .contains("is not used: at 512 entries the log has root ");
    try (LogIndexWriter writer = LogIndexWriter.open(index, 1 << 20, 1, PART)) {
      writer.extend(other, ENTRIES, done -> {});
    }
    notes.clear();
    try (LogIndex opened = LogIndex.open(index, other, PART, notes::add)) {
      assertThat(opened.covered()).isEqualTo(ENTRIES);
    }
    assertThat(notes).isEmpty();
  }

  @Test
  void anIndexOfAnotherVersionIsNotUsed() throws Exception {
    makeIndex();
    try (FSDirectory files = FSDirectory.open(part(1));
        IndexWriter writer = new IndexWriter(files, new IndexWriterConfig(null))) {
      writer.setLiveCommitData(Map.of("version", "0").entrySet());
      writer.commit();
    }
    assertThat(lookedAt()).isEqualTo(denials(0, ENTRIES) + 512 - denials(512, 1024));
    assertThat(notes)
        .singleElement()
        .asString()
        .endsWith("is not used: it has version 0: expected 1");
  }

  /** Whatever file is cut off or gone: what it covered is looked at. */
  @Test
  void aDamagedPartIsNotUsed() throws Exception {
    makeIndex();
    List<Path> of = files().stream().filter(file -> file.startsWith(part(0))).toList();
    assertThat(of).hasSizeGreaterThan(8);
    for (Path file : of) {
      byte[] content = Files.readAllBytes(file);
      Files.write(file, java.util.Arrays.copyOf(content, content.length / 2));
      notes.clear();
      assertThat(lookedAt()).describedAs("%s", file).isEqualTo(512 + denials(512, ENTRIES));
      assertThat(notes).describedAs("%s", file).isNotEmpty();
      Files.write(file, content);
    }
    notes.clear();
    assertThat(lookedAt()).isEqualTo(denials(0, ENTRIES));
    assertThat(notes).isEmpty();
  }

  /** A query does not read all of an index. What it does not see, a check does. */
  @Test
  void aCheckFindsEachChangedByte() throws Exception {
    makeIndex();
    for (Path file : files()) {
      if (file.endsWith("writer.lock")) {
        continue;
      }
      long size = Files.size(file);
      for (long at = 0; at < size; at += Math.max(1, size / 5)) {
        change(file, at);
        notes.clear();
        try (LogIndex opened = LogIndex.open(index, log(), PART, notes::add)) {
          assertThat(opened.check() && notes.isEmpty()).describedAs("%s at %d", file, at).isFalse();
        }
        change(file, at);
      }
    }
    notes.clear();
    try (LogIndex opened = LogIndex.open(index, log(), PART, notes::add)) {
      assertThat(opened.check()).isTrue();
    }
    assertThat(notes).isEmpty();
  }

  private static void change(Path file, long at) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      channel.read(one, at);
      one.put(0, (byte) (one.get(0) ^ 1)).rewind();
      channel.write(one, at);
    }
  }

  @Test
  void partsOfDeletedEntriesAreDeleted() throws Exception {
    makeIndex();
    try (SampleLog log = SampleLog.reopen(directory)) {
      log.deleteUnstated(768);
    }
    assertThat(lookedAt()).isEqualTo(denials(768, ENTRIES));
    makeIndex();
    assertThat(LogIndex.parts(index)).containsExactly(part(1), part(2));
    assertThat(lookedAt()).isEqualTo(denials(768, ENTRIES));
    assertThat(notes).isEmpty();
  }

  @Test
  void nobodyElseMayReadIt() throws Exception {
    makeIndex();
    for (Path file : files()) {
      if (!file.endsWith("writer.lock")) {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
            .describedAs("%s", file)
            .isEqualTo("rw-------");
      }
    }
    for (Path one : List.of(index, part(0), part(1), part(2))) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(one)))
          .isEqualTo("rwx------");
    }
  }

  @Test
  void anIndexHasOneWriter() throws Exception {
    try (LogIndexWriter writer = LogIndexWriter.open(index, 1 << 20, 1, PART)) {
      assertThatThrownBy(() -> LogIndexWriter.open(index, 1 << 20, 1, PART))
          .hasMessageContaining("is locked");
      writer.extend(log(), ENTRIES, done -> {});
    }
    makeIndex();
  }

  @Test
  void anIndexerFollowsALogAndStartsAnewBehindDamage() throws Exception {
    Files.createDirectories(LogIndex.part(index, 0));
    Files.writeString(LogIndex.part(index, 0).resolve("segments_1"), "nonsense");
    try (LogIndexer indexer = LogIndexer.start(directory, index)) {
      while (indexer.covered() < ENTRIES) {
        Thread.sleep(10);
      }
    }
    try (LogIndex opened = LogIndex.open(index, log(), notes::add)) {
      assertThat(opened.covered()).isEqualTo(ENTRIES);
    }
    assertThat(notes).isEmpty();
  }
}
