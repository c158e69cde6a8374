package io.signetmesh.proxy.http;

import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.inbound.InboundConnection;
import io.signetmesh.proxy.outbound.Endpoint;
import org.jspecify.annotations.Nullable;

/** What the HTTP path reports. Implementations neither block nor allocate per call. */
public interface HttpMetrics {
  /** Reports nothing. */
  HttpMetrics NONE = new HttpMetrics() {};

  /** An inbound request was decided on; {@code route} is null when none matched. */
  default void inboundDecision(
      InboundConnection connection,
      ServerPolicy policy,
      @Nullable Route route,
      @Nullable Decision decision) {}

  /** An inbound response head was sent to the client. */
  default void inboundResponse(
      InboundConnection connection, ServerPolicy policy, int status, long latencyNanos) {}

  /** An outbound response head was sent to the local application. */
  default void outboundResponse(
      String authority, @Nullable Endpoint endpoint, int status, long latencyNanos) {}
}
