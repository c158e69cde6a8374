package io.signetmesh.proxy.inbound;

import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.ServerPolicy;
import org.jspecify.annotations.Nullable;

/**
 * What the transport reports. Implementations neither block nor allocate per call. {@code
 * direction} is {@code inbound} or {@code outbound}.
 */
public interface ConnectionMetrics {
  /** Reports nothing. */
  ConnectionMetrics NONE = new ConnectionMetrics() {};

  default void opened(String direction) {}

  default void closed(String direction) {}

  /** Bytes came from the client, or from the server. */
  default void copied(String direction, boolean fromClient, int bytes) {}

  /** A connection ended with an error of a fixed kind. */
  default void error(String direction, String kind) {}

  /** Outcome of protocol detection: {@code http/1}, {@code http/2} or {@code not_http}. */
  default void detected(String result) {}

  /** A direct connection brought a transport header. */
  default void transportHeader(String session, int port, @Nullable String clientIdentity) {}

  /** A decision on an inbound connection that is not HTTP. */
  default void tcpDecision(
      int port, ServerPolicy policy, Decision decision, @Nullable String clientIdentity) {}

  /** A live connection was cut because a change of policy took its right. */
  default void tcpTerminated(int port, ServerPolicy policy) {}
}
