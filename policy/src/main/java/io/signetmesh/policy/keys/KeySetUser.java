package io.signetmesh.policy.keys;

import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.token.KeySource;
import io.signetmesh.policy.token.KnownKeys;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A JWTAuthentication whose keys are fetched, and what was published for it. Guarded by the lock of
 * {@link KeySets}.
 */
final class KeySetUser {
  /** Longest time that a published end lies before the true one. */
  private static final Duration LONGEST_SLACK = Duration.ofHours(1);

  /** What a fetch may take, and its result to reach the proxies. */
  private static final Duration MARGIN = Duration.ofSeconds(15);

  private final ObjectRef ref;
  KeySource.Fetched need;
  JwtModel.@Nullable FetchedKeys published;

  KeySetUser(ObjectRef ref, KeySource.Fetched need) {
    this.ref = ref;
    this.need = need;
  }

  /** What is to be published now. */
  JwtModel.FetchedKeys wanted(KeySetState state, Instant now) {
    KeyFetchException failure = state.shown;
    Instant fetchedAt = state.fetchedAt;
    if (fetchedAt == null) {
      return keys(
          state,
          failure == null ? state.keys : KnownKeys.none("cannot be fetched: " + failure.text()),
          null,
          failure == null ? null : failure.text());
    }
    Instant end = fetchedAt.plus(need.maxAge());
    if (!now.isBefore(end)) {
      return keys(
          state,
          KnownKeys.none(
              "the last good set is of "
                  + fetchedAt
                  + ", older than maxAge of "
                  + need.maxAge().toSeconds()
                  + " s"
                  + (failure == null ? "" : ", and cannot be fetched anew: " + failure.text())),
          null,
          failure == null ? null : failure.text());
    }
    if (failure != null) {
      return keys(
          state,
          state.keys,
          end,
          "the last good key set is of "
              + fetchedAt
              + " and is used until "
              + end
              + ": it cannot be fetched anew: "
              + failure.text());
    }
    return keys(state, state.keys, end(state, fetchedAt, end), null);
  }

  private JwtModel.FetchedKeys keys(
      KeySetState state, KnownKeys keys, @Nullable Instant end, @Nullable String failure) {
    return new JwtModel.FetchedKeys(JwtModel.keySetOf(ref), state.location, keys, end, failure);
  }

  /**
   * The end that was published, as long as it is near enough to the true one: proxies are not told
   * of each fetch that brings the same keys. The next fetch comes before that end.
   */
  private Instant end(KeySetState state, Instant fetchedAt, Instant end) {
    JwtModel.FetchedKeys last = published;
    Instant told = last == null ? null : last.expiresAt();
    if (last == null
        || told == null
        || told.isAfter(end)
        || !last.location().equals(state.location)
        || !last.keys().jwks().equals(state.keys.jwks())) {
      return end;
    }
    Duration eighth = need.maxAge().dividedBy(8);
    Duration slack = eighth.compareTo(LONGEST_SLACK) < 0 ? eighth : LONGEST_SLACK;
    Duration margin = eighth.compareTo(MARGIN) < 0 ? eighth : MARGIN;
    boolean nextComesFirst = !told.isBefore(fetchedAt.plus(state.refreshInterval()).plus(margin));
    return nextComesFirst && Duration.between(told, end).compareTo(slack) <= 0 ? told : end;
  }

  KeySetStatus status(KeySetState state, Instant now) {
    Instant fetchedAt = state.fetchedAt;
    Instant end = fetchedAt == null ? null : fetchedAt.plus(need.maxAge());
    boolean there = end != null && now.isBefore(end);
    KeyFetchException failure = state.failure;
    return new KeySetStatus(
        ref,
        state.location,
        !there
            ? KeySetStatus.State.UNAVAILABLE
            : failure == null ? KeySetStatus.State.FRESH : KeySetStatus.State.STALE,
        there ? state.keys.size() : 0,
        there ? state.keys.problems() : List.of(),
        there ? fetchedAt : null,
        there ? end : null,
        state.failingSince,
        failure == null ? "" : failure.text(),
        failure == null ? null : failure.kind());
  }
}
