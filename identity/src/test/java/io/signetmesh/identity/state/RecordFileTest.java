package io.signetmesh.identity.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class RecordFileTest {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  @TempDir private Path directory;
  private final AtomicLong now = new AtomicLong();

  @Test
  void linesOutliveARestartAlsoAfterTheFileWasWrittenAnew() throws Exception {
    Path path = directory.resolve("records");
    try (RecordFile file = RecordFile.open(path, line -> true, "")) {
      file.append("one");
      file.append("two");
      file.rewrite(List.of("two"));
      file.append("three");
    }

    List<String> read = new ArrayList<>();
    RecordFile.open(path, read::add, "").close();

    assertThat(read).containsExactly("two", "three");
  }

  @Test
  void nothingIsAppendedToAFileThatLostItsName() throws Exception {
    Path home = Files.createDirectory(directory.resolve("state"));
    try (RecordFile file = RecordFile.open(home.resolve("records"), line -> true, "")) {
      file.append("one");
      Files.delete(home.resolve("records"));
      Files.delete(home);

      assertThatThrownBy(() -> file.rewrite(List.of("one"))).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> file.append("two")).isInstanceOf(IOException.class);
    }
  }

  @Test
  void linesAreAppendedWhileTheFileIsWrittenAnew() throws Exception {
    Path path = directory.resolve("records");
    CountDownLatch writing = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    try (RecordFile file = RecordFile.open(path, line -> true, "")) {
      file.append("one");
      file.append("two");
      RecordFile.Rewrite rewrite = file.beginRewrite();
      Iterable<String> slow =
          () ->
              Stream.of("two")
                  .peek(
                      text -> {
                        writing.countDown();
                        awaitUninterruptibly(goOn);
                      })
                  .iterator();
      FutureTask<Void> rewriting =
          new FutureTask<>(
              () -> {
                rewrite.run(slow);
                return null;
              });
      Thread.ofPlatform().daemon().start(rewriting);
      awaitUninterruptibly(writing);

      // Holds no lock: this returns though nothing lets the rewrite go on.
      file.append("three");
      file.sync();
      assertThatThrownBy(file::beginRewrite).isInstanceOf(IllegalStateException.class);
      goOn.countDown();
      rewriting.get(20, TimeUnit.SECONDS);

      assertThat(file.lines()).isEqualTo(2);
      file.append("four");
      file.rewrite(List.of("three", "four"));
      file.append("five");
    }
    assertThat(read(path)).containsExactly("three", "four", "five");
    assertThat(directory.toFile().list()).containsExactly("records");
  }

  /** What a crash leaves is the state directory at that moment. */
  @Test
  void crashAtAnyMomentOfARewriteLosesNothing() throws Exception {
    Path home = Files.createDirectory(directory.resolve("state"));
    List<List<String>> afterCrashes = new ArrayList<>();
    List<List<String>> before = new ArrayList<>();
    List<String> appended = new ArrayList<>();
    try (RecordFile file = RecordFile.open(home.resolve("records"), line -> true, "")) {
      for (int i = 0; i < 50; i++) {
        file.append("old-" + i);
      }
      Iterator<String> kept = IntStream.range(40, 50).mapToObj(i -> "old-" + i).iterator();
      Iterable<String> crashing =
          () ->
              new Iterator<>() {
                @Override
                public boolean hasNext() {
                  String text = "new-" + appended.size();
                  try {
                    file.append(text);
                    appended.add(text);
                    before.add(List.copyOf(appended));
                    afterCrashes.add(readCopy(home, afterCrashes.size()));
                  } catch (Exception e) {
                    throw new IllegalStateException(e);
                  }
                  return kept.hasNext();
                }

                @Override
                public String next() {
                  return kept.next();
                }
              };
      file.beginRewrite().run(crashing);
      before.add(List.copyOf(appended));
      afterCrashes.add(readCopy(home, afterCrashes.size()));
    }
    assertThat(afterCrashes).hasSize(12);
    for (int i = 0; i < afterCrashes.size(); i++) {
      assertThat(afterCrashes.get(i))
          .containsSubsequence("old-40", "old-49")
          .endsWith(before.get(i).toArray(String[]::new));
    }
    assertThat(afterCrashes.getLast()).hasSize(10 + 11).doesNotContain("old-39");
  }

  @Test
  void rewriteThatFailsLeavesTheFileAsItIsAndLinesAreAppended() throws Exception {
    Path path = directory.resolve("records");
    Path inTheWay = directory.resolve(".records.new");
    try (RecordFile file = RecordFile.open(path, line -> true, "")) {
      file.append("one");
      Files.createDirectories(inTheWay.resolve("not-empty"));

      assertThatThrownBy(() -> file.rewrite(List.of()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("records cannot be written anew");
      file.append("two");
      Files.delete(inTheWay.resolve("not-empty"));
      Files.delete(inTheWay);
      file.rewrite(List.of("one", "two"));
      file.append("three");
    }
    assertThat(read(path)).containsExactly("one", "two", "three");
  }

  /** A disk whose syncs fail while it is told so. */
  private static final class FailingDisk implements RecordFile.Disk {
    volatile boolean failing;
    int forces;

    @Override
    public synchronized void force(FileChannel channel, boolean metadata) throws IOException {
      forces++;
      if (failing) {
        throw new IOException("I/O error");
      }
      channel.force(metadata);
    }
  }

  /** As a kernel does that has dropped the pages which it could not write. */
  private static void loseTail(Path path, long start) throws IOException {
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.allocate((int) (file.size() - start)), start);
    }
  }

  @Test
  void afterASyncThatFailedTheNextAppendWritesTheWholeFileAnew() throws Exception {
    Path path = directory.resolve("records");
    FailingDisk disk = new FailingDisk();
    try (RecordFile file = RecordFile.open(path, line -> true, "", disk, now::get)) {
      file.append("one");
      file.sync();
      long onDisk = Files.size(path);
      file.append("two");
      disk.failing = true;
      assertThatThrownBy(file::sync)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("is not on the disk yet: I/O error");
      assertThat(file.isOnDisk()).isFalse();
      loseTail(path, onDisk);
      disk.failing = false;

      file.append("three");

      assertThat(Files.readString(path)).contains("one ", "two ", "three ").doesNotContain("\0");
      file.sync();
      assertThat(file.isOnDisk()).isTrue();
      assertThat(file.lines()).isEqualTo(3);
    }
    assertThat(read(path)).containsExactly("one", "two", "three");
    assertThat(directory.toFile().list()).containsExactly("records");
  }

  /** A sync of the same file that succeeds later says nothing: the kernel takes it for clean. */
  @Test
  void afterASyncThatFailedTheNextSyncWritesTheWholeFileAnew() throws Exception {
    Path path = directory.resolve("records");
    FailingDisk disk = new FailingDisk();
    try (RecordFile file = RecordFile.open(path, line -> true, "", disk, now::get)) {
      file.append("one");
      disk.failing = true;
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(file::sync).isInstanceOf(IOException.class);
      }
      assertThatThrownBy(() -> file.append("two"))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("cannot be written anew, after a sync that failed");
      loseTail(path, 0);
      disk.failing = false;
      now.addAndGet(5 * SECOND);

      file.sync();

      assertThat(file.isOnDisk()).isTrue();
    }
    assertThat(read(path)).containsExactly("one");
  }

  /** Each attempt copies all of the file, and the server appends many lines a second. */
  @Test
  void aFileThatCannotBeWrittenAnewIsNotTriedWithEachLine() throws Exception {
    Path path = directory.resolve("records");
    FailingDisk disk = new FailingDisk();
    try (RecordFile file = RecordFile.open(path, line -> true, "", disk, now::get)) {
      file.append("one");
      disk.failing = true;
      assertThatThrownBy(file::sync).isInstanceOf(IOException.class);
      int before = disk.forces;
      for (int pause = 1; pause <= 4; pause *= 2) {
        for (int i = 0; i < 50; i++) {
          assertThatThrownBy(() -> file.append("lost"))
              .isInstanceOf(IOException.class)
              .hasMessageContaining("cannot be written anew, after a sync that failed: I/O error");
          assertThatThrownBy(file::sync).isInstanceOf(IOException.class);
        }
        assertThat(disk.forces - before).as("one attempt in %d s", pause).isEqualTo(1);
        before = disk.forces;
        now.addAndGet(pause * SECOND);
      }
      disk.failing = false;
      file.append("two");
      file.sync();
    }
    assertThat(read(path)).containsExactly("one", "two");
  }

  /** The force of the whole file, of its tail, and of the file under its name. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void aRewriteThatFailsAtAnyMomentLosesNoLineAndTheFileGoesOn(int failing) throws Exception {
    Path path = directory.resolve("records");
    AtomicLong forces = new AtomicLong(Long.MIN_VALUE);
    RecordFile.Disk disk =
        (channel, metadata) -> {
          if (forces.incrementAndGet() == failing) {
            throw new IOException("I/O error");
          }
          channel.force(metadata);
        };
    try (RecordFile file = RecordFile.open(path, line -> true, "", disk, now::get)) {
      file.append("one");
      file.append("two");
      RecordFile.Rewrite rewrite = file.beginRewrite();
      file.append("three");
      forces.set(0);
      assertThatThrownBy(() -> rewrite.run(List.of("new")))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("cannot be written anew");
      boolean isNew = failing == 3;
      assertThat(file.lines()).isEqualTo(isNew ? 2 : 3);

      file.append("four");
      file.sync();
      assertThat(file.isOnDisk()).isTrue();
      assertThat(read(copyOf(path)))
          .isEqualTo(
              isNew ? List.of("new", "three", "four") : List.of("one", "two", "three", "four"));
      file.rewrite(List.of("last"));
      file.append("five");
    }
    assertThat(read(path)).containsExactly("last", "five");
    assertThat(directory.toFile().list()).containsExactlyInAnyOrder("records", "copy");
  }

  private Path copyOf(Path path) throws IOException {
    return Files.copy(path, directory.resolve("copy"), StandardCopyOption.COPY_ATTRIBUTES);
  }

  @Test
  void afterASyncThatFailedARewriteTakesNothingFromTheOldFileThatMayBeLost() throws Exception {
    Path path = directory.resolve("records");
    FailingDisk disk = new FailingDisk();
    try (RecordFile file = RecordFile.open(path, line -> true, "", disk, now::get)) {
      file.append("one");
      file.sync();
      final RecordFile.Rewrite rewrite = file.beginRewrite();
      long onDisk = Files.size(path);
      file.append("two");
      disk.failing = true;
      assertThatThrownBy(file::sync).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> file.append("lost")).isInstanceOf(IOException.class);
      loseTail(path, onDisk);
      disk.failing = false;

      rewrite.run(List.of("new"));

      assertThat(file.isOnDisk()).isTrue();
      file.append("three");
    }
    assertThat(read(path)).containsExactly("new", "two", "three");
  }

  @Test
  void aSyncIsNotDoneBeforeThatOfSomebodyElseIsKnownToHaveWorked() throws Exception {
    Path path = directory.resolve("records");
    CountDownLatch forcing = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    List<String> forces = Collections.synchronizedList(new ArrayList<>());
    RecordFile.Disk disk =
        (channel, metadata) -> {
          forces.add("force");
          if (forces.size() == 2) {
            forcing.countDown();
            awaitUninterruptibly(goOn);
            throw new IOException("I/O error");
          }
          channel.force(metadata);
        };
    try (RecordFile file = RecordFile.open(path, line -> true, "", disk, now::get)) {
      file.append("one");
      FutureTask<Void> first = sync(file);
      Thread.ofPlatform().daemon().start(first);
      awaitUninterruptibly(forcing);
      FutureTask<Void> second = sync(file);
      Thread waiting = Thread.ofPlatform().daemon().start(second);
      while (waiting.getState() != Thread.State.WAITING && waiting.isAlive()) {
        Thread.onSpinWait();
      }
      goOn.countDown();

      assertThatThrownBy(() -> first.get(20, TimeUnit.SECONDS)).hasMessageContaining("I/O error");
      second.get(20, TimeUnit.SECONDS);

      assertThat(forces).as("the file was written anew").hasSizeGreaterThan(2);
      assertThat(file.isOnDisk()).isTrue();
    }
    assertThat(read(path)).containsExactly("one");
  }

  private static FutureTask<Void> sync(RecordFile file) {
    return new FutureTask<>(
        () -> {
          file.sync();
          return null;
        });
  }

  @Test
  void linesThatNobodySyncsAreSyncedBeforeTheyFillTheMemory() throws Exception {
    Path path = directory.resolve("records");
    FailingDisk disk = new FailingDisk();
    try (RecordFile file = RecordFile.open(path, line -> true, "", disk, now::get)) {
      String text = "x".repeat(4_000);
      for (int i = 0; i < RecordFile.MAX_UNSYNCED / 4_000; i++) {
        file.append(text);
      }
      assertThat(disk.forces).as("when it was opened").isEqualTo(1);
      disk.failing = true;
      assertThatThrownBy(
              () -> {
                file.append(text);
                file.append(text);
              })
          .isInstanceOf(IOException.class)
          .hasMessageContaining("is not on the disk yet");
      disk.failing = false;
      file.append(text);
      assertThat(file.isOnDisk()).isFalse();
    }
  }

  private List<String> readCopy(Path home, int number) throws Exception {
    Path copy = Files.createDirectory(directory.resolve("crash-" + number));
    try (Stream<Path> files = Files.list(home)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()), StandardCopyOption.COPY_ATTRIBUTES);
      }
    }
    List<String> read = read(copy.resolve("records"));
    assertThat(copy.toFile().list()).containsExactly("records");
    return read;
  }

  private static List<String> read(Path path) throws Exception {
    List<String> read = new ArrayList<>();
    RecordFile.open(path, read::add, "").close();
    return read;
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
