package io.signetmesh.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

final class NeighbourTrustTest {
  private final ManualTimer timer = new ManualTimer(Instant.EPOCH);
  private final TrustBundle anchors = TestPki.create("neighbour").trust();
  private final AtomicReference<PeerTrust> said = new AtomicReference<>();
  private final AtomicReference<PeerTrust> inForce = new AtomicReference<>(version(0));
  private final AtomicBoolean following = new AtomicBoolean();
  private final List<Long> taken = new ArrayList<>();
  private final NeighbourTrust neighbour =
      new NeighbourTrust(
          said::get,
          following::get,
          inForce::get,
          trust -> {
            inForce.set(trust);
            taken.add(trust.own().version());
          },
          timer);

  private PeerTrust version(long number) {
    return PeerTrust.of(anchors.withVersion(number));
  }

  @Test
  void aNeighbourThatDoesNotFollowTheControlPlaneKnowsNothing() {
    assertThat(neighbour.take()).isFalse();
    assertThat(taken).isEmpty();
  }

  @Test
  void whatComesWhileTheOwnStreamSaysNothingIsTakenAndNothingAfterThat() {
    said.set(version(3));
    assertThat(neighbour.take()).isTrue();
    neighbour.takeUntilFollowing();
    neighbour.takeUntilFollowing();
    timer.advance(Duration.ofSeconds(5));
    assertThat(taken).containsExactly(3L);
    said.set(version(4));
    timer.advance(Duration.ofSeconds(1));
    assertThat(taken).containsExactly(3L, 4L);
    following.set(true);
    said.set(version(5));
    timer.advance(Duration.ofSeconds(5));
    assertThat(taken).containsExactly(3L, 4L);
    following.set(false);
    // The stream was lost.
    neighbour.takeUntilFollowing();
    timer.advance(Duration.ofSeconds(1));
    assertThat(taken).containsExactly(3L, 4L, 5L);
  }

  @Test
  void anOlderBundleIsNotTaken() {
    inForce.set(version(4));
    said.set(version(3));
    assertThat(neighbour.take()).isTrue();
    assertThat(taken).isEmpty();
  }
}
