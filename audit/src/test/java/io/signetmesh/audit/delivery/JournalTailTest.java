package io.signetmesh.audit.delivery;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.signetmesh.audit.RecordSequence;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JournalTailTest {
  private static final int MAX_BYTES = 256 * 1024;
  private static final int MANY = 4_096;

  @TempDir Path dir;
  private Path file = Path.of("");
  private JournalTail tail = new JournalTail(file, 1);

  @BeforeEach
  void open() {
    file = dir.resolve("a.jsonl");
    tail = new JournalTail(file, 4);
  }

  @AfterEach
  void close() {
    tail.close();
  }

  private static String line(long sequence, int padding) {
    return "{\"sequence\":" + sequence + ",\"gap\":{\"x\":\"" + "x".repeat(padding) + "\"}}\n";
  }

  private void write(int number, long from, long to) throws IOException {
    StringBuilder text = new StringBuilder();
    LongStream.rangeClosed(from, to).forEach(sequence -> text.append(line(sequence, 10)));
    append(number, text.toString());
  }

  private void append(int number, String text) throws IOException {
    Path into = number == 0 ? file : file.resolveSibling(file.getFileName() + "." + number);
    Files.writeString(into, text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private void rotate() throws IOException {
    for (int i = 3; i >= 0; i--) {
      Path from = i == 0 ? file : file.resolveSibling(file.getFileName() + "." + i);
      if (Files.exists(from)) {
        Files.move(
            from,
            file.resolveSibling(file.getFileName() + "." + (i + 1)),
            StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  private static List<Long> numbers(JournalTail.Lines lines) {
    List<Long> numbers = new ArrayList<>();
    for (ByteString line : lines.lines()) {
      byte[] bytes = line.toByteArray();
      assertThat(new String(bytes, UTF_8)).endsWith("}").doesNotContain("\n");
      numbers.add(RecordSequence.of(bytes, 0, bytes.length));
    }
    assertThat(lines.last()).isEqualTo(numbers.isEmpty() ? 0 : numbers.getLast());
    return numbers;
  }

  private List<Long> readAll(long last) throws IOException {
    List<Long> all = new ArrayList<>();
    List<Long> some;
    do {
      some = numbers(tail.read(last, MAX_BYTES, MANY));
      all.addAll(some);
    } while (!some.isEmpty());
    return all;
  }

  private static List<Long> range(long from, long to) {
    return LongStream.rangeClosed(from, to).boxed().toList();
  }

  @Test
  void readsFromTheOldestFileToTheCurrentOne() throws Exception {
    write(2, 1, 5);
    write(1, 6, 9);
    write(0, 10, 12);

    assertThat(readAll(12)).isEqualTo(range(1, 12));
    assertThat(tail.lost()).isZero();
  }

  @Test
  void aJournalWithoutFilesHasNoLines() throws Exception {
    assertThat(tail.read(7, MAX_BYTES, MANY).isEmpty()).isTrue();
    Files.createFile(file);
    assertThat(tail.read(7, MAX_BYTES, MANY).isEmpty()).isTrue();
  }

  @Test
  void goesOnInTheFilesThatFollowWhileTheyAreRenamed() throws Exception {
    write(0, 1, 10);
    assertThat(numbers(tail.read(10, MAX_BYTES, 4))).isEqualTo(range(1, 4));
    rotate();
    write(0, 11, 20);
    rotate();
    rotate();
    write(0, 21, 22);

    assertThat(readAll(22)).isEqualTo(range(5, 22));
    rotate();
    assertThat(readAll(22)).isEmpty();
    write(0, 23, 24);
    assertThat(readAll(24)).isEqualTo(range(23, 24));
    assertThat(tail.lost()).isZero();
  }

  @Test
  void aTornLastLineIsReadOnceItIsWhole() throws Exception {
    write(0, 1, 2);
    append(0, "{\"sequence\":3,\"ga");

    assertThat(readAll(3)).isEqualTo(range(1, 2));
    append(0, "p\":{}}\n");
    assertThat(readAll(3)).isEqualTo(range(3, 3));
  }

  @Test
  void nothingIsReadThatMayBeTakenBack() throws Exception {
    write(0, 1, 5);

    assertThat(readAll(3)).isEqualTo(range(1, 3));
    assertThat(readAll(5)).isEqualTo(range(4, 5));
  }

  @Test
  void recordsThatWereRotatedAwayAreAJumpAndCountedOnce() throws Exception {
    write(2, 11, 20);
    write(1, 21, 30);

    tail.seek(4);
    assertThat(readAll(30)).isEqualTo(range(11, 30));
    assertThat(tail.lost()).isEqualTo(7);
    tail.seek(4);
    assertThat(readAll(30)).isEqualTo(range(11, 30));
    assertThat(tail.lost()).isEqualTo(7);
  }

  @Test
  void aHoleBetweenTwoFilesIsPassed() throws Exception {
    write(1, 1, 5);
    write(0, 9, 10);

    assertThat(readAll(10)).containsExactly(1L, 2L, 3L, 4L, 5L, 9L, 10L);
    assertThat(tail.lost()).isEqualTo(3);
  }

  @Test
  void aFileInBetweenThatIsMissingIsPassed() throws Exception {
    write(3, 1, 5);
    write(1, 9, 10);

    assertThat(readAll(10)).containsExactly(1L, 2L, 3L, 4L, 5L, 9L, 10L);
  }

  @Test
  void whatIsNoLineOfAJournalIsPassedOver() throws Exception {
    append(0, "torn by a crash\n\n");
    write(0, 1, 1);
    append(0, line(2, JournalTail.MAX_LINE));
    append(0, "{\"time\":1}\n");
    write(0, 3, 3);
    append(0, line(4, 3 * MAX_BYTES));
    append(0, "{\"sequence\":5,\"gap\":[}\n");
    write(0, 6, 6);

    assertThat(readAll(6)).containsExactly(1L, 3L, 5L, 6L);
    assertThat(tail.lost()).isEqualTo(2);
    tail.readStrictly();
    tail.seek(1);
    assertThat(readAll(6)).containsExactly(1L, 3L, 6L);
  }

  @Test
  void aLineThatIsTooLongIsNoEndAtTheEndOfAFile() throws Exception {
    write(0, 1, 1);
    append(0, line(2, 2 * MAX_BYTES));
    rotate();
    append(0, line(3, JournalTail.MAX_LINE));
    rotate();
    write(0, 4, 4);

    assertThat(readAll(4)).containsExactly(1L, 4L);
    assertThat(tail.lost()).isEqualTo(2);
  }

  @Test
  void aReadIsBoundedInBytesAndLines() throws Exception {
    for (int i = 1; i <= 40; i++) {
      append(0, line(i, 50_000));
    }

    JournalTail.Lines first = tail.read(40, MAX_BYTES, MANY);
    assertThat(first.bytes()).isLessThanOrEqualTo(MAX_BYTES);
    assertThat(numbers(first)).isEqualTo(range(1, 5));
    assertThat(numbers(tail.read(40, MAX_BYTES, 2))).isEqualTo(range(6, 7));
    assertThat(readAll(40)).isEqualTo(range(8, 40));
  }

  @Property(tries = 60)
  void findsAnyRecordInFilesOfAnyForm(
      @ForAll Random random, @ForAll @IntRange(min = 1, max = 400) int count) throws Exception {
    Path folder = Files.createTempDirectory("tail");
    Path journal = folder.resolve("j.jsonl");
    List<Long> written = new ArrayList<>();
    long sequence = 0;
    int files = 1 + random.nextInt(4);
    for (int number = files - 1; number >= 0; number--) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < count; i++) {
        sequence += random.nextInt(20) == 0 ? 1 + random.nextInt(5) : 1;
        written.add(sequence);
        text.append(line(sequence, random.nextInt(random.nextInt(10) == 0 ? 20_000 : 300)));
      }
      Files.writeString(
          number == 0 ? journal : folder.resolve("j.jsonl." + number), text.toString());
    }
    long last = sequence;
    try (JournalTail any = new JournalTail(journal, files)) {
      for (int i = 0; i < 10; i++) {
        long from = 1 + random.nextLong(last);
        any.seek(from);
        List<Long> read = new ArrayList<>();
        List<Long> some;
        do {
          some = numbers(any.read(last, MAX_BYTES, 1 + random.nextInt(50)));
          read.addAll(some);
        } while (!some.isEmpty());
        assertThat(read).isEqualTo(written.stream().filter(n -> n >= from).toList());
      }
    }
    for (int number = 0; number < files; number++) {
      Files.delete(number == 0 ? journal : folder.resolve("j.jsonl." + number));
    }
    Files.delete(folder);
  }
}
