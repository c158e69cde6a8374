package io.signetmesh.identity.channel;

import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.WorkloadIdentity;

/**
 * Who makes a call to a control-plane server. Found by {@link #current} while the call is served.
 */
public sealed interface Caller {
  /** The caller of the call that the current {@link Context} belongs to. */
  Context.Key<Caller> KEY = Context.keyWithDefault("signet-caller", new Unidentified());

  /** Address of the caller of the call that the current {@link Context} belongs to. */
  Context.Key<String> ADDRESS = Context.keyWithDefault("signet-caller-address", "unknown");

  /** The caller showed a certificate that the trust bundle vouches for. */
  record Identified(PeerIdentity identity) implements Caller {
    @Override
    public String toString() {
      return identity.name();
    }
  }

  /**
   * The connection is in the clear, from this host, to a server that was asked to serve in the
   * clear: every local process is trusted to be whom it says it is.
   */
  record TrustedLocal() implements Caller {
    @Override
    public String toString() {
      return "local process (cleartext)";
    }
  }

  /** TLS without a client certificate: only methods that are open to all are served. */
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

  /** Remote address of the current call, {@code host:port}, for records. */
  static String currentAddress() {
    return ADDRESS.get();
  }

  /** Whether the caller is the identity (DNS name or SPIFFE id), or is trusted to be. */
  default boolean is(String identity) {
    return switch (this) {
      case Identified identified -> identified.identity().matches(identity);
      case TrustedLocal() -> true;
      case Unidentified() -> false;
    };
  }

  /**
   * Refuses a caller that is not the identity expected.
   *
   * @param expected DNS name or SPIFFE id
   * @throws StatusRuntimeException PERMISSION_DENIED, naming both
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
