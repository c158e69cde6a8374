package io.signetmesh.proxy.inbound;

import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.metrics.InboundHttpMetrics;
import io.signetmesh.proxy.policy.PortPolicy;
import java.net.InetSocketAddress;

/**
 * An inbound connection once its TLS is done: what the protocol handlers need to know of it.
 *
 * @param client what decisions may look at
 * @param target address of the local application
 * @param policy live policy of the target port
 * @param audited what each audit record of the connection repeats
 * @param peerIsProxy whether a mesh proxy with an identity is on the other side: it may use {@code
 *     l5d-orig-proto}, and it gets the informational headers of synthesized responses
 * @param metrics counts the requests of the connection
 */
public record InboundConnection(
    Client client,
    InetSocketAddress target,
    PortPolicy policy,
    AuditedConnection audited,
    boolean peerIsProxy,
    InboundHttpMetrics metrics) {}
