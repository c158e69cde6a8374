package io.signetmesh.identity.federation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.federation.FederatedBundles.Outcome;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FederatedBundlesTest {
  private static final String B = "b.example";
  private static final String C = "c.example";
  private static final X509Certificate ONE = TestPki.create("one").anchor().getCertificate();
  private static final X509Certificate TWO = TestPki.create("two").anchor().getCertificate();
  private static final Instant NOW = Instant.ofEpochSecond(1_000);

  @TempDir Path state;

  private FederatedBundles open(String... domains) throws Exception {
    return FederatedBundles.open(state, List.of(domains), InstantSource.fixed(NOW));
  }

  private static SpiffeBundle bundle(@Nullable Long sequence, X509Certificate... anchors) {
    return new SpiffeBundle(sequence, null, Arrays.asList(anchors), List.of());
  }

  @Test
  void domainsAreNamedBeforeTheirFirstBundleAndUntilTheyAreRemoved() throws Exception {
    FederatedBundles bundles = open(B);
    assertThat(bundles.get()).isEmpty();
    assertThat(bundles.domains()).containsExactly(B);
    List<Set<String>> told = new ArrayList<>();
    bundles.onChange(() -> told.add(bundles.domains()));

    bundles.retain(List.of(B, C));
    bundles.retain(List.of(C, B));
    bundles.retain(List.of());

    assertThat(told).containsExactly(Set.of(B, C), Set.of());
  }

  @Test
  void lastGoodBundleSurvivesARestart() throws Exception {
    FederatedBundles first = open(B);
    assertThat(first.offer(B, bundle(5L, ONE))).isEqualTo(Outcome.CHANGED);

    FederatedBundles second = open(B);

    assertThat(second.get()).isEqualTo(first.get());
    assertThat(second.get()).containsExactly(new TrustBundle(1_000, B, List.of(ONE)));
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(state.resolve("federation/b.example.json"))))
        .isEqualTo("rw-r--r--");
  }

  @Test
  void sequenceNeverGoesBackwardsAlsoOverARestart() throws Exception {
    open(B).offer(B, bundle(5L, ONE));
    FederatedBundles bundles = open(B);

    assertThatThrownBy(() -> bundles.offer(B, bundle(4L, TWO)))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("has sequence 4: expected 5 or more");
    assertThatThrownBy(() -> bundles.offer(B, bundle(null, TWO)))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("has no sequence: expected 5 or more");
    assertThatThrownBy(() -> bundles.offer(B, bundle(5L, TWO)))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("differs from the one of the same sequence 5");
    assertThat(bundles.get().getFirst().anchors()).containsExactly(ONE);
  }

  @Test
  void versionsForProxiesGrowWithEachChangeOfKeysAndOnlyThen() throws Exception {
    FederatedBundles bundles = open(B);
    List<Long> told = new ArrayList<>();
    bundles.onChange(() -> told.add(bundles.get().getFirst().version()));

    bundles.offer(B, bundle(5L, ONE));
    assertThat(bundles.offer(B, bundle(5L, ONE))).isEqualTo(Outcome.UNCHANGED);
    assertThat(bundles.offer(B, bundle(6L, ONE))).isEqualTo(Outcome.UNCHANGED);
    bundles.offer(B, bundle(7L, ONE, TWO));
    bundles.offer(B, bundle(8L, TWO));

    assertThat(told).containsExactly(1_000L, 1_001L, 1_002L);
    assertThatThrownBy(() -> open(B).offer(B, bundle(7L, ONE, TWO)))
        .isInstanceOf(PkiException.class);
  }

  @Test
  void domainThatTrustsNobodyIsKeptAndGivenToNoProxy() throws Exception {
    FederatedBundles bundles = open(B);
    bundles.offer(B, bundle(5L, ONE));

    assertThat(bundles.offer(B, bundle(6L))).isEqualTo(Outcome.CHANGED);

    assertThat(bundles.get()).isEmpty();
    assertThat(open(B).find(B)).isPresent();
  }

  @Test
  void removedDomainIsForgottenAndComesBackUnderAGreaterVersion() throws Exception {
    FederatedBundles bundles = open(B, C);
    bundles.offer(B, bundle(5L, ONE));
    bundles.offer(B, bundle(6L, TWO));
    bundles.offer(C, bundle(1L, ONE));
    List<Integer> told = new ArrayList<>();
    bundles.onChange(() -> told.add(bundles.get().size()));

    bundles.retain(List.of(C));

    assertThat(bundles.get()).extracting(TrustBundle::trustDomain).containsExactly(C);
    assertThat(told).containsExactly(1);
    assertThat(state.resolve("federation/b.example.json")).doesNotExist();
    assertThatThrownBy(() -> bundles.offer(B, bundle(7L, TWO)))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("not federated any more");
  }

  @Test
  void domainsAreNeverMerged() throws Exception {
    FederatedBundles bundles = open(B, C);

    bundles.offer(B, bundle(1L, ONE));
    bundles.offer(C, bundle(1L, TWO));

    assertThat(bundles.get())
        .extracting(TrustBundle::trustDomain, TrustBundle::anchors)
        .containsExactlyInAnyOrder(
            org.assertj.core.api.Assertions.tuple(B, List.of(ONE)),
            org.assertj.core.api.Assertions.tuple(C, List.of(TWO)));
  }

  @Test
  void anotherConfiguredBundleOutranksWhatWasFetchedAndTheSameOneDoesNot() throws Exception {
    FederatedBundles bundles = open(B);
    bundles.begin(B, bundle(null, ONE), "aa");
    bundles.offer(B, bundle(9L, TWO));

    assertThat(bundles.begin(B, bundle(null, ONE), "aa")).isEqualTo(Outcome.UNCHANGED);
    assertThat(bundles.get().getFirst().anchors()).containsExactly(TWO);
    assertThat(bundles.begin(B, bundle(null, ONE), "bb")).isEqualTo(Outcome.CHANGED);
    assertThat(bundles.get()).containsExactly(new TrustBundle(1_002, B, List.of(ONE)));
    assertThat(bundles.offer(B, bundle(2L, TWO))).isEqualTo(Outcome.CHANGED);
  }

  @Test
  void fileThatCannotBeReadSaysWhatToDo() throws Exception {
    open(B).offer(B, bundle(5L, ONE));
    Files.writeString(state.resolve("federation/b.example.json"), "{\"version\": 3");

    assertThatThrownBy(() -> open(B))
        .isInstanceOf(PkiException.class)
        .hasMessageContainingAll("b.example.json", "remove the file");
  }
}
