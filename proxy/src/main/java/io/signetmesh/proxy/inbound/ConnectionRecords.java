package io.signetmesh.proxy.inbound;

import io.netty.channel.Channel;
import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.DecisionMode;
import io.signetmesh.audit.TrialVerdict;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.metrics.ProxyError;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Records about connections as a whole, and counts of those that are refused. The generation is
 * that of the policy decided by.
 */
final class ConnectionRecords {
  private static final String NO_SERVER = "none";

  private final Channel channel;
  private final InboundAccept.Services services;

  ConnectionRecords(Channel channel, InboundAccept.Services services) {
    this.channel = channel;
    this.services = services;
  }

  /** What each record of the connection repeats. */
  AuditedConnection connection(InetSocketAddress target, InboundTransport transport) {
    boolean tls = transport.isMeshTls();
    return new AuditedConnection(
        services.workload(),
        (InetSocketAddress) channel.remoteAddress(),
        target,
        transport.identity(),
        tls ? "TLSv1.3" : null,
        tls ? transport.group() : null);
  }

  /** The client as decisions see it. */
  Client client(InboundTransport transport) {
    return transport.client(((InetSocketAddress) channel.remoteAddress()).getAddress());
  }

  /**
   * A decision, and what it would be with all that is tried.
   *
   * @return false when the connection is allowed and cannot be recorded: it is to be refused
   */
  boolean decided(
      AuditedConnection connection,
      ServerPolicy policy,
      Client client,
      Decision decision,
      String label) {
    Decision trial = policy.trialConnection(client);
    DecisionEvent event =
        event(
            connection,
            policy.server().label(),
            label,
            decision.allowed() ? Verdict.ALLOW : Verdict.DENY,
            decision.reason(),
            decision.authorizationLabel(),
            decision.failedAttribute(),
            decision.detail(),
            policy.generation(),
            AuditedDecisions.mode(decision),
            trial == null ? null : AuditedDecisions.trial(trial));
    if (!decision.allowed()) {
      services.audit().record(event);
    } else if (!services.audit().admit(event)) {
      services.metrics().inboundTcpFailed(connection.target(), ProxyError.UNRECORDED);
      of(connection, policy, label, Verdict.DENY, Reason.AUDIT_UNAVAILABLE);
      return false;
    }
    if (trial != null) {
      services.metrics().inboundTcpTried(connection.target(), policy, decision.allowed(), trial);
    }
    return true;
  }

  /** What follows from the protocol of a port and not from who asks. */
  void of(
      AuditedConnection connection,
      ServerPolicy policy,
      String label,
      Verdict verdict,
      Reason reason) {
    record(
        connection,
        policy.server().label(),
        label,
        verdict,
        reason,
        null,
        null,
        null,
        policy.generation(),
        DecisionMode.ENFORCE,
        null);
  }

  /** A policy refuses what the connection speaks. */
  void refused(
      InetSocketAddress target, InboundTransport transport, ServerPolicy policy, Reason reason) {
    services.metrics().inboundTcpFailed(target, ProxyError.UNEXPECTED);
    of(connection(target, transport), policy, transport.label(), Verdict.DENY, reason);
  }

  /** A connection is refused whose policy was not asked. */
  void refusedUnasked(
      InetSocketAddress target, InboundTransport transport, Reason reason, String label) {
    if (reason == Reason.FOREIGN_ADDRESS) {
      services.metrics().inboundTcpForeign();
    } else {
      services.metrics().inboundTcpFailed(target, ProxyError.UNEXPECTED);
    }
    denied(connection(target, transport), reason, label, null, null);
  }

  /** Nothing became of a connection, before its policy was asked. */
  void denied(
      AuditedConnection connection,
      Reason reason,
      String label,
      @Nullable String failedAttribute,
      @Nullable String detail) {
    record(
        connection,
        NO_SERVER,
        label,
        Verdict.DENY,
        reason,
        null,
        failedAttribute,
        detail,
        0,
        DecisionMode.ENFORCE,
        null);
  }

  /**
   * The trust in the client has ended.
   *
   * @param policy in force on the port; null: none, or the port is not known
   */
  void trustEnded(
      AuditedConnection connection,
      @Nullable ServerPolicy policy,
      String label,
      Reason reason,
      String why) {
    services.metrics().peerLost("inbound", reason);
    record(
        connection,
        policy == null ? NO_SERVER : policy.server().label(),
        label,
        Verdict.DENY,
        reason,
        null,
        null,
        why,
        policy == null ? 0 : policy.generation(),
        DecisionMode.ENFORCE,
        null);
  }

  private void record(
      AuditedConnection connection,
      String server,
      String label,
      Verdict verdict,
      Reason reason,
      @Nullable String authorization,
      @Nullable String failedAttribute,
      @Nullable String detail,
      long generation,
      DecisionMode mode,
      @Nullable TrialVerdict trial) {
    services
        .audit()
        .record(
            event(
                connection,
                server,
                label,
                verdict,
                reason,
                authorization,
                failedAttribute,
                detail,
                generation,
                mode,
                trial));
  }

  private DecisionEvent event(
      AuditedConnection connection,
      String server,
      String label,
      Verdict verdict,
      Reason reason,
      @Nullable String authorization,
      @Nullable String failedAttribute,
      @Nullable String detail,
      long generation,
      DecisionMode mode,
      @Nullable TrialVerdict trial) {
    return new DecisionEvent(
        services.clock().millis(),
        connection,
        server,
        label,
        null,
        null,
        verdict,
        reason.code(),
        authorization,
        failedAttribute,
        detail,
        generation,
        mode,
        trial);
  }
}
