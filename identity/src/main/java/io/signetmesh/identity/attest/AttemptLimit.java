package io.signetmesh.identity.attest;

import java.time.InstantSource;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How often attempts of an address may fail: {@link #BURST} at once, then one each second. An
 * address stands for itself in IPv4 and for its /64 in IPv6. Remembers the {@link #MAX_ADDRESSES}
 * that failed last. Thread-safe.
 */
final class AttemptLimit {
  static final int BURST = 20;
  static final int MAX_ADDRESSES = 10_000;
  private static final long MILLIS_PER_ATTEMPT = 1_000;
  private static final int GROUPS_OF_64_BITS = 4;

  private final InstantSource clock;
  private final Map<String, Long> clearAtMillis =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
          return size() > MAX_ADDRESSES;
        }
      };

  AttemptLimit(InstantSource clock) {
    this.clock = clock;
  }

  /**
   * Whether an address may try.
   *
   * @param address {@code host:port}
   */
  synchronized boolean mayTry(String address) {
    Long clear = clearAtMillis.get(block(address));
    return clear == null || clear - clock.millis() <= (BURST - 1) * MILLIS_PER_ATTEMPT;
  }

  /** An attempt of an address failed. */
  synchronized void failed(String address) {
    long now = clock.millis();
    clearAtMillis.merge(
        block(address),
        now + MILLIS_PER_ATTEMPT,
        (before, fresh) -> Math.max(before, now) + MILLIS_PER_ATTEMPT);
  }

  private static String block(String address) {
    int port = address.lastIndexOf(':');
    String host = port < 0 ? address : address.substring(0, port);
    String[] groups = host.split(":", -1);
    // getHostAddress writes all eight groups of an IPv6 address.
    return groups.length < 8
        ? host
        : String.join(":", Arrays.asList(groups).subList(0, GROUPS_OF_64_BITS));
  }
}
