package io.signetmesh.policy.fetch;

import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.model.ObjectRef;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * How it stands with the document that is fetched for an authentication.
 *
 * @param authentication the JWTAuthentication or RegoAuthentication
 * @param location where its document is from
 * @param state whether requests can pass, and will go on to
 * @param size usable keys of a key set, or bytes of a bundle
 * @param problems keys that are not used because they are malformed, weak or exposed
 * @param fetchedAt when the document in use was fetched; null when there is none
 * @param expiresAt when it stops being used; null when there is none
 * @param failingSince first failure after the last success; null when the last fetch succeeded
 * @param error why the last fetch failed, one sentence; empty when it succeeded
 * @param errorKind kind of that failure; null when it succeeded
 */
public record DocumentStatus(
    ObjectRef authentication,
    DocumentLocation location,
    State state,
    int size,
    List<String> problems,
    @Nullable Instant fetchedAt,
    @Nullable Instant expiresAt,
    @Nullable Instant failingSince,
    String error,
    FetchException.@Nullable Kind errorKind) {
  /** Copies the list. */
  public DocumentStatus {
    problems = List.copyOf(problems);
  }

  /** Whether requests can pass, and will go on to. */
  public enum State {
    /** The newest fetch succeeded. */
    FRESH,
    /** The last good document is used: it cannot be fetched anew. */
    STALE,
    /** There is none: no request passes. */
    UNAVAILABLE;

    /** Name in metrics and for people. */
    public String code() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
