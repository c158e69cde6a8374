package io.signetmesh.proxy.upstream;

import java.time.Duration;
import java.util.List;

/**
 * What a destination amounts to.
 *
 * @param protocol how the client's bytes are to be read
 * @param backends where they go, one by weight; none: nowhere
 */
record Plan(Upstream.Protocol protocol, List<Weighted> backends) {
  private static final Duration DEFAULT_RTT = Duration.ofMillis(30);
  private static final Duration DEFAULT_DECAY = Duration.ofSeconds(10);

  /** Policy lets nothing through, or cannot be understood. */
  static final Plan FORBIDDEN = new Plan(Upstream.Protocol.FORBIDDEN, List.of());

  Plan {
    backends = List.copyOf(backends);
  }

  /** One endpoint and no policy. */
  static Plan of(boolean opaque, Backend backend) {
    return new Plan(
        opaque ? Upstream.Protocol.OPAQUE : Upstream.Protocol.DETECT,
        List.of(new Weighted(1, backend)));
  }

  /**
   * A backend and its share.
   *
   * @param weight share of the requests, not negative
   */
  record Weighted(long weight, Backend backend) {}

  /** Where requests go. */
  sealed interface Backend {}

  /**
   * The endpoints of a concrete destination.
   *
   * @param path {@code name:port}, as it is asked for
   * @param rtt latency that an endpoint is taken to have before anything is known
   * @param decay time in which the estimate of latency fades
   */
  record Balanced(String path, Duration rtt, Duration decay) implements Backend {
    /** With the usual parameters. */
    static Balanced of(String path) {
      return new Balanced(path, DEFAULT_RTT, DEFAULT_DECAY);
    }
  }

  /** One endpoint. */
  record Forward(Endpoint endpoint) implements Backend {}

  /** A backend that cannot be used; what is drawn for it fails. */
  record Invalid() implements Backend {}
}
