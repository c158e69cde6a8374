package io.signetmesh.identity.attest;

import io.signetmesh.identity.pki.VerifiedPeer;
import org.jspecify.annotations.Nullable;

/** What a caller presents to get a certificate. */
public final class Evidence {
  private final byte[] token;
  private final @Nullable VerifiedPeer peer;
  private final String address;

  /**
   * Collects the evidence of a call.
   *
   * @param token bytes of the token as received; empty when there is none
   * @param peer the caller's certificates, verified in the handshake against the trust bundle of
   *     that time; null when there are none
   * @param address address of the caller, {@code host:port}
   */
  public Evidence(byte[] token, @Nullable VerifiedPeer peer, String address) {
    this.token = token.clone();
    this.peer = peer;
    this.address = address;
  }

  /** Evidence with a token and no certificate. */
  public static Evidence of(byte[] token) {
    return new Evidence(token, null, "unknown");
  }

  byte[] token() {
    return token;
  }

  @Nullable VerifiedPeer peer() {
    return peer;
  }

  String address() {
    return address;
  }

  @Override
  public String toString() {
    return "Evidence of " + address;
  }
}
