package io.signetmesh.policy.keys;

import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.token.KeyLocation;
import io.signetmesh.policy.token.KeySource;
import io.signetmesh.policy.token.KnownKeys;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** A location, and what is known of its keys. Guarded by the lock of {@link KeySets}. */
final class KeySetState {
  private static final Duration FIRST_RETRY = Duration.ofSeconds(1);
  private static final Duration LONGEST_INTERVAL = Duration.ofDays(1);

  /** Doublings after which no pause is longer than any interval. */
  private static final int MAX_DOUBLINGS = 20;

  final KeyLocation location;
  final Map<ObjectRef, KeySource.Fetched> needs = new TreeMap<>();
  KnownKeys keys = KnownKeys.none("the keys have not been fetched yet");
  @Nullable Instant fetchedAt;
  @Nullable Instant failingSince;
  @Nullable KeyFetchException failure;

  /** The failure that is published: another one of its kind is no news. */
  @Nullable KeyFetchException shown;

  private int failures;
  Instant dueAt;

  /** Last look for a key that a token named. */
  Instant askedAt = Instant.MIN;

  /** Last fetch because of a key that a token named. */
  Instant unknownAt = Instant.MIN;

  Instant savedAt = Instant.MIN;
  boolean fetching;

  KeySetState(KeyLocation location, Instant now) {
    this.location = location;
    this.dueAt = now;
  }

  /** Longest time between two fetches: nobody's keys are to end before the next one. */
  Duration refreshInterval() {
    Duration shortest = LONGEST_INTERVAL;
    for (KeySource.Fetched need : needs.values()) {
      Duration before = need.maxAge().multipliedBy(3).dividedBy(4);
      for (Duration one : List.of(need.refreshInterval(), before)) {
        shortest = one.compareTo(shortest) < 0 ? one : shortest;
      }
    }
    return shortest;
  }

  void succeeded(KnownKeys fresh, Instant now, RandomGenerator random) {
    keys = fresh;
    fetchedAt = now;
    failure = null;
    shown = null;
    failingSince = null;
    failures = 0;
    // Sooner than asked for, never later: a key that was withdrawn is given up in time.
    long interval = refreshInterval().toMillis();
    dueAt = now.plusMillis(interval - (long) (interval * 0.1 * random.nextDouble()));
  }

  void failed(KeyFetchException why, Instant now, RandomGenerator random) {
    failure = why;
    if (shown == null || shown.kind() != why.kind()) {
      shown = why;
    }
    if (failingSince == null) {
      failingSince = now;
    }
    long pause =
        Math.min(
            refreshInterval().toMillis(),
            FIRST_RETRY.toMillis() << Math.min(failures, MAX_DOUBLINGS));
    failures++;
    dueAt = now.plusMillis(pause - (long) (pause * 0.5 * random.nextDouble()));
  }
}
