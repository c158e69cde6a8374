package io.signetmesh.policy.fetch;

import io.signetmesh.policy.document.Document;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.document.DocumentNeed;
import io.signetmesh.policy.model.ObjectRef;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** A location, and what is known of its document. Guarded by the lock of {@link Documents}. */
final class DocumentState {
  private static final Duration FIRST_RETRY = Duration.ofSeconds(1);
  private static final Duration LONGEST_INTERVAL = Duration.ofDays(1);

  /** Doublings after which no pause is longer than any interval. */
  private static final int MAX_DOUBLINGS = 20;

  final DocumentLocation location;
  final DocumentForm form;
  final Map<ObjectRef, DocumentNeed> needs = new TreeMap<>();
  Document document;
  @Nullable Instant fetchedAt;
  @Nullable Instant failingSince;
  @Nullable FetchException failure;

  /** The failure that is published: another one of its kind is no news. */
  @Nullable FetchException shown;

  private int failures;
  Instant dueAt;

  /** Last look for a key that a token named. */
  Instant askedAt = Instant.MIN;

  /** Fetches because of keys that tokens named. */
  private final FetchAllowance unknownKeys;

  Instant savedAt = Instant.MIN;

  /** Whose turn the fetch under way is: a namespace that needs the document. */
  String turn = "";

  DocumentState(DocumentLocation location, Instant now) {
    this.location = location;
    this.form = DocumentForm.of(location);
    this.document = form.notYet();
    this.dueAt = now;
    this.unknownKeys = new FetchAllowance(now);
  }

  /** Longest time between two fetches: nobody's document is to end before the next one. */
  Duration refreshInterval() {
    Duration shortest = LONGEST_INTERVAL;
    for (DocumentNeed need : needs.values()) {
      Duration before = need.maxAge().multipliedBy(3).dividedBy(4);
      for (Duration one : List.of(need.refreshInterval(), before)) {
        shortest = one.compareTo(shortest) < 0 ? one : shortest;
      }
    }
    return shortest;
  }

  /** Fetches the document at once because of a key that it does not have, if that may be. */
  void unknownKey(Instant now) {
    if (unknownKeys.take(now)) {
      dueAt = now;
    }
  }

  void succeeded(Document fresh, Instant now, RandomGenerator random) {
    document = fresh;
    fetchedAt = now;
    failure = null;
    shown = null;
    failingSince = null;
    failures = 0;
    // Sooner than asked for, never later: a key that was withdrawn is given up in time.
    long interval = refreshInterval().toMillis();
    dueAt = now.plusMillis(interval - (long) (interval * 0.1 * random.nextDouble()));
  }

  /** The document is not kept any more; it is fetched again when there is room. */
  void giveUp() {
    document = form.notYet();
    fetchedAt = null;
  }

  void failed(FetchException why, Instant now, RandomGenerator random) {
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
