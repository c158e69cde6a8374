package io.signetmesh.collector.export;

import static io.signetmesh.collector.log.Logs.NOW;
import static io.signetmesh.collector.log.Logs.journal;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.collector.log.Addition;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.LogDirectory;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JsonLinesPartsTest {
  @TempDir private Path directory;

  @Test
  void aFilteredExportCountsWhatCannotBeReadAndAnotherOneHasIt() throws Exception {
    byte[] entry =
        ("{\"writer\":\"w\",\"journal\":\"00112233445566778899aabbccddeeff\","
                + "\"received\":\"2026-11-30T10:00:00Z\",\"record\":{\"sequence\":1,\"time\":\"x\"}}")
            .getBytes(StandardCharsets.UTF_8);
    try (CollectorLog log = CollectorLog.open(directory, "test/log", FsyncPolicy.OS, 0)) {
      log.append(List.of(new Addition(journal("node-1", 1), new long[] {1}, List.of(entry))), NOW);
      LogDirectory opened = LogDirectory.open(directory.resolve(CollectorLog.TILES), log.key());
      ByteArrayOutputStream out = new ByteArrayOutputStream();

      JsonLinesParts filtered = parts(opened, new EntryFilter.Builder().client("a").build(), out);
      assertThat(filtered.write(0, 1)).isZero();
      assertThat(filtered.unreadable()).isOne();

      JsonLinesParts whole = parts(opened, new EntryFilter.Builder().build(), out);
      assertThat(whole.write(0, 1)).isOne();
      assertThat(whole.unreadable()).isZero();
    }
  }

  private static JsonLinesParts parts(
      LogDirectory log, EntryFilter filter, ByteArrayOutputStream out) {
    return new JsonLinesParts(log, filter, done -> {}, ExportTarget.stream(out, 0));
  }
}
