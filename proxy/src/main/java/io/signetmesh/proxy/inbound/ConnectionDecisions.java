package io.signetmesh.proxy.inbound;

import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Decisions on a connection as a whole, for connections whose bytes are forwarded. Each decision is
 * recorded and counted here.
 */
final class ConnectionDecisions {
  private final ConnectionRecords records;
  private final ProxyMetrics metrics;

  /** A decision that allowed a connection, under one policy. */
  record Allowed(ServerPolicy policy, Treatment treatment, Decision decision) {
    /** Whether another policy has the same done with the connection. */
    boolean isTreatedAs(Treatment other) {
      return treatment.equals(other);
    }
  }

  ConnectionDecisions(ConnectionRecords records, ProxyMetrics metrics) {
    this.records = records;
    this.metrics = metrics;
  }

  /**
   * Decides on a connection.
   *
   * @param treatment what the policy does with the connection
   * @return null when it is denied, or cannot be recorded
   */
  @Nullable Allowed decide(
      InetSocketAddress target,
      InboundTransport transport,
      ServerPolicy policy,
      Treatment treatment) {
    Client client = records.client(transport);
    Decision decision = policy.decideConnection(client);
    if (!records.decided(
        records.connection(target, transport), policy, client, decision, transport.label())) {
      return null;
    }
    if (!decision.allowed()) {
      metrics.inboundTcpDenied(target, transport.status(), policy);
      return null;
    }
    metrics.inboundTcpAllowed(target, transport.status(), policy, decision);
    return new Allowed(policy, treatment, decision);
  }

  /**
   * Looks at an allowed connection again, under another policy. Only the end of a connection is
   * recorded.
   *
   * @param treatment what the other policy does with the connection
   * @return false when the connection must end
   */
  boolean stillAllows(
      InetSocketAddress target,
      InboundTransport transport,
      Allowed allowed,
      ServerPolicy now,
      Treatment treatment) {
    Client client = records.client(transport);
    Decision decision = now.decideConnection(client);
    boolean looked = allowed.treatment() instanceof Treatment.Detect;
    if (decision.allowed() && treatment.letsRelayGoOn(looked)) {
      return true;
    }
    AuditedConnection audited = records.connection(target, transport);
    if (decision.allowed()) {
      // Each request on the port is decided on from now on, and in bytes there are none.
      records.of(audited, now, transport.label(), Verdict.DENY, Reason.PROTOCOL_ERROR);
    } else {
      records.decided(audited, now, client, decision, transport.label());
    }
    metrics.inboundTcpTerminated(target, transport.status(), now, allowed.decision());
    return false;
  }
}
