package io.signetmesh.collector.verify;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.tlog.EntryBundle;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.collector.SampleLog;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Whatever is changed in the directory of a log is found, in the file where it was changed. */
final class LogCheckProperties {
  private static final TrustedKeys KEYS =
      new TrustedKeys(SampleLog.SIGNER.key(), List.of(SampleLog.WITNESS.key()));

  private static Path directory = Path.of("");
  private static List<Path> files = List.of();

  @BeforeContainer
  static void makeLog() throws IOException {
    directory = Files.createTempDirectory("log");
    try (SampleLog log = new SampleLog(directory.resolve("log"))) {
      // Partial tiles of two earlier sizes are left beside the newest.
      log.usual(530).append().usual(7).append();
      log.missing("web.shop", 0, 181, 190).usual(9).append().cosign(SampleLog.BEGIN);
    }
    directory = directory.resolve("log");
    assertThat(check().findings()).isEmpty();
    try (Stream<Path> all = Files.walk(directory)) {
      files = all.filter(Files::isRegularFile).filter(f -> !f.endsWith("writer.lock")).toList();
    }
  }

  @AfterContainer
  static void deleteLog() throws IOException {
    try (Stream<Path> all = Files.walk(directory.getParent())) {
      all.sorted(Comparator.reverseOrder())
          .forEach(
              file -> {
                try {
                  Files.delete(file);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
    }
  }

  private static CheckResult check() throws IOException {
    return LogCheck.run(directory, KEYS, null, done -> {});
  }

  /** Has a file changed, checks, and puts it back. */
  private static CheckResult changed(Path file, byte[] to) throws IOException {
    byte[] before = Files.readAllBytes(file);
    try {
      Files.write(file, to);
      return check();
    } finally {
      Files.write(file, before);
    }
  }

  private static void assertFoundIn(Path file, CheckResult result) {
    String part = directory.relativize(file).toString();
    assertThat(result.isGood()).isFalse();
    assertThat(result.findings()).allMatch(finding -> finding.where().equals(part));
  }

  private static Path any(Random random) {
    return files.get(random.nextInt(files.size()));
  }

  @Property(tries = 250)
  void eachChangedByteIsFound(@ForAll Random random) throws IOException {
    Path file = any(random);
    byte[] content = Files.readAllBytes(file);
    int at = random.nextInt(content.length);
    content[at] ^= (byte) (1 + random.nextInt(255));

    assertFoundIn(file, changed(file, content));
  }

  @Property(tries = 120)
  void eachTruncationIsFound(@ForAll Random random) throws IOException {
    Path file = any(random);
    byte[] content = Files.readAllBytes(file);

    assertFoundIn(file, changed(file, Arrays.copyOf(content, random.nextInt(content.length))));
  }

  @Property(tries = 120)
  void eachInsertionAndRemovalOfBytesIsFound(@ForAll Random random, @ForAll boolean inserted)
      throws IOException {
    Path file = any(random);
    byte[] content = Files.readAllBytes(file);
    int at = random.nextInt(content.length);
    int count = Math.min(1 + random.nextInt(64), content.length - at);
    byte[] other = Arrays.copyOf(content, content.length + (inserted ? count : -count));
    System.arraycopy(
        content,
        inserted ? at : at + count,
        other,
        inserted ? at + count : at,
        content.length - at - (inserted ? 0 : count));
    if (Arrays.equals(content, other)) {
      return;
    }

    assertFoundIn(file, changed(file, other));
  }

  @Property(tries = 120)
  void eachMovedEntryIsFoundAndNamed(@ForAll Random random, @ForAll Edit edit) throws IOException {
    List<Path> bundles = files.stream().filter(f -> f.toString().contains("entries")).toList();
    Path file = bundles.get(random.nextInt(bundles.size()));
    TilePath part = TilePath.parse(directory.relativize(file).toString());
    List<byte[]> entries = new ArrayList<>(EntryBundle.decode(Files.readAllBytes(file)));
    int at = random.nextInt(entries.size());
    int other = random.nextInt(entries.size());
    switch (edit) {
      case SWAP -> {
        if (at == other) {
          return;
        }
        Collections.swap(entries, at, other);
      }
      case REMOVE -> entries.remove(at);
      case DOUBLE -> entries.add(other, entries.get(at));
      case NEW -> entries.add(at, "{\"made\":\"up\"}".getBytes(UTF_8));
    }

    CheckResult result = changed(file, EntryBundle.encode(entries));

    assertFoundIn(file, result);
    boolean isOfTheCheckpoint = !part.isPartial() || part.width() == 547 % TilePath.WIDTH;
    if (isOfTheCheckpoint) {
      Finding found = result.findings().getFirst();
      long first = part.index() * TilePath.WIDTH;
      assertThat(found.from()).isGreaterThanOrEqualTo(first);
      if (edit == Edit.REMOVE) {
        assertThat(found.kind()).isEqualTo(Finding.Kind.REMOVED);
        assertThat(found.from()).isEqualTo(first + at);
      } else if (edit == Edit.SWAP) {
        assertThat(found.kind()).isEqualTo(Finding.Kind.REORDERED);
        assertThat(found.from()).isEqualTo(first + Math.min(at, other));
        assertThat(found.to()).isEqualTo(first + Math.max(at, other) + 1);
      }
    }
  }

  enum Edit {
    SWAP,
    REMOVE,
    DOUBLE,
    NEW
  }

  @Property(tries = 100)
  void eachFileThatIsGoneIsFound(@ForAll Random random) throws IOException {
    Path file = any(random);
    byte[] before = Files.readAllBytes(file);
    Files.delete(file);
    CheckResult result;
    try {
      result = check();
    } finally {
      Files.write(file, before);
    }

    String part = directory.relativize(file).toString();
    boolean isOfAnEarlierSize = part.matches(".*\\.p/(18|25)");
    if (part.equals("checkpoint.pending") || isOfAnEarlierSize) {
      // The log is complete without them.
      assertThat(result.isGood()).isTrue();
    } else if (part.equals("checkpoint.cosigned")) {
      assertThat(result.findings())
          .singleElement()
          .hasToString(
              "checkpoint: checkpoint: the checkpoint is not cosigned by "
                  + SampleLog.WITNESS.key());
    } else {
      assertFoundIn(file, result);
    }
  }
}
