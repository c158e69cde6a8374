package io.signetmesh.discovery.caller;

import io.signetmesh.identity.pki.PeerIdentity;

/** The proxy at the other end of a call. */
public sealed interface Caller {
  /** Came over cleartext on the loopback interface, which the operator asked for: believed. */
  record Trusted() implements Caller {}

  /**
   * Showed a verified certificate.
   *
   * @param identity its names
   */
  record Authenticated(PeerIdentity identity) implements Caller {}
}
