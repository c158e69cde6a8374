package io.signetmesh.identity.federation;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.TestPki;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DomainPollingTest {
  private static final String B = "b.example";
  private static final X509Certificate ONE = TestPki.create("one").anchor().getCertificate();
  private static final X509Certificate TWO = TestPki.create("two").anchor().getCertificate();
  private static final InstantSource CLOCK = InstantSource.fixed(Instant.ofEpochSecond(1_000));

  @TempDir Path state;
  private final List<AdministrativeEvent> recorded = new ArrayList<>();
  private @Nullable SpiffeBundle answer;
  private double chance;
  private boolean wanted = true;
  private FederatedBundles bundles;
  private DomainPolling polling;

  @BeforeEach
  void open() throws Exception {
    bundles = FederatedBundles.open(state, List.of(B), CLOCK);
    ForeignDomain domain =
        new ForeignDomain(
            B,
            URI.create("https://b.example/"),
            new ForeignDomain.Profile.Web(null),
            Duration.ofSeconds(10),
            Duration.ofSeconds(600));
    polling =
        new DomainPolling(
            domain,
            bundles,
            (asked, trusted) -> {
              SpiffeBundle given = answer;
              if (given == null) {
                throw new IOException("no answer");
              }
              return given;
            },
            new FederationRecords(this::record, CLOCK),
            () -> chance,
            CLOCK);
  }

  private void record(AuditEvent event) {
    recorded.add((AdministrativeEvent) event);
  }

  private Duration poll() throws Exception {
    return polling.poll(() -> wanted);
  }

  private static SpiffeBundle bundle(long sequence, @Nullable Duration hint, X509Certificate one) {
    return new SpiffeBundle(sequence, hint, List.of(one), List.of());
  }

  @Test
  void waitsAsLongAsTheBundleAsksForWithinBounds() throws Exception {
    answer = bundle(1, Duration.ofSeconds(60), ONE);
    assertThat(poll()).isEqualTo(Duration.ofSeconds(60));
    answer = bundle(2, Duration.ofSeconds(1), ONE);
    assertThat(poll()).isEqualTo(Duration.ofSeconds(10));
    answer = bundle(3, Duration.ofDays(365), ONE);
    assertThat(poll()).isEqualTo(Duration.ofSeconds(600));
    answer = bundle(4, null, ONE);
    assertThat(poll()).isEqualTo(Duration.ofMinutes(5));
    answer = bundle(5, Duration.ofSeconds(Long.MAX_VALUE / 1000), ONE);
    assertThat(poll()).isEqualTo(Duration.ofSeconds(600));
  }

  @Test
  void chanceShortensAWaitByATenthAtMost() throws Exception {
    answer = bundle(1, Duration.ofSeconds(100), ONE);
    chance = 1;

    assertThat(poll()).isEqualTo(Duration.ofSeconds(90));
  }

  @Test
  void failuresBackOffUpToTheLongestWaitAndChangeNothing() throws Exception {
    answer = bundle(1, null, ONE);
    poll();
    answer = null;
    List<Long> waits = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      waits.add(poll().toSeconds());
    }

    assertThat(waits).containsExactly(10L, 20L, 40L, 80L, 160L, 320L, 600L, 600L);
    assertThat(bundles.get().getFirst().anchors()).containsExactly(ONE);
    assertThat(polling.refusals()).isEqualTo(8);
    assertThat(polling.refusal()).isEqualTo("no answer");
    assertThat(polling.succeeded()).isEqualTo(CLOCK.instant());
  }

  @Test
  void changesAndRefusalsAreOnRecordOnce() throws Exception {
    answer = bundle(1, null, ONE);
    poll();
    poll();
    answer = bundle(2, null, TWO);
    poll();
    answer = bundle(1, null, ONE);
    poll();
    poll();

    assertThat(recorded)
        .extracting(AdministrativeEvent::act, AdministrativeEvent::subject)
        .containsExactly(
            org.assertj.core.api.Assertions.tuple("federated-bundle-changed", B),
            org.assertj.core.api.Assertions.tuple("federated-bundle-changed", B),
            org.assertj.core.api.Assertions.tuple("federated-bundle-refused", B));
    assertThat(recorded.get(1).attributes())
        .containsEntry("oldSequence", "1")
        .containsEntry("sequence", "2")
        .containsEntry("added", HexFormat.of().formatHex(Certificates.sha256(TWO)))
        .containsEntry("removed", HexFormat.of().formatHex(Certificates.sha256(ONE)));
    assertThat(recorded.get(2).attributes().get("reason")).contains("expected 2 or more");
  }

  @Test
  void answerThatIsNoLongerWantedIsNotTaken() throws Exception {
    answer = bundle(1, null, ONE);
    wanted = false;

    poll();

    assertThat(bundles.get()).isEmpty();
  }
}
