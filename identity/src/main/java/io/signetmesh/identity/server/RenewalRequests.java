package io.signetmesh.identity.server;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.signetmesh.v1.RenewalRequest;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * What the server asks of workloads whose leaf is of another issuer: to renew it. Kept in memory:
 * who asks does so again after a restart. Thread-safe.
 */
public final class RenewalRequests {
  /** Digits of the issuer's key in the name of a request. */
  private static final int KEY_DIGITS = 16;

  /**
   * Part of the window over which the request is sent, one part of this many. All workloads that
   * are told at one moment read the message at that moment, and are late for the first renewals.
   */
  private static final int SENDING = 4;

  private final InstantSource clock;
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private volatile @Nullable Asked asked;
  private volatile boolean othersDistrusted;

  private record Asked(String id, String issuerKeySha256, Instant from, java.time.Duration window) {
    Instant until() {
      return from.plus(window);
    }
  }

  RenewalRequests(InstantSource clock) {
    this.clock = clock;
  }

  /**
   * Asks all workloads, those that connect later included, until {@link #end} or another request.
   *
   * @param reason names what the renewal is for; 1 to 40 characters
   * @param issuerKeySha256 SHA-256 of the SubjectPublicKeyInfo of the issuer that leaves are to be
   *     of, 64 hexadecimal digits
   * @param window time over which renewals are spread from now; at most 24 h
   */
  public synchronized void ask(String reason, String issuerKeySha256, java.time.Duration window) {
    asked =
        new Asked(
            reason + '-' + issuerKeySha256.substring(0, KEY_DIGITS),
            issuerKeySha256,
            clock.instant(),
            window);
    listeners.forEach(Runnable::run);
  }

  /** Whether workloads are asked to come to that issuer. */
  public boolean isAskedFor(String issuerKeySha256) {
    Asked now = asked;
    return now != null && now.issuerKeySha256.equals(issuerKeySha256);
  }

  /**
   * Has leaves prove no identity at the identity server until {@link #end}, but those of the issuer
   * that is asked for from now on. What was asked for before the first call is withdrawn: that
   * issuer may have signed for a thief.
   */
  public synchronized void distrustOthers() {
    if (!othersDistrusted) {
      asked = null;
      othersDistrusted = true;
      listeners.forEach(Runnable::run);
    }
  }

  /** Whether a leaf of the issuer with that key proves its workload's identity. */
  public boolean provesIdentity(String issuerKeySha256) {
    return !othersDistrusted || isAskedFor(issuerKeySha256);
  }

  /** Whether nobody is asked, and the leaves of all issuers prove an identity. */
  public boolean isIdle() {
    return asked == null && !othersDistrusted;
  }

  /** Asks nobody any more, and trusts the leaves of all issuers again. */
  public synchronized void end() {
    asked = null;
    othersDistrusted = false;
    listeners.forEach(Runnable::run);
  }

  /** Calls the listener after each change. */
  void onChange(Runnable listener) {
    listeners.add(listener);
  }

  /** What is in force, as another object after each change; null for nothing. */
  @Nullable Object version() {
    return asked;
  }

  /**
   * Whether a workload that is connected is to be told by now. They are told one after the other
   * over the first quarter of the window, and then have the rest of it.
   *
   * @param share place of the workload among all, from 0 (inclusive) to 1
   */
  boolean isDue(double share) {
    Asked now = asked;
    if (now == null) {
      return false;
    }
    java.time.Duration wait =
        java.time.Duration.ofNanos((long) (now.window.toNanos() / SENDING * share));
    Instant time = clock.instant();
    // A clock that was set back holds nobody up.
    return time.isBefore(now.from) || !time.isBefore(now.from.plus(wait));
  }

  /** The message that says so, with what is left of the window; null for nothing. */
  @Nullable RenewalRequest message() {
    Asked now = asked;
    if (now == null) {
      return null;
    }
    long left = Math.max(0, java.time.Duration.between(clock.instant(), now.until()).toSeconds());
    return RenewalRequest.newBuilder()
        .setId(now.id)
        .setIssuerKeySha256(ByteString.copyFrom(HexFormat.of().parseHex(now.issuerKeySha256)))
        .setWindow(Duration.newBuilder().setSeconds(left))
        .build();
  }
}
