package io.signetmesh.cli.simulate;

import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Which rate limits a request takes from, in words. */
final class RateLimits {
  private RateLimits() {}

  /**
   * The limits of a port for one identity: {@code 100 requests/s for all clients, 10 requests/s for
   * this identity (HTTPLocalRateLimitPolicy web)}; empty when nothing limits it.
   */
  static Optional<String> of(Server message, @Nullable String identity) {
    HttpLocalRateLimit limit = limit(message.getProtocol());
    if (limit == null) {
      return Optional.empty();
    }
    List<String> parts = new ArrayList<>();
    if (limit.hasTotal()) {
      parts.add(rate(limit.getTotal(), "all clients together"));
    }
    HttpLocalRateLimit.Override own = null;
    for (HttpLocalRateLimit.Override override : limit.getOverridesList()) {
      if (identity != null && names(override, identity)) {
        own = override;
      }
    }
    if (own != null) {
      int sharing = own.getClients().getIdentitiesCount();
      parts.add(
          rate(
              own.getLimit(),
              sharing == 1
                  ? "this identity by an override"
                  : "the " + sharing + " identities of an override together"));
    } else if (limit.hasIdentity()) {
      parts.add(
          rate(
              limit.getIdentity(),
              identity == null ? "all clients without identity together" : "this identity"));
    }
    return parts.isEmpty()
        ? Optional.empty()
        : Optional.of(
            String.join(", ", parts)
                + (limit.getMetadata().hasResource()
                    ? " (HTTPLocalRateLimitPolicy "
                        + limit.getMetadata().getResource().getName()
                        + ")"
                    : ""));
  }

  private static @Nullable HttpLocalRateLimit limit(ProxyProtocol protocol) {
    return switch (protocol.getKindCase()) {
      case DETECT ->
          protocol.getDetect().hasHttpLocalRateLimit()
              ? protocol.getDetect().getHttpLocalRateLimit()
              : null;
      case HTTP1 ->
          protocol.getHttp1().hasLocalRateLimit() ? protocol.getHttp1().getLocalRateLimit() : null;
      case HTTP2 ->
          protocol.getHttp2().hasLocalRateLimit() ? protocol.getHttp2().getLocalRateLimit() : null;
      case GRPC ->
          protocol.getGrpc().hasSignetLocalRateLimit()
              ? protocol.getGrpc().getSignetLocalRateLimit()
              : null;
      case OPAQUE, TLS, KIND_NOT_SET -> null;
    };
  }

  private static boolean names(HttpLocalRateLimit.Override override, String identity) {
    return override.getClients().getIdentitiesList().stream()
        .map(Identity::getName)
        .anyMatch(identity::equals);
  }

  private static String rate(HttpLocalRateLimit.Limit limit, String whom) {
    return Integer.toUnsignedString(limit.getRequestsPerSecond()) + " requests/s for " + whom;
  }
}
