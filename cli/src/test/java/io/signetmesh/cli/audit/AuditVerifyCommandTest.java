package io.signetmesh.cli.audit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.netty.pkitesting.CertificateBuilder;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.identity.pki.Certificates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AuditVerifyCommandTest {
  @TempDir private Path temporary;
  private Path directory = Path.of("");

  @BeforeEach
  void makeLog() throws IOException {
    directory = temporary.resolve("log");
    AuditLogs.usual(directory);
  }

  private CommandRun verify(String... more) {
    String[] all = {"audit", "verify", "--key", AuditLogs.key()};
    String[] arguments = Arrays.copyOf(all, all.length + more.length);
    System.arraycopy(more, 0, arguments, all.length, more.length);
    return CommandRun.of(arguments);
  }

  private void change(String file, String from, String to) throws IOException {
    Path path = directory.resolve(file);
    byte[] bytes = Files.readAllBytes(path);
    String text = new String(bytes, ISO_8859_1);
    assertThat(text).contains(from);
    Files.write(path, text.replace(from, to).getBytes(ISO_8859_1));
  }

  @Test
  void aLogThatIsCompleteIsGood() {
    CommandRun run = verify("--log", directory.toString()).ended(ExitCode.OK);

    assertThat(run.out())
        .contains("log signet.example/audit: checkpoint of 4 entries, root ")
        .contains("\npruned: no entry\n")
        .contains("4 records of 1 journal of 1 writer")
        .contains("stated: 128 records were lost before their journal could keep them")
        .endsWith("good: complete and unaltered\n");
    assertThat(run.err()).isEmpty();
  }

  @Test
  void saysWhichEntryWasChanged() throws Exception {
    change("tile/entries/000.p/4", "intruder", "frontend");

    CommandRun run = verify("--log", directory.toString()).ended(ExitCode.NEGATIVE);
    assertThat(run.out())
        .contains("DAMAGED: 1 finding\n")
        .contains("  changed: entry 1, tile/entries/000.p/4: the entry has another content\n");

    JsonNode json = verify("--log", directory.toString(), "-o", "json").json();
    assertThat(json.path("good").asBoolean()).isFalse();
    assertThat(json.path("findings").path(0).path("kind").asText()).isEqualTo("changed");
    assertThat(json.path("findings").path(0).path("from").asLong()).isEqualTo(1);
    assertThat(json.path("checkpoint").path("size").asLong()).isEqualTo(4);
  }

  @Test
  void saysWhichEntriesWereDeletedByTheOperator() throws Exception {
    Path pruned = temporary.resolve("pruned");
    AuditLogs log = new AuditLogs(pruned);
    for (int i = 0; i < 300; i++) {
      log.record("\"gap\":{\"lost\":1}");
    }
    log.write();
    log.deleteBefore(256);

    assertThat(verify("--log", pruned.toString()).ended(ExitCode.OK).out())
        .contains("\npruned: entries 0 to 255 are not checked")
        .endsWith("good: complete and unaltered from entry 256 on\n");
    JsonNode json = verify("--log", pruned.toString(), "-o", "json").json();
    assertThat(json.path("pruned").path("from").asLong(-1)).isZero();
    assertThat(json.path("pruned").path("to").asLong()).isEqualTo(256);
    assertThat(verify("--log", directory.toString(), "-o", "json").json().path("pruned").path("to"))
        .hasToString("0");
  }

  @Test
  void aLogOfAnotherSignerIsNotGood() {
    String other = "signet.example/audit+1bd0b2f8+AdLYlwqbyCzYxr5NxlXqkcSYmmFvMzRIm6lKWYyG0vrk";
    CommandRun run =
        CommandRun.of("audit", "verify", "--log", directory.toString(), "--key", other);
    assertThat(run.code()).isIn(ExitCode.USAGE, ExitCode.NEGATIVE);
  }

  @Test
  void aLogThatWasSetBackIsFoundByAnEarlierCheckpoint() throws Exception {
    Path kept = temporary.resolve("kept.checkpoint");
    verify("--log", directory.toString(), "--save-checkpoint", kept.toString()).ended(ExitCode.OK);
    assertThat(Files.readString(kept)).startsWith("signet.example/audit\n4\n");

    Path other = temporary.resolve("other");
    new AuditLogs(other).record("\"gap\":{\"lost\":1}").write();
    CommandRun run =
        verify("--log", other.toString(), "--since-checkpoint", kept.toString())
            .ended(ExitCode.NEGATIVE);
    assertThat(run.out()).contains("history: ").contains("an older state was brought back");
    verify("--log", directory.toString(), "--since-checkpoint", kept.toString()).ended(ExitCode.OK);
  }

  @Test
  void rewrittenHistoryIsFoundByAnEarlierCheckpoint() throws Exception {
    Path kept = temporary.resolve("kept.checkpoint");
    verify("--log", directory.toString(), "--save-checkpoint", kept.toString()).ended(ExitCode.OK);
    Path other = temporary.resolve("other");
    AuditLogs log = new AuditLogs(other);
    for (int i = 0; i < 9; i++) {
      log.record("\"gap\":{\"lost\":1}");
    }
    log.write();

    CommandRun run =
        verify("--log", other.toString(), "--since-checkpoint", kept.toString())
            .ended(ExitCode.NEGATIVE);
    assertThat(run.out()).contains("history was rewritten");
  }

  @Test
  void anEntryIsProvedByASmallFileWithoutTheLog() throws Exception {
    Path proof = temporary.resolve("entry.tlog-proof");
    CommandRun run =
        verify("--log", directory.toString(), "--entry", "1", "--save-proof", proof.toString())
            .ended(ExitCode.OK);
    assertThat(run.out())
        .contains("verifies: entry 1 of log signet.example/audit, by the checkpoint of 4 entries")
        .contains("intruder.shop");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(proof)))
        .isEqualTo("rw-------");
    assertThat(Files.readString(proof)).startsWith("c2sp.org/tlog-proof@v1\nextra ");

    assertThat(verify("--proof", proof.toString()).ended(ExitCode.OK).out())
        .contains("intruder.shop");

    Path record = Files.writeString(temporary.resolve("entry.json"), "{\"made\":\"up\"}\n");
    assertThat(
            verify("--proof", proof.toString(), "--record", record.toString())
                .ended(ExitCode.NEGATIVE)
                .out())
        .contains("does not verify: the proof does not lead from entry 1 to the root");
  }

  @Test
  void saysWhatItCannotVerify() throws Exception {
    assertThat(verify("--log", temporary.resolve("none").toString()).ended(64).err())
        .contains("none is no directory: expected a log");
    assertThat(verify().ended(ExitCode.USAGE).err()).contains("expected one of --log DIR");
    assertThat(verify("--log", directory.toString(), "--entry", "9").ended(1).out())
        .contains("the log has no entry 9: expected 0 to 3");
    assertThat(
            CommandRun.of("audit", "verify", "--log", directory.toString(), "--key", "nonsense")
                .ended(ExitCode.USAGE)
                .err())
        .contains("verifier key \"nonsense\": expected name+id+key");
    assertThat(verify("--log", temporary.toString()).ended(ExitCode.NEGATIVE).out())
        .contains("checkpoint: checkpoint: there is no checkpoint");
  }

  @Test
  void aKeyMayBeInAFile() throws Exception {
    Path file = Files.writeString(temporary.resolve("log.vkey"), AuditLogs.key() + "\n");
    CommandRun.of("audit", "verify", "--log", directory.toString(), "--key", file.toString())
        .ended(ExitCode.OK);
  }

  private Path anchors() throws Exception {
    String pem =
        Certificates.toPem(
            List.of(
                new CertificateBuilder()
                    .ecp256()
                    .subject("CN=anchor")
                    .setIsCertificateAuthority(true)
                    .buildSelfSigned()
                    .getCertificate()));
    return Files.writeString(temporary.resolve("anchors.pem"), pem);
  }

  /** Nothing would show that it was rewritten as a whole. */
  @Test
  void aJournalWithoutAHeadIsNotGood() throws Exception {
    Path file = Files.writeString(temporary.resolve("web.jsonl"), "{\"sequence\":1,\"x\":0}\n");
    String anchors = anchors().toString();

    CommandRun run =
        CommandRun.of("audit", "verify", file.toString(), "--trust-anchors", anchors)
            .ended(ExitCode.NEGATIVE);

    assertThat(run.out())
        .contains("journal web.jsonl: record 1, 0 heads")
        .endsWith("NOT PROVEN: no head: nothing shows that the records are unaltered\n");
  }

  @Test
  void aJournalIsVerifiedByAnchorsAndALogByAKey() throws Exception {
    String anchors = anchors().toString();
    String log = directory.toString();

    CommandRun.of("audit", "verify", "--log", log).ended(ExitCode.USAGE);
    verify("--log", log, "--trust-anchors", anchors).ended(ExitCode.USAGE);
    verify("--log", log, "--identity", "web").ended(ExitCode.USAGE);
    CommandRun.of("audit", "verify", "--trust-anchors", anchors).ended(ExitCode.USAGE);
    CommandRun.of("audit", "verify", log, "--trust-anchors", anchors).ended(ExitCode.CONFIGURATION);
  }
}
