package io.signetmesh.audit;

import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * What all records of one connection have in common; made once per connection.
 *
 * @param workload workload that decides, {@code namespace/name}
 * @param client source address of the connection
 * @param target address of the application that the client wants
 * @param clientIdentity verified identity, or null when the client showed none
 * @param tlsVersion {@code TLSv1.3}, or null when the proxy terminated no TLS
 * @param tlsGroup negotiated key exchange group, e.g. {@code X25519MLKEM768}; null without TLS
 */
public record AuditedConnection(
    String workload,
    InetSocketAddress client,
    InetSocketAddress target,
    @Nullable String clientIdentity,
    @Nullable String tlsVersion,
    @Nullable String tlsGroup) {}
