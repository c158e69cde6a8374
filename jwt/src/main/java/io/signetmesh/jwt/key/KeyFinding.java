package io.signetmesh.jwt.key;

import org.jspecify.annotations.Nullable;

/**
 * A key of a set that is not used.
 *
 * @param index its place in {@code keys}, from 0
 * @param keyId its {@code kid}, cut to 64 characters, unsafe characters replaced; null without one
 * @param kind whether somebody has to do something
 * @param reason one sentence for people
 */
public record KeyFinding(int index, @Nullable String keyId, Kind kind, String reason) {
  /** Whether somebody has to do something. */
  public enum Kind {
    /** A good key for another purpose, or of a kind that this version does not know. */
    IGNORED,
    /** A key that is malformed, weak or exposed. */
    BAD
  }

  /** For example {@code key 2 ("2026-a"): RSA modulus of 1024 bits: expected 2048 to 8192}. */
  @Override
  public String toString() {
    return "key " + index + (keyId == null ? "" : " (\"" + keyId + "\")") + ": " + reason;
  }
}
