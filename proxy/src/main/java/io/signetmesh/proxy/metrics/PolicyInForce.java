package io.signetmesh.proxy.metrics;

import org.jspecify.annotations.Nullable;

/**
 * The policy of a port at this moment.
 *
 * @param port port of the application
 * @param server label of the Server in force; null: no policy has arrived
 * @param generation generation in force; 0 when unknown
 */
public record PolicyInForce(int port, @Nullable String server, long generation) {}
