package io.signetmesh.proxy.token;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class UnknownKeysTest {
  private final UnknownKeys keys = new UnknownKeys();

  @Test
  void aNewKeyIsWaitedForFromTheFirstRequestThatNamesIt() {
    assertThat(keys.holdUntil("a", "k", "alice", 1_000)).isEqualTo(4_000);
    assertThat(keys.holdUntil("a", "k", "bob", 3_999)).isEqualTo(4_000);
    assertThat(keys.holdUntil("a", "k", "bob", 4_000)).isZero();
    assertThat(keys.holdUntil("a", "k", "bob", 30_999)).isZero();
  }

  @Test
  void afterAWhileItIsWaitedForOnceMore() {
    keys.holdUntil("a", "k", "alice", 1_000);
    assertThat(keys.holdUntil("a", "k", "alice", 31_000)).isEqualTo(34_000);
  }

  @Test
  void oneClientTakesAShareOnly() {
    for (int i = 0; i < UnknownKeys.MAX_KEYS_PER_CLIENT; i++) {
      assertThat(keys.holdUntil("a", "k" + i, "eve", 0)).isPositive();
    }
    assertThat(keys.holdUntil("a", "more", "eve", 0)).isZero();
    assertThat(keys.holdUntil("a", "more", "alice", 0)).isPositive();
    // Its share is free again with its keys.
    assertThat(keys.holdUntil("a", "other", "eve", UnknownKeys.FORGET_MILLIS)).isPositive();
  }

  @Test
  void manyClientsTakeNoMoreThanThereIs() {
    for (int i = 0; i < 2 * UnknownKeys.MAX_KEYS; i++) {
      keys.holdUntil("a", "k" + i, "client-" + i, 0);
    }
    assertThat(keys.size()).isEqualTo(UnknownKeys.MAX_KEYS);
    assertThat(keys.holdUntil("a", "more", "alice", 0)).isZero();
  }

  @Test
  void aClockThatIsSetBackForgetsNothingForEver() {
    keys.holdUntil("a", "k", "alice", 1_000_000);
    assertThat(keys.holdUntil("a", "k", "alice", 0)).isEqualTo(UnknownKeys.HOLD_MILLIS);
  }
}
