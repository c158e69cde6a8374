package io.signetmesh.identity.server;

import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;

/**
 * How often each caller may ask: {@link #BURST} times at once, and then {@link #PER_SECOND} times a
 * second. Thread-safe.
 */
final class CallerRates {
  static final int BURST = 200;
  static final int PER_SECOND = 20;

  /** Callers that are known at the same time: who has not asked for some seconds is forgotten. */
  private static final int MAX_CALLERS = 20_000;

  private static final long MILLIS = 1_000 / PER_SECOND;

  private final InstantSource clock;
  private final Map<String, Long> fullAtMillis = new HashMap<>();

  CallerRates(InstantSource clock) {
    this.clock = clock;
  }

  /** A caller asks. Says whether it may. */
  synchronized boolean admit(String caller) {
    long now = clock.millis();
    Long known = fullAtMillis.get(caller);
    if (known == null && fullAtMillis.size() >= MAX_CALLERS) {
      fullAtMillis.values().removeIf(full -> full <= now);
      if (fullAtMillis.size() >= MAX_CALLERS) {
        return false;
      }
    }
    long from = known == null ? now : Math.max(now, Math.min(known, now + BURST * MILLIS));
    if (from - now > (BURST - 1) * MILLIS) {
      return false;
    }
    fullAtMillis.put(caller, from + MILLIS);
    return true;
  }
}
