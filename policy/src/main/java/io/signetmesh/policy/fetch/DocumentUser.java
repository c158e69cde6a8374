package io.signetmesh.policy.fetch;

import io.signetmesh.policy.document.Document;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.document.DocumentNeed;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An authentication whose document is fetched, and what was published for it. Guarded by the lock
 * of {@link Documents}.
 */
final class DocumentUser {
  /** Longest time that a published end lies before the true one. */
  private static final Duration LONGEST_SLACK = Duration.ofHours(1);

  /** What a fetch may take, and its result to reach the proxies. */
  private static final Duration MARGIN = Duration.ofSeconds(15);

  /**
   * Least time between two publications of a bundle, also of the same one with another end: each
   * goes to all proxies, and another one is compiled there.
   */
  static final Duration BUNDLE_PAUSE = Duration.ofSeconds(30);

  private final ObjectRef ref;
  private final DocumentForm form;
  DocumentNeed need;
  private @Nullable Published published;

  /** When a document was published last, of the location that it is from now. */
  private @Nullable Instant toldAt;

  /** What proxies and linter are told. */
  private record Published(
      DocumentLocation location,
      Document document,
      @Nullable Instant expiresAt,
      @Nullable String failure) {}

  DocumentUser(ObjectRef ref, DocumentNeed need) {
    this.ref = ref;
    this.form = DocumentForm.of(ref.kind());
    this.need = need;
  }

  /** What is to be published now; null when that is what was published last. */
  @Nullable PolicyObject news(DocumentState state, Instant now) {
    Published wanted = wanted(state, now);
    Published last = published;
    if (wanted.equals(last)) {
      return null;
    }
    if (last != null && !last.location.equals(wanted.location)) {
      toldAt = null;
    }
    if (wanted.document.isThere()) {
      if (isTooSoon(now)) {
        return null;
      }
      toldAt = now;
    }
    published = wanted;
    return form.model(ref, wanted.location, wanted.document, wanted.expiresAt, wanted.failure);
  }

  private boolean isTooSoon(Instant now) {
    Instant last = toldAt;
    return form == DocumentForm.BUNDLE
        && last != null
        && !now.isBefore(last)
        && now.isBefore(last.plus(BUNDLE_PAUSE));
  }

  private Published wanted(DocumentState state, Instant now) {
    FetchException failure = state.shown;
    Instant fetchedAt = state.fetchedAt;
    String why = failure == null ? null : failure.text();
    if (fetchedAt == null) {
      return new Published(
          state.location,
          why == null ? state.document : form.none("cannot be fetched: " + why),
          null,
          why);
    }
    Instant end = fetchedAt.plus(need.maxAge());
    if (!now.isBefore(end)) {
      return new Published(
          state.location,
          form.none(
              "the last good "
                  + form.noun()
                  + " is of "
                  + fetchedAt
                  + ", older than maxAge of "
                  + need.maxAge().toSeconds()
                  + " s"
                  + (why == null ? "" : ", and cannot be fetched anew: " + why)),
          null,
          why);
    }
    if (why != null) {
      return new Published(
          state.location,
          state.document,
          end,
          "the last good "
              + form.noun()
              + " is of "
              + fetchedAt
              + " and is used until "
              + end
              + ": it cannot be fetched anew: "
              + why);
    }
    return new Published(state.location, state.document, end(state, fetchedAt, end), null);
  }

  /**
   * The end that was published, as long as it is near enough to the true one: proxies are not told
   * of each fetch that brings the same document. The next fetch comes before that end.
   */
  private Instant end(DocumentState state, Instant fetchedAt, Instant end) {
    Published last = published;
    Instant told = last == null ? null : last.expiresAt;
    if (last == null
        || told == null
        || told.isAfter(end)
        || !last.location.equals(state.location)
        || !last.document.isLike(state.document)) {
      return end;
    }
    Duration eighth = need.maxAge().dividedBy(8);
    Duration slack = eighth.compareTo(LONGEST_SLACK) < 0 ? eighth : LONGEST_SLACK;
    Duration margin = eighth.compareTo(MARGIN) < 0 ? eighth : MARGIN;
    boolean nextComesFirst = !told.isBefore(fetchedAt.plus(state.refreshInterval()).plus(margin));
    return nextComesFirst && Duration.between(told, end).compareTo(slack) <= 0 ? told : end;
  }

  DocumentStatus status(DocumentState state, Instant now) {
    Instant fetchedAt = state.fetchedAt;
    Instant end = fetchedAt == null ? null : fetchedAt.plus(need.maxAge());
    boolean there = end != null && now.isBefore(end);
    FetchException failure = state.failure;
    return new DocumentStatus(
        ref,
        state.location,
        !there
            ? DocumentStatus.State.UNAVAILABLE
            : failure == null ? DocumentStatus.State.FRESH : DocumentStatus.State.STALE,
        there ? state.document.size() : 0,
        there ? state.document.problems() : List.of(),
        there ? fetchedAt : null,
        there ? end : null,
        state.failingSince,
        failure == null ? "" : failure.text(),
        failure == null ? null : failure.kind());
  }
}
