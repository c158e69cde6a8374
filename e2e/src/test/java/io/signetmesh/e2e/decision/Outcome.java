package io.signetmesh.e2e.decision;

import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.simulate.Answer;
import io.signetmesh.proxy.authorize.Decision;
import org.jspecify.annotations.Nullable;

/**
 * What came of a call, as the client and the audit record tell it or as the simulation does.
 *
 * @param verdict {@code allow} or {@code deny}
 * @param status HTTP status; 0 without one
 * @param grpcStatus gRPC status that the proxy answered with; -1 without one
 * @param authorization what decided, or came nearest; {@code none} for none
 * @param reason reason code
 * @param mode {@code enforce} or {@code audit}
 * @param trial {@code allow}, {@code deny}, or {@code none} where nothing is tried
 */
record Outcome(
    String verdict,
    int status,
    int grpcStatus,
    String authorization,
    String reason,
    String mode,
    String trial) {
  private static final String NONE = "none";

  /** What a proxy did: its answer and its record. */
  static Outcome of(CaseClient.Reply reply, DecisionRecord record) {
    DecisionRecord.Trial trial = record.trial();
    return new Outcome(
        verdict(record.allowed()),
        reply.status(),
        reply.grpcStatus(),
        orNone(record.authorization()),
        record.reason(),
        record.mode(),
        trial == null ? NONE : verdict(trial.allowed()));
  }

  /** What a simulated proxy would do. */
  static Outcome of(Answer answer) {
    Decision decision = answer.decision();
    Decision trial = answer.trial();
    return new Outcome(
        answer.verdict(),
        answer.status(),
        answer.grpcStatus(),
        orNone(decision.authorizationLabel()),
        decision.reason().code(),
        decision.mode().code(),
        trial == null ? NONE : verdict(trial.allowed()));
  }

  private static String verdict(boolean allowed) {
    return allowed ? "allow" : "deny";
  }

  private static String orNone(@Nullable String text) {
    return text == null ? NONE : text;
  }
}
