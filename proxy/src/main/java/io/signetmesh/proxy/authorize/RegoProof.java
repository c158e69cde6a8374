package io.signetmesh.proxy.authorize;

import io.signetmesh.rego.RegoAnswer;
import java.util.Locale;

/**
 * What a policy bundle answered about a request.
 *
 * @param question what was asked
 * @param answer what came of it
 */
public record RegoProof(RegoQuestion question, RegoAnswer answer) {
  /** Whether the bundle said yes. */
  public boolean passes() {
    return answer.outcome() == RegoAnswer.Outcome.ALLOW;
  }

  /**
   * Whether the bundle said neither yes nor no. Then a denial that requires its yes holds, so that
   * nobody escapes it by a request that the bundle cannot decide on.
   */
  public boolean isUndecided() {
    return switch (answer.outcome()) {
      case ALLOW, DENY -> false;
      default -> true;
    };
  }

  /** Stable lower-case code of the outcome, such as {@code out_of_time}. */
  public String code() {
    return code(answer.outcome());
  }

  /** Stable lower-case code of an outcome. */
  public static String code(RegoAnswer.Outcome outcome) {
    return outcome.name().toLowerCase(Locale.ROOT);
  }

  /** The outcome with its reason, for people. */
  public String text() {
    return answer.reason() == null ? code() : code() + ", " + answer.reason();
  }
}
