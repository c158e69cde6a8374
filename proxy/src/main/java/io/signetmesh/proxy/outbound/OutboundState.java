package io.signetmesh.proxy.outbound;

/**
 * What a connection of the application is at. States do not know each other: each tells {@link
 * OutboundLife} what it found, and that alone goes from one to the next, by the destination in
 * force.
 *
 * <pre>
 * accepted → resolving → awaiting endpoint → resolving → dialling → resolving → relaying → closed
 *                │ ↑                                                                         ↑
 *                │ └ sniffing ←┐                                                             │
 *                ├─────────────┘                                                             │
 *                └→ serving HTTP ────────────────────────────────────────────────────────────┘
 * </pre>
 *
 * Confined to the connection's loop.
 */
sealed interface OutboundState
    permits Resolving,
        Sniffing,
        AwaitingEndpoint,
        Dialling,
        ServingHttp,
        Relaying,
        OutboundState.Accepted,
        OutboundState.Closed {

  /** Begins. Called once. */
  default void enter() {}

  /** Stops waiting and gives back what is not handed on. Nothing is told afterwards. */
  default void leave() {}

  /** Nothing is known yet. */
  record Accepted() implements OutboundState {}

  /** Nothing happens any more. */
  record Closed() implements OutboundState {}
}
