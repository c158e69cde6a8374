package io.signetmesh.jwt.proof;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class UsedProofsTest {
  private static final long LATER = 1_000_000;

  @Test
  void aProofIsUsedOnce() {
    UsedProofs proofs = new UsedProofs(16);

    assertThat(proofs.use(1, 1, 2, 3, LATER, 0)).isTrue();
    assertThat(proofs.use(1, 1, 2, 3, LATER + 100_000, 0)).isFalse();
    assertThat(proofs.use(1, 1, 2, 4, LATER, 0)).isTrue();
    assertThat(proofs.use(1, 1, 0, 0, LATER, 0)).isTrue();
    assertThat(proofs.use(1, 1, 0, 0, LATER, 0)).isFalse();
  }

  @Test
  void aKeyHasHalfOfTheRoomThatIsLeft() {
    UsedProofs proofs = new UsedProofs(1024);
    Map<Integer, Integer> taken = new HashMap<>();
    for (int key = 1; key <= 3; key++) {
      for (int i = 0; i < 1024 && proofs.use(key, key, key, i + 1, LATER, 0); i++) {
        taken.merge(key, 1, Integer::sum);
      }
    }

    assertThat(taken.get(1)).isBetween(340, 345);
    assertThat(taken.get(2)).isBetween(220, 240);
    assertThat(taken.get(3)).isGreaterThan(140);
    assertThat(proofs.use(4, 4, 4, 4, LATER, 0)).isTrue();
  }

  @Test
  void aClientWithManyKeysHasHalfOfTheRoomThatIsLeft() {
    UsedProofs proofs = new UsedProofs(1024);
    int taken = 0;
    for (int key = 1; key <= 1024; key++) {
      taken += proofs.use(1, key, key, key, LATER, 0) ? 1 : 0;
    }

    assertThat(taken).isBetween(340, 345);
    for (int i = 1; i <= 200; i++) {
      assertThat(proofs.use(2, 2000, 2000, i, LATER, 0)).isTrue();
    }
  }

  @Test
  void roomIsFreeAgainWhenProofsHaveEnded() {
    UsedProofs proofs = new UsedProofs(64);
    int used = 0;
    while (proofs.use(1, 1, 1, used + 1, LATER, 0)) {
      used++;
    }

    assertThat(proofs.use(1, 1, 2, 1, LATER + 100_000, LATER - 1)).isFalse();
    assertThat(proofs.use(1, 1, 2, 1, LATER + 100_000, LATER + 16_000)).isTrue();
    assertThat(proofs.size()).isOne();
  }

  @Test
  void thereIsNeverMoreThanTheCapacity() {
    UsedProofs proofs = new UsedProofs(100);
    for (int key = 0; key < 10_000; key++) {
      proofs.use(key, key, key, 1, LATER, 0);
    }

    assertThat(proofs.size()).isLessThanOrEqualTo(100);
  }

  /** One use. */
  record Use(int key, long proof, long until, long pause) {}

  @Provide
  Arbitrary<List<Use>> uses() {
    return Combinators.combine(
            Arbitraries.integers().between(0, 3),
            Arbitraries.longs().between(0, 40),
            Arbitraries.longs().between(0, 60_000),
            Arbitraries.longs().between(0, 9_000))
        .as(Use::new)
        .list()
        .ofMaxSize(200);
  }

  /** Whatever is taken is remembered until its end. */
  @Property(tries = 200)
  void agreesWithAModel(@ForAll("uses") List<Use> uses) {
    UsedProofs proofs = new UsedProofs(100_000);
    Map<Long, Long> ends = new HashMap<>();
    long now = 0;
    for (Use use : uses) {
      now += use.pause();
      long until = now + use.until();
      boolean taken = proofs.use(use.key(), use.key(), use.proof(), use.proof(), until, now);

      Long end = ends.get(use.proof());
      if (end != null && end > now) {
        assertThat(taken).isFalse();
      }
      if (end == null || end + 16_000 <= now) {
        assertThat(taken).isTrue();
      }
      if (taken) {
        ends.put(use.proof(), until);
      }
    }
  }
}
