package io.signetmesh.proxy.inbound;

import io.signetmesh.proxy.authorize.ServerPolicy;

/**
 * What an inbound connection is at. States do not know each other: each tells {@link
 * ConnectionLife} what it found, and that alone goes from one to the next, by the policy in force.
 *
 * <pre>
 * accepted → awaiting policy → sniffing → handshake → detecting → dialling → relaying → closed
 *                                 │           │           └→ serving HTTP ──────────────┘
 *                                 │           └→ reading the transport header → awaiting policy
 *                                 └→ detecting
 * </pre>
 *
 * Confined to the connection's loop.
 */
sealed interface ConnectionState
    permits AwaitingPolicy,
        Sniffing,
        Handshake,
        ReadingHeader,
        Detecting,
        Dialling,
        ServingHttp,
        Relaying,
        ConnectionState.Accepted,
        ConnectionState.Closed {

  /** Begins. Called once. */
  default void enter() {}

  /** Stops waiting and gives back what is not handed on. Nothing is told afterwards. */
  default void leave() {}

  /** Another policy is in force on the connection's port. */
  default void policyChanged(ServerPolicy now) {}

  /** Nothing is known yet. */
  record Accepted() implements ConnectionState {}

  /** Nothing happens any more. */
  record Closed() implements ConnectionState {}
}
