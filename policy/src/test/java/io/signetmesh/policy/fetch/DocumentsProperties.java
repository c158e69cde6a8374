package io.signetmesh.policy.fetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.policy.model.JwtModel;
import java.time.Duration;
import java.time.Instant;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

/** Whatever the intervals and the outages are. */
final class DocumentsProperties {
  private static final String KEY = TestKeys.key("1");

  /**
   * Keys that could be fetched in time never end at a proxy that heard what was published; keys
   * that could not never live beyond their greatest age.
   */
  @Property(tries = 300)
  void publishedKeysEndNeitherEarlyNorLate(
      @ForAll @IntRange(min = 1, max = 600) int refresh,
      @ForAll @IntRange(min = 0, max = 7_200) int more,
      @ForAll @LongRange(min = 0, max = 1_000_000) long seed) {
    TestFetches fetches = new TestFetches();
    Duration interval = Duration.ofSeconds(refresh);
    Duration maxAge = interval.plusSeconds(more);
    java.util.Random random = new java.util.Random(seed);
    fetches.need("one", "a", interval, maxAge);
    for (int phase = 0; phase < 8; phase++) {
      boolean up = random.nextInt(3) > 0;
      if (up) {
        fetches.serve("a", KEY);
      } else {
        fetches.served.clear();
      }
      Instant end = fetches.now.plusSeconds(1 + random.nextInt(3 * refresh));
      while (fetches.now.isBefore(end)) {
        fetches.sets.tick(fetches);
        fetches.sets.tick(fetches);
        DocumentStatus status = fetches.status("one");
        JwtModel.FetchedKeys told = fetches.of("one");
        assertThat(told).isNotNull();
        Instant fetched = status.fetchedAt();
        Instant until = told.expiresAt();
        if (fetched == null) {
          assertThat(told.keys().areThere()).isFalse();
        } else {
          assertThat(until).isNotNull().isAfter(fetches.now);
          assertThat(until).isBeforeOrEqualTo(fetched.plus(maxAge));
        }
        fetches.now = fetches.now.plusMillis(Math.max(200, refresh * 20L));
      }
    }
  }
}
