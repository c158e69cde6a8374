package io.signetmesh.collector.verify;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.collector.SampleLog;
import io.signetmesh.collector.verify.CheckResult.Witnessed;
import io.signetmesh.collector.verify.Finding.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LogCheckTest {
  private static final TrustedKeys KEYS = new TrustedKeys(SampleLog.SIGNER.key(), List.of());

  @TempDir private Path temporary;

  private CheckResult check(TrustedKeys keys) throws IOException {
    return LogCheck.run(temporary.resolve("log"), keys, null, done -> {});
  }

  @Test
  void entriesThatTheOperatorHasDeletedAreNotMissing() throws Exception {
    try (SampleLog log = new SampleLog(temporary.resolve("log"))) {
      log.usual(600).append().deleteBefore(512);
    }
    assertThat(temporary.resolve("log/tile/entries/001")).doesNotExist();

    CheckResult result = check(KEYS);

    assertThat(result.findings()).isEmpty();
    assertThat(result.from()).isEqualTo(512);
    assertThat(result.counts()).isNotNull();
    Files.write(temporary.resolve("log/tile/0/001"), new byte[256 * 32]);
    assertThat(check(KEYS).findings())
        .singleElement()
        .hasToString(
            "hashes: entries 256 to 511, tile/0/001: the hashes have changed; the entries were"
                + " deleted");
  }

  @Test
  void aDeletionThatTheLogDoesNotStateIsFound() throws Exception {
    try (SampleLog log = new SampleLog(temporary.resolve("log"))) {
      log.usual(600).append().deleteBefore(256);
      assertThat(check(KEYS).findings()).isEmpty();
      log.deleteUnstated(512);
    }

    assertThat(check(KEYS).findings())
        .singleElement()
        .hasToString(
            "pruned: entries 0 to 511, minimum-index: the entries were deleted, and no entry of the"
                + " log states it");
  }

  @Test
  void entriesThatSomebodyElseHasDeletedAreMissing() throws Exception {
    try (SampleLog log = new SampleLog(temporary.resolve("log"))) {
      log.usual(600).append().deleteBefore(256);
    }
    Path note = temporary.resolve("log/minimum-index");
    String text = Files.readString(note);

    Files.writeString(note, text.replace("\n256\n", "\n512\n"));
    assertThat(check(KEYS).findings())
        .singleElement()
        .matches(found -> found.kind() == Kind.CHECKPOINT)
        .matches(found -> found.where().equals("minimum-index"));

    Files.delete(note);
    assertThat(check(KEYS).findings())
        .singleElement()
        .hasToString("missing: entries 0 to 255, tile/entries/000: the entries are missing");
  }

  @Test
  void aLogOfWhichMoreWasDeletedThanItHasIsNotGood() throws Exception {
    Path log = temporary.resolve("log");
    try (SampleLog writer = new SampleLog(log)) {
      writer.usual(10).append();
    }
    Files.write(
        log.resolve("minimum-index"),
        SampleLog.SIGNER.sign(SampleLog.ORIGIN + " minimum-index\n256\n").bytes());

    CheckResult result = check(KEYS);

    assertThat(result.isGood()).isFalse();
    assertThat(result.findings())
        .singleElement()
        .matches(found -> found.where().equals("minimum-index"))
        .matches(found -> found.what().contains("minimum-index is 256: expected at most 10"));
  }

  @Test
  void aWitnessVouchesForWhatItHasCosigned() throws Exception {
    TrustedKeys keys = new TrustedKeys(SampleLog.SIGNER.key(), List.of(SampleLog.WITNESS.key()));
    Path log = temporary.resolve("log");
    try (SampleLog writer = new SampleLog(log)) {
      writer.usual(10).append().cosign(SampleLog.BEGIN).usual(10).append();
    }
    CheckResult result = check(keys);
    assertThat(result.findings()).isEmpty();
    assertThat(result.witnesses())
        .containsExactly(new Witnessed("witness.example", SampleLog.BEGIN));

    // Another history by the same signer, of which the witness knows nothing.
    try (SampleLog other = new SampleLog(temporary.resolve("other"))) {
      other.record("w", 0, false, "\"gap\":{\"lost\":1}").usual(30).append();
    }
    Path cosigned = log.resolve("checkpoint.cosigned");
    Files.copy(cosigned, temporary.resolve("kept"));
    Files.move(temporary.resolve("other"), log.resolveSibling("swapped"));
    Files.copy(
        temporary.resolve("kept"),
        log.resolveSibling("swapped").resolve("checkpoint.cosigned"),
        StandardCopyOption.REPLACE_EXISTING);
    assertThat(LogCheck.run(log.resolveSibling("swapped"), keys, null, done -> {}).findings())
        .singleElement()
        .matches(found -> found.kind() == Kind.HISTORY)
        .matches(found -> found.what().endsWith("history was rewritten"));
  }
}
