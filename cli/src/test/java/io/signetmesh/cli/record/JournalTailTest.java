package io.signetmesh.cli.record;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.DecisionMode;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.audit.TrialVerdict;
import io.signetmesh.audit.Verdict;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JournalTailTest {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  @TempDir private Path directory;

  private static DecisionEvent denial(String path) {
    return new DecisionEvent(
        1_795_256_130_045L,
        new AuditedConnection(
            "shop/web",
            new InetSocketAddress("127.0.0.1", 40112),
            new InetSocketAddress("127.0.0.2", 8080),
            "intruder.shop.serviceaccount.identity.linkerd.cluster.local",
            "TLSv1.3",
            "X25519MLKEM768"),
        "policy.linkerd.io/server/web",
        "http/1",
        "GET",
        path,
        Verdict.DENY,
        "identity-mismatch",
        "policy.linkerd.io/authorizationpolicy/web-from-storefront",
        "identity",
        "wants frontend",
        17,
        DecisionMode.ENFORCE,
        new TrialVerdict(
            Verdict.ALLOW, "authorized", "policy.linkerd.io/authorizationpolicy/all", null, null));
  }

  @Test
  void readsWhatTheJournalWrites() throws Exception {
    Path file = directory.resolve("web.jsonl");
    JournalTail tail = JournalTail.fromStart(file);
    assertThat(tail.lines()).as("a journal that is not there yet").isEmpty();
    try (Journal journal = Journal.open(JournalConfig.of(file), InstantSource.system())) {
      journal.record(new AdministrativeEvent(1, "policy-applied", "policy", "x", Map.of()));
      journal.record(denial("/catalog"));
      DecisionRecord record = tail.await(decision -> true, LIMIT).orElseThrow();
      assertThat(record.sequence()).isEqualTo(2);
      assertThat(record.workload()).isEqualTo("shop/web");
      assertThat(record.time().toEpochMilli()).isEqualTo(1_795_256_130_045L);
      assertThat(record.clientAddress()).isEqualTo("127.0.0.1:40112");
      assertThat(record.path()).isEqualTo("/catalog");
      assertThat(record.allowed()).isFalse();
      assertThat(record.reason()).isEqualTo("identity-mismatch");
      assertThat(record.failedAttribute()).isEqualTo("identity");
      assertThat(record.policyGeneration()).isEqualTo(17);
      assertThat(record.tlsGroup()).isEqualTo("X25519MLKEM768");
      assertThat(record.mode()).isEqualTo("enforce");
      assertThat(record.trial())
          .isEqualTo(
              new DecisionRecord.DryRun(
                  true, "authorized", "policy.linkerd.io/authorizationpolicy/all", null, null));
    }
  }

  @Test
  void waitsForTheDecisionWanted() throws Exception {
    Path file = directory.resolve("web.jsonl");
    JournalTail tail = JournalTail.fromStart(file);
    try (Journal journal = Journal.open(JournalConfig.of(file), InstantSource.system())) {
      journal.record(denial("/a"));
      journal.record(denial("/b"));
      assertThat(tail.await(decision -> "/b".equals(decision.path()), LIMIT)).isPresent();
      assertThat(tail.await(decision -> true, Duration.ofMillis(50))).isEmpty();
    }
  }

  @Test
  void leavesALineThatIsBeingWrittenForLater() throws Exception {
    Path file = directory.resolve("torn.jsonl");
    Files.writeString(file, "{\"sequence\":1}\n{\"seq");
    JournalTail tail = JournalTail.fromStart(file);
    assertThat(tail.lines()).hasSize(1);
    Files.writeString(file, "uence\":2}\n", StandardOpenOption.APPEND);
    assertThat(tail.lines())
        .singleElement()
        .satisfies(line -> assertThat(line.path("sequence").asInt()).isEqualTo(2));
  }
}
