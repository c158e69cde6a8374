package io.signetmesh.proxy.inbound;

import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.metrics.InboundHttpMetrics;
import io.signetmesh.proxy.policy.PortPolicy;
import java.net.InetSocketAddress;

/**
 * An inbound connection after TLS, as the protocol handlers need it.
 *
 * @param client the client as decisions see it
 * @param target address of the local application
 * @param policy live policy of the target port
 * @param audited the fields that all audit records of the connection share
 * @param peerIsProxy whether the peer is a mesh proxy with an identity. Such a peer may use {@code
 *     l5d-orig-proto} and gets the informational headers of responses that this proxy makes
 * @param metrics counts the requests of the connection
 */
public record InboundConnection(
    Client client,
    InetSocketAddress target,
    PortPolicy policy,
    AuditedConnection audited,
    boolean peerIsProxy,
    InboundHttpMetrics metrics) {}
