package io.signetmesh.collector.verify;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.collector.SampleLog;
import io.signetmesh.collector.export.ExportTarget;
import io.signetmesh.collector.export.JsonLinesParts;
import io.signetmesh.collector.export.JsonText;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.LogDirectory;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Whatever is changed in an export is found, and the line where it was changed. */
final class ExportCheckProperties {
  private static final TrustedKeys KEYS = new TrustedKeys(SampleLog.SIGNER.key(), List.of());

  /** Of the first and of further entries of a log of 311, in two parts. */
  private static final int FIRST = 37;

  private static final int SECOND = 90;
  private static final int END = 150;

  private static byte[] export = new byte[0];
  private static byte[] wholeLog = new byte[0];
  private static byte[] further = new byte[0];
  private static byte[] filtered = new byte[0];

  @BeforeContainer
  static void makeExport() throws IOException {
    Path directory = Files.createTempDirectory("log").resolve("log");
    try (SampleLog log = new SampleLog(directory)) {
      log.usual(200).missing("web.shop", 0, 68, 70).usual(110);
      log.raw("{\"made\":\"up\u001b\"}".getBytes(UTF_8)).append();
    }
    LogDirectory log = LogDirectory.open(directory, SampleLog.SIGNER.key());
    EntryFilter all = new EntryFilter.Builder().build();
    export = part(log, all, FIRST, SECOND, part(log, all, SECOND, END));
    further = part(log, all, END, END + 20);
    wholeLog = part(log, all, 0, log.size());
    filtered = part(log, new EntryFilter.Builder().verdict("deny").build(), 0, log.size());
  }

  private static byte[] part(
      LogDirectory log, EntryFilter filter, long from, long to, byte... behind) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new JsonLinesParts(log, filter, done -> {}, ExportTarget.stream(out, 0)).write(from, to);
    out.writeBytes(behind);
    return out.toByteArray();
  }

  private static CheckResult check(byte[] bytes) throws IOException {
    return ExportCheck.run(new ByteArrayInputStream(bytes), KEYS, done -> {});
  }

  private static List<byte[]> lines() {
    List<byte[]> lines = new ArrayList<>();
    for (String line : new String(export, UTF_8).split("(?<=\n)")) {
      lines.add(line.getBytes(UTF_8));
    }
    return lines;
  }

  private static byte[] join(List<byte[]> lines) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    lines.forEach(out::writeBytes);
    return out.toByteArray();
  }

  /** Number of the line, from 1 on, that a byte is in. */
  private static long line(int offset) {
    long line = 1;
    for (int i = 0; i < offset; i++) {
      line += export[i] == '\n' ? 1 : 0;
    }
    return line;
  }

  @Example
  void anExportThatIsAsItWasMadeIsGood() throws IOException {
    CheckResult result = check(export);
    assertThat(result.findings()).isEmpty();
    assertThat(result.from()).isEqualTo(FIRST);
    assertThat(result.to()).isEqualTo(END);
    assertThat(result.counts()).isNotNull();
    assertThat(lines()).hasSize(END - FIRST + 2);
  }

  /** JSON Lines: UTF-8, a line end behind each line, and each line is JSON by RFC 8259. */
  @Example
  void eachLineIsAnObjectOfJson() throws IOException {
    for (byte[] file : List.of(export, wholeLog, filtered)) {
      assertThat(file[file.length - 1]).isEqualTo((byte) '\n');
      for (String line : new String(file, UTF_8).split("\n")) {
        JsonText.requireObject(line.getBytes(UTF_8));
      }
    }
  }

  @Example
  void whatIsNoEntryIsExportedTooAndDoesNotActOnATerminal() throws IOException {
    assertThat(new String(wholeLog, UTF_8)).doesNotContain("\u001b").contains("\"base64\":\"");
    assertThat(check(wholeLog).findings())
        .extracting(Finding::kind)
        .containsExactly(Finding.Kind.UNREADABLE);
  }

  @Example
  void whatWasLeftOutByAFilterCannotBeVerified() throws IOException {
    assertThat(check(filtered).findings())
        .singleElement()
        .matches(finding -> finding.what().contains("by a filter (verdict deny)"));
  }

  @Example
  void aPartThatIsMissingIsFound() throws IOException {
    List<byte[]> lines = lines();
    byte[] first = join(lines.subList(0, SECOND - FIRST + 1));
    byte[] second = join(lines.subList(SECOND - FIRST + 1, lines.size()));

    assertThat(check(first).findings()).isEmpty();
    assertThat(check(second).findings()).isEmpty();
    ByteArrayOutputStream later = new ByteArrayOutputStream();
    later.writeBytes(first);
    later.writeBytes(further);
    assertThat(check(later.toByteArray()).findings())
        .singleElement()
        .matches(found -> found.kind() == Finding.Kind.REMOVED)
        .matches(found -> found.from() == SECOND && found.to() == END);
  }

  @Property(tries = 600)
  void eachChangedByteIsFoundInItsLine(@ForAll Random random) throws IOException {
    byte[] changed = export.clone();
    int at = random.nextInt(changed.length);
    changed[at] ^= (byte) (1 + random.nextInt(255));

    CheckResult result = check(changed);

    assertThat(result.isGood()).isFalse();
    Finding found = result.findings().getFirst();
    if (changed[at] == '\n' || export[at] == '\n') {
      return;
    }
    assertThat(found.where())
        .as("offset %s: %s", at, result.findings())
        .satisfiesAnyOf(
            where -> assertThat(where).isEqualTo("line " + line(at)),
            // A proof is of the part.
            where -> assertThat(where).isEqualTo("the part"));
    if (export[at] != '{') {
      assertThat(result.findings()).hasSizeLessThanOrEqualTo(2);
    }
  }

  @Property(tries = 200)
  void eachTruncationIsFound(@ForAll Random random) throws IOException {
    int length = random.nextInt(export.length);
    List<byte[]> lines = lines();
    int firstPart = join(lines.subList(0, SECOND - FIRST + 1)).length;

    assertThat(check(Arrays.copyOf(export, length)).isGood()).isEqualTo(length == firstPart);
  }

  @Property(tries = 300)
  void eachMovedLineIsFoundAndNamed(@ForAll Random random, @ForAll Edit edit) throws IOException {
    List<byte[]> lines = new ArrayList<>(lines());
    int at = 1 + random.nextInt(lines.size() - 1);
    int other = 1 + random.nextInt(lines.size() - 1);
    int header = SECOND - FIRST + 1;
    if (at == header || other == header || at == other) {
      return;
    }
    switch (edit) {
      case SWAP -> Collections.swap(lines, at, other);
      case SWAP_NEXT -> {
        other = at + 1;
        if (other == header || other == lines.size()) {
          return;
        }
        Collections.swap(lines, at, other);
      }
      case REMOVE -> lines.remove(at);
      case DOUBLE -> lines.add(at, lines.get(other));
      case NEW -> lines.add(at, "{\"made\":\"up\"}\n".getBytes(UTF_8));
    }

    CheckResult result = check(join(lines));

    assertThat(result.isGood()).isFalse();
    long entry = at < header ? FIRST + at - 1 : FIRST + at - 2;
    Finding found = result.findings().getFirst();
    switch (edit) {
      case REMOVE -> {
        assertThat(found.kind()).isEqualTo(Finding.Kind.REMOVED);
        assertThat(found.from()).isEqualTo(entry);
        assertThat(result.findings()).hasSize(1);
      }
      case SWAP_NEXT -> {
        assertThat(found.kind()).isEqualTo(Finding.Kind.REORDERED);
        assertThat(found.from()).isEqualTo(entry);
        assertThat(result.findings()).hasSize(1);
      }
      case DOUBLE, NEW -> {
        assertThat(found.kind()).isEqualTo(Finding.Kind.INSERTED);
        assertThat(result.findings()).hasSize(1);
      }
      case SWAP -> assertThat(found.where()).isEqualTo("line " + (Math.min(at, other) + 1));
    }
  }

  enum Edit {
    SWAP,
    SWAP_NEXT,
    REMOVE,
    DOUBLE,
    NEW
  }
}
