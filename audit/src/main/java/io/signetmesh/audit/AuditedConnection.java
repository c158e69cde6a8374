package io.signetmesh.audit;

import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * What all records of one connection share. It is created once per connection.
 *
 * @param workload workload whose proxy decides, {@code namespace/name}
 * @param client source address of the connection
 * @param target address of the application that the client connected to
 * @param clientIdentity verified identity of the client; null without one
 * @param tlsVersion TLS version, such as {@code TLSv1.3}; null when the proxy terminates no TLS
 * @param tlsGroup negotiated key exchange group, such as {@code X25519MLKEM768}; null without TLS
 */
public record AuditedConnection(
    String workload,
    InetSocketAddress client,
    InetSocketAddress target,
    @Nullable String clientIdentity,
    @Nullable String tlsVersion,
    @Nullable String tlsGroup) {}
