package io.signetmesh.identity.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RecordFileTest {
  @TempDir private Path directory;

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
