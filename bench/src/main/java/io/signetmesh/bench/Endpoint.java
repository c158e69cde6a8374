package io.signetmesh.bench;

/**
 * Where a load goes.
 *
 * @param host address to dial
 * @param port port to dial
 * @param authority authority that the requests name
 */
public record Endpoint(String host, int port, String authority) {}
