package io.signetmesh.collector.query;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.collector.SampleLog;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Missing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class EntryScanTest {
  @TempDir private Path temporary;

  /** What a scan has found. */
  private static final class Found implements EntryScan.Sink {
    final List<AuditEntry> entries = new ArrayList<>();
    final List<String> unreadable = new ArrayList<>();
    int most = Integer.MAX_VALUE;

    @Override
    public boolean entry(AuditEntry entry) {
      entries.add(entry);
      return entries.size() < most;
    }

    @Override
    public boolean unreadable(long from, long to, String why) {
      unreadable.add(from + "-" + to + " " + why);
      return true;
    }

    List<Long> indexes() {
      return entries.stream().map(AuditEntry::index).toList();
    }
  }

  private LogDirectory log(int records) throws IOException {
    Path directory = temporary.resolve("log");
    try (SampleLog log = new SampleLog(directory)) {
      log.usual(records).append();
    }
    return LogDirectory.open(directory, SampleLog.SIGNER.key());
  }

  private static Found scan(LogDirectory log, EntryFilter filter, long from, long to)
      throws IOException {
    Found found = new Found();
    assertThat(new EntryScan(log, filter, done -> {}).run(from, to, found)).isEqualTo(to);
    return found;
  }

  private static EntryFilter.Builder filter() {
    return new EntryFilter.Builder();
  }

  @Test
  void entriesComeInTheirOrderWhateverThreadReadThem() throws Exception {
    LogDirectory log = log(3000);

    Found found = scan(log, filter().build(), 100, 2900);

    assertThat(found.indexes()).hasSize(2800).isSorted().startsWith(100L).endsWith(2899L);
    assertThat(found.unreadable).isEmpty();
    AuditEntry first = found.entries.getFirst();
    assertThat(first.timeOrReceived()).isEqualTo(SampleLog.BEGIN.plusMillis(10_000));
    assertThat(first.event()).isInstanceOf(Decision.class);
  }

  @Test
  void aScanEndsWhenNoMoreIsWanted() throws Exception {
    Found found = new Found();
    found.most = 3;
    long next = new EntryScan(log(600), filter().build(), done -> {}).run(0, 600, found);

    assertThat(next).isEqualTo(3);
    assertThat(found.indexes()).containsExactly(0L, 1L, 2L);
  }

  @Test
  void whatCannotBeReadIsToldAndTheRestIsRead() throws Exception {
    Path directory = temporary.resolve("log");
    try (SampleLog log = new SampleLog(directory)) {
      log.usual(10).raw("nonsense".getBytes(UTF_8)).usual(600).append();
    }
    Files.delete(directory.resolve("tile/entries/001"));

    Found found = scan(LogDirectory.open(directory, null), filter().build(), 0, 611);

    assertThat(found.entries).hasSize(611 - 1 - 256);
    assertThat(found.unreadable)
        .satisfiesExactly(
            one -> assertThat(one).startsWith("10-11 entry 10 cannot be read: "),
            one -> assertThat(one).isEqualTo("256-512 tile/entries/001 is missing"));
  }

  @Test
  void aLogIsOpenedByItsKeyOnly() throws Exception {
    LogDirectory log = log(1);
    assertThatThrownBy(() -> LogDirectory.open(log.path(), SampleLog.WITNESS.key()))
        .hasMessageContaining("is not signed by witness.example");
    assertThatThrownBy(() -> LogDirectory.open(temporary, null))
        .hasMessageContaining("there is no checkpoint");
  }

  @ParameterizedTest
  @CsvSource({
    "web, web, true",
    "web, webs, false",
    "*, anything, true",
    "web.*, web.shop, true",
    "web.*, web, false",
    "*.shop, web.shop, true",
    "w*b.*p, web.shop, true",
    "a*a, a, false",
    "a*b*c, aXbYc, true",
    "a*b*c, acb, false",
  })
  void aStarStandsForAnyCharacters(String pattern, String text, boolean matches) {
    assertThat(new TextPattern(pattern).matches(text)).isEqualTo(matches);
  }

  @ParameterizedTest
  @CsvSource({
    "client-1.shop, true",
    "client-*, true",
    "10.1.0.4, true",
    "10.1.0.4:40112, true",
    "10.1.0.0/16, true",
    "10.2.0.0/16, false",
    "10.1.0.5/32, false",
    "0.0.0.0/0, true",
    "::/0, false",
    "client-2.shop, false",
  })
  void aClientIsAnIdentityAnAddressOrInANetwork(String client, boolean matches) throws Exception {
    Path directory = temporary.resolve("log");
    try (SampleLog log = new SampleLog(directory)) {
      log.record("w", 0, false, SampleLog.decision("allow", "x", "client-1.shop", "")).append();
    }
    EntryFilter filter = filter().client(client).build();

    assertThat(scan(LogDirectory.open(directory, null), filter, 0, 1).entries.isEmpty())
        .isEqualTo(!matches);
  }

  @Test
  void aSinceIsIncludedAndAnUntilIsNot() throws Exception {
    LogDirectory log = log(10);
    EntryFilter filter =
        filter()
            .since(SampleLog.BEGIN.plusMillis(200))
            .until(SampleLog.BEGIN.plusMillis(500))
            .build();

    assertThat(scan(log, filter, 0, 10).indexes()).containsExactly(2L, 3L, 4L);
  }

  @Test
  void aRecordHasItsFieldsAndUnknownOnesArePassedOver() throws Exception {
    String entry =
        "{\"writer\":\"w\",\"journal\":\"j\",\"received\":\"2026-11-30T10:00:00Z\",\"new\":[1],"
            + "\"foreign\":true,\"record\":{\"sequence\":7,\"time\":\"2026-11-30T09:59:59.250Z\","
            + "\"decision\":{\"verdict\":\"deny\",\"count\":3,\"detail\":null,\"rego\":[{"
            + "\"authentication\":\"a/b\",\"outcome\":\"deny\",\"more\":{}},7],\"token\":{"
            + "\"issuer\":\"i\",\"subject\":\"s\"},\"later\":{\"a\":[{}]}}}}";

    AuditEntry read = EntryParser.parse(5, entry.getBytes(UTF_8));

    assertThat(read.foreign()).isTrue();
    assertThat(read.sequence()).isEqualTo(7);
    assertThat(read.time()).hasToString("2026-11-30T09:59:59.250Z");
    assertThat(read.event())
        .isInstanceOfSatisfying(
            Decision.class,
            decision -> {
              assertThat(decision.verdict()).isEqualTo("deny");
              assertThat(decision.count()).isEqualTo(3);
              assertThat(decision.detail()).isNull();
              assertThat(decision.rego()).hasSize(1);
              assertThat(decision.token()).isNotNull();
            });
    String missing = "{\"writer\":\"w\",\"journal\":\"j\",\"received\":\"2026-11-30T10:00:00Z\",";
    assertThat(
            EntryParser.parse(5, (missing + "\"missing\":{\"from\":3,\"to\":9}}").getBytes(UTF_8))
                .event())
        .isEqualTo(new Missing(3, 9, false));
    for (String bad : List.of("", "[]", "{}", missing + "\"record\":7}", missing + "\"x\":1}x")) {
      assertThatThrownBy(() -> EntryParser.parse(5, bad.getBytes(UTF_8)))
          .isInstanceOf(UnreadableEntryException.class)
          .hasMessageStartingWith("entry 5 cannot be read: ");
    }
  }
}
