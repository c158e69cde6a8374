package io.signetmesh.proxy.http;

import io.signetmesh.audit.AuditLog;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.DecisionMode;
import io.signetmesh.audit.TrialVerdict;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.inbound.AuditedDecisions;
import io.signetmesh.proxy.inbound.InboundConnection;
import java.time.InstantSource;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Audit records about the requests of one connection. */
final class RequestRecords {
  private final AuditLog audit;
  private final InstantSource clock;
  private final InboundConnection inbound;
  private final HttpVersion version;
  private @Nullable Decision lastTrial;
  private @Nullable TrialVerdict lastTrialVerdict;

  /**
   * What became of a request.
   *
   * @param route that it took; null: none was looked for, or there is none
   * @param decision what stands behind the verdict; null: no policy was asked
   * @param detail what is wrong, in words for people
   * @param trial the decision with all that is in audit mode in force; null: it is the same policy
   * @param proofs what the request proves
   */
  record Outcome(
      Verdict verdict,
      Reason reason,
      @Nullable Decision decision,
      @Nullable String detail,
      @Nullable Route route,
      @Nullable Decision trial,
      RequestProofs proofs) {
    /** A decision. */
    static Outcome of(
        Decision decision, @Nullable Route route, @Nullable Decision trial, RequestProofs proofs) {
      Verdict verdict = decision.allowed() ? Verdict.ALLOW : Verdict.DENY;
      return new Outcome(
          verdict, decision.reason(), decision, decision.detail(), route, trial, proofs);
    }

    /** A refusal of which no policy was asked, or in spite of it. */
    static Outcome refused(Reason reason, @Nullable String detail, RequestProofs proofs) {
      return new Outcome(Verdict.DENY, reason, null, detail, null, null, proofs);
    }

    Outcome with(Decision tried) {
      return new Outcome(verdict, reason, decision, detail, route, tried, proofs);
    }
  }

  RequestRecords(
      AuditLog audit, InstantSource clock, InboundConnection inbound, HttpVersion version) {
    this.audit = audit;
    this.clock = clock;
    this.inbound = inbound;
    this.version = version;
  }

  /**
   * Records what became of a request.
   *
   * @param policy in force; null: there is none
   * @param protocol {@code http/1}, {@code http/2} or {@code grpc}
   * @param path as {@link RecordedTarget} shows it
   */
  void request(
      @Nullable ServerPolicy policy,
      String protocol,
      @Nullable CharSequence method,
      String path,
      Outcome outcome) {
    tried(policy, outcome);
    audit.record(event(clock.millis(), policy, protocol, method, path, outcome));
  }

  /**
   * Records that a request is allowed.
   *
   * @return false when it cannot be recorded and has to be refused for that
   */
  boolean admit(
      ServerPolicy policy,
      String protocol,
      @Nullable CharSequence method,
      String path,
      Outcome outcome) {
    boolean admitted = audit.admit(event(clock.millis(), policy, protocol, method, path, outcome));
    if (admitted) {
      tried(policy, outcome);
    }
    return admitted;
  }

  /**
   * Records what became of a request as of now, once the verdict of its dry run is there.
   *
   * @return takes the verdict; null when the request is allowed and has to be refused, because it
   *     cannot be recorded
   */
  @Nullable Consumer<Decision> later(
      ServerPolicy policy,
      String protocol,
      @Nullable CharSequence method,
      String path,
      Outcome outcome) {
    boolean allowed = outcome.verdict() == Verdict.ALLOW;
    if (allowed && !audit.reserve()) {
      return null;
    }
    long now = clock.millis();
    String named = method == null ? null : method.toString();
    return trial -> {
      Outcome whole = outcome.with(trial);
      DecisionEvent event = event(now, policy, protocol, named, path, whole);
      if (allowed) {
        audit.recordReserved(event);
      } else {
        audit.record(event);
      }
      tried(policy, whole);
    };
  }

  /** Counts the verdict of a dry run. */
  private void tried(@Nullable ServerPolicy policy, Outcome outcome) {
    Decision trial = outcome.trial();
    if (policy != null && trial != null) {
      inbound.metrics().tried(policy, outcome.verdict() == Verdict.ALLOW, trial);
    }
  }

  private DecisionEvent event(
      long epochMillis,
      @Nullable ServerPolicy policy,
      String protocol,
      @Nullable CharSequence method,
      String path,
      Outcome outcome) {
    Decision decision = outcome.decision();
    Decision trial = outcome.trial();
    Route route = outcome.route();
    return new DecisionEvent(
        epochMillis,
        inbound.audited(),
        policy == null ? "none" : policy.server().label(),
        route == null ? null : route.ref().label(),
        protocol,
        method == null ? null : method.toString(),
        path,
        outcome.verdict(),
        outcome.reason().code(),
        decision == null ? null : decision.authorizationLabel(),
        decision == null ? null : decision.failedAttribute(),
        outcome.detail(),
        policy == null ? 0 : policy.generation(),
        AuditedDecisions.mode(decision),
        trial == null ? null : trial(trial),
        AuditedProofs.token(outcome.proofs().tokens()),
        AuditedProofs.answers(outcome.proofs()),
        1,
        false);
  }

  /** Records a request that is malformed. */
  void malformed(
      @Nullable ServerPolicy policy,
      @Nullable CharSequence method,
      @Nullable CharSequence target,
      String why) {
    audit.record(
        new DecisionEvent(
            clock.millis(),
            inbound.audited(),
            policy == null ? "none" : policy.server().label(),
            version == HttpVersion.HTTP2 ? "http/2" : "http/1",
            method == null ? null : method.toString(),
            target == null ? null : RecordedTarget.of(target),
            Verdict.DENY,
            Reason.PROTOCOL_ERROR.code(),
            null,
            null,
            why,
            policy == null ? 0 : policy.generation(),
            DecisionMode.ENFORCE,
            null));
  }

  /** Decisions are made when a policy is compiled, so that few become many records. */
  @SuppressWarnings("ReferenceEquality")
  private TrialVerdict trial(Decision decision) {
    TrialVerdict verdict = lastTrialVerdict;
    if (verdict == null || lastTrial != decision) {
      verdict = AuditedDecisions.trial(decision);
      lastTrial = decision;
      lastTrialVerdict = verdict;
    }
    return verdict;
  }
}
