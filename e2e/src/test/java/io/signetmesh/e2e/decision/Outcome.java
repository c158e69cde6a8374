package io.signetmesh.e2e.decision;

import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.simulate.Answer;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ResourceRef;
import org.jspecify.annotations.Nullable;

/**
 * What came of a call, as the client and the audit record tell it or as the simulation does.
 *
 * @param verdict {@code allow} or {@code deny}
 * @param status HTTP status; 0 without one
 * @param grpcStatus gRPC status that the proxy answered with; -1 without one
 * @param authorization what decided, or came nearest; {@code none} for none
 * @param failedAttribute what failed in what came nearest, or the limit that is exhausted; {@code
 *     none} for none
 * @param reason reason code
 * @param route route taken; {@code none} for none, {@code unstated} where a proxy does not say
 * @param location where a redirect leads; {@code none} for what is no redirect
 * @param mode {@code enforce} or {@code audit}
 * @param trial {@code allow}, {@code deny}, or {@code none} where nothing in mode audit affects the
 *     port
 */
record Outcome(
    String verdict,
    int status,
    int grpcStatus,
    String authorization,
    String failedAttribute,
    String reason,
    String route,
    String location,
    String mode,
    String trial) {
  private static final String NONE = "none";
  private static final String UNSTATED = "unstated";

  /**
   * What a proxy did.
   *
   * @param reply its answer
   * @param record its record
   * @param route route under which it counted the request; null for none
   */
  static Outcome of(CaseClient.Reply reply, DecisionRecord record, @Nullable ResourceRef route) {
    DecisionRecord.DryRun trial = record.trial();
    return new Outcome(
        verdict(record.allowed()),
        reply.status(),
        reply.grpcStatus(),
        orNone(record.authorization()),
        orNone(record.failedAttribute()),
        record.reason(),
        route(record.reason(), route),
        orNone(reply.location()),
        record.mode(),
        trial == null ? NONE : verdict(trial.allowed()));
  }

  /** What a simulated proxy would do. */
  static Outcome of(Answer answer) {
    Decision decision = answer.decision();
    Decision trial = answer.dryRun();
    return new Outcome(
        answer.verdict(),
        answer.status(),
        answer.grpcStatus(),
        orNone(decision.authorizationLabel()),
        orNone(decision.failedAttribute()),
        decision.reason().code(),
        route(decision.reason().code(), answer.route()),
        orNone(answer.location()),
        decision.mode().code(),
        trial == null ? NONE : verdict(trial.allowed()));
  }

  /** Requests over a rate limit are counted by limit, not by route. */
  private static String route(String reason, @Nullable ResourceRef route) {
    return reason.equals(Reason.RATE_LIMITED.code())
        ? UNSTATED
        : route == null ? NONE : route.label();
  }

  private static String verdict(boolean allowed) {
    return allowed ? "allow" : "deny";
  }

  private static String orNone(@Nullable String text) {
    return text == null ? NONE : text;
  }
}
