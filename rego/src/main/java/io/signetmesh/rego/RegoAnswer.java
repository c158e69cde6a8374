package io.signetmesh.rego;

import org.jspecify.annotations.Nullable;

/**
 * What a policy bundle answered.
 *
 * @param outcome what came of the question
 * @param reason the policy's own reason, or what went wrong, at most 256 printable characters;
 *     null: none was given
 */
public record RegoAnswer(Outcome outcome, @Nullable String reason) {
  /** What came of a question. */
  public enum Outcome {
    /** The rule is true, or an object whose {@code allow} is true. */
    ALLOW,
    /** The rule is false, or an object whose {@code allow} is false. */
    DENY,
    /** The rule is undefined, or no answer of a known form. */
    NO_ANSWER,
    /** The policy took more CPU time than it may. */
    OUT_OF_TIME,
    /** The policy wanted more memory than it may have. */
    OUT_OF_MEMORY,
    /** The policy ended by an error. */
    FAILED,
    /** The request is larger than the input may be. */
    INPUT_TOO_LARGE,
    /** There is no bundle, or it has ended. */
    UNAVAILABLE
  }
}
