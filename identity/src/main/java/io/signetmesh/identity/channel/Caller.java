package io.signetmesh.identity.channel;

import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.security.cert.X509Certificate;
import org.jspecify.annotations.Nullable;

/** The caller of a control-plane server. {@link #current} returns it while a call is served. */
public sealed interface Caller {
  /** The caller of the call in the current {@link Context}. */
  Context.Key<Caller> KEY = Context.keyWithDefault("signet-caller", new Unidentified());

  /**
   * The verified certificates of the caller in the current {@link Context}; null for a caller
   * without a certificate.
   */
  Context.Key<VerifiedPeer> PEER = Context.key("signet-caller-peer");

  /** Address of the caller in the current {@link Context}, {@code host:port}. */
  Context.Key<String> ADDRESS = Context.keyWithDefault("signet-caller-address", "unknown");

  /** The caller has a certificate that verifies against the trust bundle. */
  record Identified(PeerIdentity identity) implements Caller {
    @Override
    public String toString() {
      return identity.name();
    }
  }

  /**
   * The caller is a local process on a cleartext connection to a server configured for cleartext.
   * Every identity that it claims is trusted.
   */
  record TrustedLocal() implements Caller {
    @Override
    public String toString() {
      return "local process (cleartext)";
    }
  }

  /** TLS without a client certificate: only methods that need no certificate are served. */
  record Unidentified() implements Caller {
    @Override
    public String toString() {
      return "client without certificate";
    }
  }

  /** The caller of the current call. */
  static Caller current() {
    return KEY.get();
  }

  /** The verified certificates of the current caller; null for a caller without a certificate. */
  static @Nullable VerifiedPeer currentPeer() {
    return PEER.get();
  }

  /** Remote address of the current call, {@code host:port}, for audit records. */
  static String currentAddress() {
    return ADDRESS.get();
  }

  /**
   * The leaf that the current caller showed in the handshake, which may be long ago; null when it
   * showed none.
   */
  static @Nullable X509Certificate currentLeaf() {
    VerifiedPeer peer = PEER.get();
    return peer == null ? null : peer.path().getFirst();
  }

  /**
   * Whether the caller has this identity (DNS name or SPIFFE id) in the own trust domain, or is a
   * trusted local process.
   */
  default boolean is(String identity) {
    return switch (this) {
      case Identified(PeerIdentity shown) -> !shown.federated() && shown.matches(identity);
      case TrustedLocal() -> true;
      case Unidentified() -> false;
    };
  }

  /**
   * Refuses a caller with another identity.
   *
   * @param expected DNS name or SPIFFE id
   * @throws StatusRuntimeException PERMISSION_DENIED; the message names both identities
   */
  default void require(String expected) {
    if (!is(expected)) {
      throw Status.PERMISSION_DENIED
          .withDescription(
              "caller is " + this + ": expected " + WorkloadIdentity.printable(expected))
          .asRuntimeException();
    }
  }
}
