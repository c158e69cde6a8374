package io.signetmesh.identity.attest;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import io.signetmesh.identity.attest.AttestationException.Reason;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The keys of an issuer: fetched at the start, again when they have their age, and when a token
 * names one that is not there, at most once in {@link #PAUSE}. When a fetch fails the last good
 * keys stay until they are too old. Fetches run on another thread: no request waits for one.
 * Thread-safe.
 */
final class IssuerKeys {
  /** Between a fetch and the next one that an unknown key leads to. */
  static final Duration PAUSE = Duration.ofSeconds(30);

  private static final Logger log = LoggerFactory.getLogger(IssuerKeys.class);
  private static final int MIN_RSA_BITS = 2048;

  /** Keys that are tried for a token that names none. */
  private static final int MAX_CANDIDATES = 4;

  private static final int MAX_KEYS = 100;

  private final String issuer;
  private final KeySource source;
  private final Duration refresh;
  private final Duration maxAge;
  private final Executor executor;
  private final InstantSource clock;

  // Guarded by this.
  private List<JWK> keys = List.of();
  private @Nullable Instant fetchedAt;
  private Instant triedAt = Instant.MIN;
  private boolean fetching;

  /**
   * Makes an empty set; {@link #refresh} fills it.
   *
   * @param refresh age at which keys are fetched anew
   * @param maxAge age at which keys that could not be fetched anew are given up
   * @param executor where fetches run
   */
  IssuerKeys(
      String issuer,
      KeySource source,
      Duration refresh,
      Duration maxAge,
      Executor executor,
      InstantSource clock) {
    this.issuer = issuer;
    this.source = source;
    this.refresh = refresh;
    this.maxAge = maxAge;
    this.executor = executor;
    this.clock = clock;
  }

  /**
   * The keys that may have signed a token.
   *
   * @param keyId the token's {@code kid}; null when it names none
   * @throws AttestationException when there is none, or it cannot be known
   */
  List<JWK> candidates(SignedToken token, @Nullable String keyId, JWSAlgorithm algorithm)
      throws AttestationException {
    Instant now = clock.instant();
    List<JWK> fit = new ArrayList<>();
    boolean stale;
    boolean busy;
    synchronized (this) {
      Instant at = fetchedAt;
      stale = at == null || now.isAfter(at.plus(maxAge));
      if (!stale) {
        for (JWK key : keys) {
          if (fits(key, keyId, algorithm) && fit.size() < MAX_CANDIDATES) {
            fit.add(key);
          }
        }
      }
      boolean due = at == null || now.isAfter(at.plus(refresh)) || fit.isEmpty();
      if (due && !fetching && !now.isBefore(triedAt.plus(PAUSE))) {
        fetch(now);
      }
      busy = fetching;
    }
    if (!fit.isEmpty()) {
      return fit;
    }
    if (stale || busy) {
      throw new AttestationException(
          Reason.UNAVAILABLE,
          stale
              ? "the keys of issuer " + issuer + " are not known, or too old: see the log"
              : "the keys of issuer " + issuer + " are being fetched: try again");
    }
    throw token.refused(
        Reason.NOT_AUTHENTICATED,
        "signed with key "
            + SignedToken.quoted(keyId)
            + " for "
            + algorithm
            + ", which issuer "
            + issuer
            + " does not have");
  }

  /**
   * Fetches now, on this thread.
   *
   * @throws IOException when that fails; the earlier keys stay
   */
  void refresh() throws IOException {
    List<JWK> fresh;
    try {
      fresh = parse(source.fetch());
    } catch (IOException | RuntimeException e) {
      synchronized (this) {
        fetching = false;
      }
      throw e;
    }
    synchronized (this) {
      keys = fresh;
      fetchedAt = clock.instant();
      fetching = false;
    }
  }

  private void fetch(Instant now) {
    fetching = true;
    triedAt = now;
    executor.execute(
        () -> {
          try {
            refresh();
          } catch (IOException | RuntimeException e) {
            log.warn("keys of issuer {} cannot be had: {}", issuer, e.getMessage());
          }
        });
  }

  private List<JWK> parse(String text) throws IOException {
    if (text.length() > KeySource.MAX_BYTES) {
      throw new IOException(
          "key set of " + text.length() + " bytes: expected at most " + KeySource.MAX_BYTES);
    }
    List<JWK> usable = new ArrayList<>();
    try {
      for (JWK key : JWKSet.parse(text).getKeys()) {
        boolean verifies = key.getKeyUse() == null || key.getKeyUse().equals(KeyUse.SIGNATURE);
        boolean strong =
            key instanceof ECKey || (key instanceof RSAKey rsa && rsa.size() >= MIN_RSA_BITS);
        // Secrets and short keys are passed over: a set may have others.
        if (verifies && strong && usable.size() < MAX_KEYS) {
          usable.add(key.toPublicJWK());
        }
      }
    } catch (ParseException | RuntimeException e) {
      throw new IOException("not a JWK set (RFC 7517 section 5)", e);
    }
    if (usable.isEmpty()) {
      throw new IOException(
          "no key to verify with: expected EC, or RSA of at least " + MIN_RSA_BITS + " bits");
    }
    return usable;
  }

  private static boolean fits(JWK key, @Nullable String keyId, JWSAlgorithm algorithm) {
    boolean kind =
        JWSAlgorithm.Family.EC.contains(algorithm)
            ? key instanceof ECKey ec && curve(algorithm).equals(ec.getCurve().getName())
            : JWSAlgorithm.Family.RSA.contains(algorithm) && key instanceof RSAKey;
    return kind
        && (keyId == null || keyId.equals(key.getKeyID()))
        && (key.getAlgorithm() == null
            || Objects.equals(key.getAlgorithm().getName(), algorithm.getName()));
  }

  private static String curve(JWSAlgorithm algorithm) {
    return switch (algorithm.getName()) {
      case "ES256" -> "P-256";
      case "ES384" -> "P-384";
      case "ES512" -> "P-521";
      default -> WorkloadIdentity.printable(algorithm.getName());
    };
  }
}
