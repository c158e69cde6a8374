package io.signetmesh.rego;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Why bundles were refused, so that none is compiled again for the same error. Keeps the errors
 * that were asked for last. Safe for use by several threads.
 */
final class Refusals {
  static final Refusals SHARED = new Refusals(System::nanoTime);

  /** Errors that are kept. */
  static final int MOST = 256;

  /** An error that depends on the state of the process is kept so long, in nanoseconds. */
  static final long PASSING = TimeUnit.SECONDS.toNanos(60);

  /**
   * @param passing whether it ends {@link #PASSING} after {@code since}
   */
  private record Refusal(String error, boolean passing, long since) {}

  private final LongSupplier nanoTime;

  private final Map<String, Refusal> known =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Refusal> eldest) {
          return size() > MOST;
        }
      };

  Refusals(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /**
   * Throws the error that is known.
   *
   * @param key names what was refused, with all that the error depends on
   */
  synchronized void check(String key) throws InvalidRegoException {
    Refusal refusal = known.get(key);
    if (refusal == null) {
      return;
    }
    if (refusal.passing && nanoTime.getAsLong() - refusal.since >= PASSING) {
      known.remove(key);
      return;
    }
    throw new InvalidRegoException(refusal.error, refusal.passing);
  }

  /** Keeps an error and returns it. */
  synchronized InvalidRegoException keep(String key, InvalidRegoException error) {
    known.put(
        key,
        new Refusal(
            Objects.requireNonNull(error.getMessage()), error.passing(), nanoTime.getAsLong()));
    return error;
  }
}
