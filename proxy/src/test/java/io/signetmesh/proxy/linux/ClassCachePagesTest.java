package io.signetmesh.proxy.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
class ClassCachePagesTest {
  private static final int SIZE = 8 << 20;

  @Test
  void pagesThatWereOnlyReadAreGivenBackAndCanBeReadAgain() throws IOException {
    // Not in a file system in memory, which has nowhere to give pages back to.
    Path file = Files.createTempFile(Path.of("target"), "pages", ".aot").toRealPath();
    try {
      byte[] content = new byte[SIZE];
      content[SIZE - 1] = 7;
      Files.write(file, content);
      try (FileChannel channel = FileChannel.open(file);
          Arena arena = Arena.ofConfined()) {
        channel.force(true);
        MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, SIZE, arena);
        mapped.load();
        long before = residentKilobytes(file);
        assertThat(before).isGreaterThan(SIZE / 1024 / 2);

        assertThat(ClassCachePages.giveBack(file)).isEqualTo(SIZE);

        assertThat(residentKilobytes(file)).isLessThan(before / 4);
        assertThat(mapped.get(ValueLayout.JAVA_BYTE, SIZE - 1)).isEqualTo((byte) 7);
      }
    } finally {
      Files.delete(file);
    }
  }

  @Test
  void aFileThatIsNotMappedHasNothingToGiveBack() throws IOException {
    Path file = Files.createTempFile("pages", ".aot");
    try {
      assertThat(ClassCachePages.giveBack(file)).isZero();
    } finally {
      Files.delete(file);
    }
  }

  /** What {@code /proc/self/smaps} says of the mappings of a file. */
  private static long residentKilobytes(Path file) throws IOException {
    List<String> lines = Files.readAllLines(Path.of("/proc/self/smaps"));
    long sum = 0;
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).endsWith(" " + file)) {
        String rss =
            lines.subList(i, lines.size()).stream()
                .filter(line -> line.startsWith("Rss:"))
                .findFirst()
                .orElseThrow();
        sum += Long.parseLong(rss.replaceAll("[^0-9]", ""));
      }
    }
    return sum;
  }
}
