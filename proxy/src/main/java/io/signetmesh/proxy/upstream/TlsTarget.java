package io.signetmesh.proxy.upstream;

/**
 * How a peer is authenticated.
 *
 * @param serverName SNI to send
 * @param identity DNS name or SPIFFE id that one of the peer's SANs must equal
 */
public record TlsTarget(String serverName, String identity) {}
