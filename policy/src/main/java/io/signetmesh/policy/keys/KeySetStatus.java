package io.signetmesh.policy.keys;

import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.token.KeyLocation;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * How it stands with the keys that are fetched for a JWTAuthentication.
 *
 * @param authentication the JWTAuthentication
 * @param location where its keys are from
 * @param state whether tokens pass, and will go on to
 * @param keys number of usable keys
 * @param badKeys keys that are not used because they are malformed, weak or exposed
 * @param fetchedAt when the keys in use were fetched; null when there are none
 * @param expiresAt when they stop being used; null when there are none
 * @param failingSince first failure after the last success; null when the last fetch succeeded
 * @param error why the last fetch failed, one sentence; empty when it succeeded
 * @param errorKind kind of that failure; null when it succeeded
 */
public record KeySetStatus(
    ObjectRef authentication,
    KeyLocation location,
    State state,
    int keys,
    List<String> badKeys,
    @Nullable Instant fetchedAt,
    @Nullable Instant expiresAt,
    @Nullable Instant failingSince,
    String error,
    KeyFetchException.@Nullable Kind errorKind) {
  /** Copies the list. */
  public KeySetStatus {
    badKeys = List.copyOf(badKeys);
  }

  /** Whether tokens pass, and will go on to. */
  public enum State {
    /** The newest fetch succeeded. */
    FRESH,
    /** The last good set is used: it cannot be fetched anew. */
    STALE,
    /** There are no keys: no token passes. */
    UNAVAILABLE;

    /** Name in metrics and for people. */
    public String code() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
