package io.signetmesh.proxy.inbound;

import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.detect.HttpVersion;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a policy has done with a connection: a function of the policy and of {@link
 * InboundTransport}.
 */
sealed interface Treatment {

  /** One decision for the connection, then its bytes are forwarded. */
  record Relay() implements Treatment {}

  /** A decision for each request. */
  record Http(HttpVersion version) implements Treatment {}

  /**
   * The first bytes tell.
   *
   * @param timeout longest wait for them
   * @param otherwise what is spoken when they show no HTTP or do not come; null: bytes
   */
  record Detect(Duration timeout, @Nullable HttpVersion otherwise) implements Treatment {}

  /** The bytes cannot be what the port's protocol demands. */
  record Refuse(Reason reason) implements Treatment {}

  Treatment RELAY = new Relay();
  Treatment HTTP1 = new Http(HttpVersion.HTTP1);
  Treatment HTTP2 = new Http(HttpVersion.HTTP2);

  /**
   * The treatment of a connection.
   *
   * @param detectTimeout longest wait for first bytes where the policy says none
   */
  static Treatment of(ServerPolicy policy, InboundTransport transport, Duration detectTimeout) {
    return switch (transport.kind()) {
      case PLAINTEXT ->
          policy.protocol() == ServerPolicy.Protocol.HTTP1
              ? HTTP1
              : ofTerminated(policy, detectTimeout);
      case MESH_TLS -> ofTerminated(policy, detectTimeout);
      case FOREIGN_TLS -> readsHttpOnly(policy) ? new Refuse(Reason.PROTOCOL_ERROR) : RELAY;
      // A peer that has looked and found no HTTP is believed only where bytes may be forwarded.
      case DIRECT ->
          policy.protocol() == ServerPolicy.Protocol.DETECT
              ? RELAY
              : ofTerminated(policy, detectTimeout);
      case DIRECT_HTTP1 -> HTTP1;
      case DIRECT_HTTP2 -> HTTP2;
    };
  }

  private static Treatment ofTerminated(ServerPolicy policy, Duration detectTimeout) {
    return switch (policy.protocol()) {
      case OPAQUE, TLS -> RELAY;
      case HTTP2, GRPC -> HTTP2;
      // A peer proxy may send HTTP/2 with l5d-orig-proto. Whatever else comes is HTTP/1, or an
      // error: never bytes for the application that no request was decided for.
      case HTTP1 -> new Detect(detectTimeout, HttpVersion.HTTP1);
      case DETECT -> new Detect(policy.detectTimeout(), null);
    };
  }

  /**
   * Whether a connection whose bytes are being forwarded may go on under a policy that treats it
   * so.
   *
   * @param looked whether its first bytes were looked at and were no HTTP
   */
  default boolean letsRelayGoOn(boolean looked) {
    return switch (this) {
      case Relay relay -> true;
      case Detect(Duration timeout, HttpVersion otherwise) -> looked && otherwise == null;
      case Http http -> false;
      case Refuse refuse -> false;
    };
  }

  private static boolean readsHttpOnly(ServerPolicy policy) {
    return switch (policy.protocol()) {
      case HTTP1, HTTP2, GRPC -> true;
      case DETECT, OPAQUE, TLS -> false;
    };
  }
}
