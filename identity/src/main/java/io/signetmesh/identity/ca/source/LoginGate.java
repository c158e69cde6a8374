package io.signetmesh.identity.ca.source;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import javax.security.auth.login.FailedLoginException;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a token from being locked: it counts wrong PINs, and locks after a few. A PIN that the
 * token refused is not tried again until the content of the PIN file is another. After any other
 * failure the token is left alone for {@link #BACKOFF}. Thread-safe.
 */
final class LoginGate {
  /** How long a token is left alone after it failed. */
  static final Duration BACKOFF = Duration.ofSeconds(30);

  private final InstantSource clock;
  private @Nullable Failure last;

  /** The last attempt, which failed. */
  private record Failure(
      boolean isPinRefused, String pin, Instant at, RefusedMaterialException refusal) {}

  LoginGate(InstantSource clock) {
    this.clock = clock;
  }

  /**
   * Asks whether the token may be asked now.
   *
   * @param pin content of the PIN file
   * @throws RefusedMaterialException of the last attempt, when another one would be too early
   */
  synchronized void require(byte[] pin) throws RefusedMaterialException {
    Failure failure = last;
    if (failure == null) {
      return;
    }
    Instant now = clock.instant();
    boolean isEarly = !now.isBefore(failure.at) && now.isBefore(failure.at.plus(BACKOFF));
    boolean isHeld = failure.isPinRefused ? failure.pin.equals(digest(pin)) : isEarly;
    if (isHeld) {
      throw failure.refusal;
    }
  }

  /** The token was opened. */
  synchronized void opened() {
    last = null;
  }

  /** The token was not opened. */
  synchronized void failed(byte[] pin, boolean isPinRefused, RefusedMaterialException refusal) {
    last = new Failure(isPinRefused, digest(pin), clock.instant(), refusal);
  }

  /** Whether a failure is the token's refusal of the PIN, which counts towards its lock. */
  static boolean isPinRefused(Throwable failure) {
    Throwable cause = failure;
    for (int depth = 0; cause != null && depth < 16; depth++) {
      if (cause instanceof FailedLoginException
          || String.valueOf(cause.getMessage()).contains("CKR_PIN_")) {
        return true;
      }
      cause = cause.getCause();
    }
    return false;
  }

  private static String digest(byte[] pin) {
    return SourceFiles.digest(Map.of("pin", pin));
  }
}
