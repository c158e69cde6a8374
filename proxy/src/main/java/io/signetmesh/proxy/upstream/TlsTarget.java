package io.signetmesh.proxy.upstream;

/**
 * How the TLS server of a peer is authenticated.
 *
 * @param serverName server name (SNI) to send
 * @param identity DNS name or SPIFFE id; one of the SANs of the peer's certificate must equal it
 */
public record TlsTarget(String serverName, String identity) {}
