package io.signetmesh.policy.keys;

import static io.signetmesh.policy.TestPolicies.START;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.policy.model.JwtModel;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** When key sets are fetched, and what is published of them. */
final class KeySetsTest {
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Duration DAY = Duration.ofHours(24);

  private final KeyFetches fetches = new KeyFetches();

  private JwtModel.FetchedKeys published(String name) {
    return Objects.requireNonNull(fetches.of(name));
  }

  @Test
  void equalLocationsAreFetchedOnceAndPublishedForEach() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a", Duration.ofMinutes(5), Duration.ofHours(1));
    fetches.need("two", "a");
    fetches.tick();
    assertThat(fetches.fetchesOf("a")).isEqualTo(1);
    assertThat(published("one").keys()).isEqualTo(published("two").keys());
    assertThat(published("one").keys().size()).isEqualTo(1);
    assertThat(published("one").expiresAt()).isEqualTo(START.plus(Duration.ofHours(1)));
    assertThat(published("two").expiresAt()).isEqualTo(START.plus(DAY));
  }

  @Test
  void beforeTheFirstFetchAndAfterAFailureTheReasonIsPublished() {
    fetches.slow = true;
    fetches.need("one", "a");
    fetches.tick();
    assertThat(published("one").keys().unavailable())
        .isEqualTo("the keys have not been fetched yet");
    fetches.waiting.pop().run();
    fetches.tick();
    assertThat(published("one").keys().unavailable())
        .isEqualTo("cannot be fetched: https://id.example/a is away");
    assertThat(fetches.status("one").state()).isEqualTo(KeySetStatus.State.UNAVAILABLE);
    assertThat(fetches.status("one").errorKind()).isEqualTo(KeyFetchException.Kind.CONNECTION);
  }

  @Test
  void aSetIsFetchedAgainWithinItsInterval() {
    fetches.serve("a", TestKeys.key("1"), TestKeys.key("2"));
    fetches.need("one", "a", Duration.ofMinutes(1), DAY);
    fetches.tick();
    fetches.serve("a", TestKeys.key("2"));
    fetches.pass(Duration.ofSeconds(60), SECOND);
    assertThat(published("one").keys().jwks()).doesNotContain("\"1\"").contains("\"2\"");
    fetches.pass(Duration.ofMinutes(60), SECOND);
    assertThat(fetches.fetchesOf("a")).isBetween(60, 70);
  }

  @Test
  void aFailureIsTriedAgainAfterGrowingPauses() {
    fetches.need("one", "a");
    fetches.pass(Duration.ofMinutes(30), Duration.ofMillis(100));
    List<Double> pauses = new ArrayList<>();
    for (int i = 1; i < fetches.times.size(); i++) {
      pauses.add(
          Duration.between(fetches.times.get(i - 1), fetches.times.get(i)).toMillis() / 1_000.0);
    }
    double longest = 1;
    for (double pause : pauses) {
      assertThat(pause).isBetween(longest / 2 - 0.01, longest + 0.11);
      longest = Math.min(longest * 2, 300);
    }
    assertThat(pauses).hasSizeBetween(13, 22);
  }

  @Test
  void theLastGoodSetIsUsedUntilMaxAgeAndNoLonger() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a", Duration.ofMinutes(5), Duration.ofHours(1));
    fetches.tick();
    Instant fetched = fetches.now;
    fetches.served.clear();
    fetches.pass(Duration.ofMinutes(59), SECOND);
    assertThat(published("one").keys().areThere()).isTrue();
    assertThat(published("one").expiresAt()).isEqualTo(fetched.plus(Duration.ofHours(1)));
    assertThat(published("one").failure())
        .contains("is used until " + fetched.plus(Duration.ofHours(1)), "is away");
    assertThat(fetches.status("one").state()).isEqualTo(KeySetStatus.State.STALE);
    fetches.pass(Duration.ofMinutes(1), SECOND);
    assertThat(published("one").keys().areThere()).isFalse();
    assertThat(published("one").keys().unavailable()).contains("older than maxAge of 3600 s");
    assertThat(fetches.status("one").state()).isEqualTo(KeySetStatus.State.UNAVAILABLE);
    fetches.serve("a", TestKeys.key("1"));
    fetches.pass(Duration.ofMinutes(5), SECOND);
    assertThat(published("one").keys().areThere()).isTrue();
    assertThat(fetches.status("one").state()).isEqualTo(KeySetStatus.State.FRESH);
  }

  @Test
  void oneBadLocationChangesNothingForOthers() {
    fetches.serve("good", TestKeys.key("1"));
    fetches.served.put(KeyFetches.at("garbage"), "<html>");
    fetches.need("a", "good");
    fetches.need("b", "away");
    fetches.need("c", "garbage");
    fetches.pass(Duration.ofHours(1), SECOND);
    assertThat(published("a").keys().areThere()).isTrue();
    assertThat(fetches.fetchesOf("good")).isBetween(12, 15);
    assertThat(published("c").keys().unavailable()).contains("cannot be fetched");
    assertThat(fetches.status("c").errorKind()).isEqualTo(KeyFetchException.Kind.CONTENT);
  }

  @Test
  void anEmptySetIsNoGoodSetAndABadKeySpoilsNoOther() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a");
    fetches.tick();
    fetches.served.put(KeyFetches.at("a"), "{\"keys\":[]}");
    fetches.pass(Duration.ofMinutes(6), SECOND);
    assertThat(published("one").keys().jwks()).contains("\"1\"");
    assertThat(published("one").failure()).contains("no key that can be used");
    fetches.serve("a", "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", TestKeys.key("2"));
    fetches.pass(Duration.ofMinutes(6), SECOND);
    assertThat(published("one").keys().jwks()).contains("\"2\"");
    assertThat(published("one").keys().problems()).hasSize(1);
    assertThat(published("one").failure()).isNull();
  }

  @Test
  void aSetWithTooManyKeysIsNoGoodSet() {
    String[] keys = new String[101];
    for (int i = 0; i < keys.length; i++) {
      keys[i] = TestKeys.key("k" + i);
    }
    fetches.serve("a", keys);
    fetches.need("one", "a");
    fetches.tick();
    assertThat(published("one").keys().unavailable()).contains("101 keys: expected at most 100");
  }

  @Test
  void theSameKeysAreToldAgainOnceAnHour() {
    String key = TestKeys.key("1");
    fetches.serve("a", key);
    fetches.need("one", "a");
    fetches.tick();
    int first = fetches.publications;
    fetches.pass(Duration.ofHours(10), SECOND);
    assertThat(fetches.fetchesOf("a")).isGreaterThan(100);
    assertThat(fetches.publications - first).isBetween(8, 10);
    Instant told = Objects.requireNonNull(published("one").expiresAt());
    assertThat(told).isBetween(fetches.now.plus(Duration.ofHours(22)), fetches.now.plus(DAY));
  }

  @Test
  void theFirstFailureTellsTheTrueEnd() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a");
    fetches.pass(Duration.ofMinutes(30), SECOND);
    Instant last = Objects.requireNonNull(fetches.status("one").fetchedAt());
    assertThat(published("one").expiresAt()).isBefore(last.plus(DAY));
    fetches.served.clear();
    fetches.pass(Duration.ofMinutes(6), SECOND);
    Instant success = Objects.requireNonNull(fetches.status("one").fetchedAt());
    assertThat(published("one").expiresAt()).isEqualTo(success.plus(DAY));
    int before = fetches.publications;
    fetches.pass(Duration.ofHours(2), SECOND);
    assertThat(fetches.publications).isEqualTo(before);
  }

  @Test
  void anUnknownKeyLeadsToOneFetchInThirtySeconds() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a");
    fetches.tick();
    fetches.sets.unknownKey(KeyFetches.ref("one"), "1");
    fetches.pass(Duration.ofSeconds(2), SECOND);
    assertThat(fetches.fetchesOf("a")).isEqualTo(1);
    String fresh = TestKeys.key("2");
    fetches.serve("a", fresh);
    fetches.sets.unknownKey(KeyFetches.ref("one"), "2");
    fetches.tick();
    assertThat(fetches.fetchesOf("a")).isEqualTo(2);
    assertThat(published("one").keys().jwks()).contains("\"2\"");
    for (int i = 0; i < 29; i++) {
      fetches.sets.unknownKey(KeyFetches.ref("one"), "3");
      fetches.pass(SECOND, SECOND);
    }
    assertThat(fetches.fetchesOf("a")).isEqualTo(2);
    fetches.now = fetches.now.plusSeconds(2);
    fetches.sets.unknownKey(KeyFetches.ref("one"), "3");
    fetches.tick();
    assertThat(fetches.fetchesOf("a")).isEqualTo(3);
    fetches.sets.unknownKey(KeyFetches.ref("nobody"), "3");
  }

  @Test
  void theLastGoodSetSurvivesARestartWithItsAge() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a", Duration.ofMinutes(5), Duration.ofHours(1));
    fetches.tick();
    fetches.served.clear();
    fetches.published.clear();
    fetches.now = START.plus(Duration.ofMinutes(30));
    fetches.sets = fetches.start();
    fetches.need("one", "a", Duration.ofMinutes(5), Duration.ofHours(1));
    fetches.sets.tick(fetches);
    assertThat(published("one").keys().areThere()).isTrue();
    assertThat(published("one").expiresAt()).isEqualTo(START.plus(Duration.ofHours(1)));
    assertThat(fetches.fetchesOf("a")).isEqualTo(2);

    fetches.now = START.plus(Duration.ofMinutes(61));
    fetches.sets = fetches.start();
    fetches.need("one", "a", Duration.ofMinutes(5), Duration.ofHours(1));
    fetches.tick();
    assertThat(published("one").keys().areThere()).isFalse();

    fetches.now = START.minusSeconds(1);
    fetches.sets = fetches.start();
    fetches.need("one", "a");
    fetches.tick();
    assertThat(published("one").keys().areThere()).as("a set of the future").isFalse();
  }

  @Test
  void anotherLocationHasNoKeysOfTheFormerOne() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a");
    fetches.tick();
    fetches.need("one", "b");
    fetches.tick();
    assertThat(published("one").location()).isEqualTo(KeyFetches.at("b"));
    assertThat(published("one").keys().areThere()).isFalse();
    fetches.need("two", "a");
    fetches.unneed("one");
    fetches.tick();
    assertThat(fetches.of("one")).isNull();
    assertThat(fetches.retained).containsExactly(KeyFetches.at("a"));
    int before = fetches.fetchesOf("b");
    fetches.pass(Duration.ofHours(1), SECOND);
    assertThat(fetches.fetchesOf("b")).isEqualTo(before);
  }

  @Test
  void aShorterIntervalCountsAtOnce() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a", Duration.ofHours(1), DAY);
    fetches.tick();
    fetches.need("one", "a", Duration.ofSeconds(10), DAY);
    fetches.pass(Duration.ofSeconds(11), SECOND);
    assertThat(fetches.fetchesOf("a")).isEqualTo(2);
  }

  @Test
  void fetchesUnderWayAreBounded() {
    fetches.slow = true;
    for (int i = 0; i < 40; i++) {
      fetches.need("a" + i, "k" + i);
    }
    fetches.tick();
    assertThat(fetches.waiting).hasSize(KeySets.MAX_FETCHES);
    fetches.waiting.pop().run();
    fetches.tick();
    assertThat(fetches.waiting).hasSize(KeySets.MAX_FETCHES);
    assertThat(fetches.sets.counts()).isEqualTo(new KeySets.Counts(0, 1));
  }

  @Test
  void nothingHappensAfterTheEnd() {
    fetches.need("one", "a");
    fetches.sets.close();
    fetches.tick();
    assertThat(fetches.fetches).isEmpty();
    assertThat(fetches.publications).isZero();
  }
}
