package io.signetmesh.jwt;

import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.v1.JwtAuthentication;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A JWTAuthentication with its keys, compiled. Immutable. */
public final class TokenAuthentication {
  private static final Logger log = LoggerFactory.getLogger(TokenAuthentication.class);

  private final JwtAuthentication message;
  private final TokenRules rules;
  private final String requirement;

  private TokenAuthentication(JwtAuthentication message, TokenRules rules) {
    this.message = message;
    this.rules = rules;
    this.requirement = rules.requirement();
  }

  /**
   * Compiles a message. Keys that cannot be read do not make it invalid: then tokens fail by {@link
   * TokenFailure#KEYS_UNAVAILABLE}.
   *
   * @throws InvalidAuthenticationException when a part is missing, out of range or unknown
   */
  public static TokenAuthentication compile(JwtAuthentication message)
      throws InvalidAuthenticationException {
    return new TokenAuthentication(identity(message), TokenRules.of(message));
  }

  /**
   * The message without what may change while tokens and their results stay as they are: the time
   * at which its keys end. Messages that are equal but for that are one authentication.
   */
  public static JwtAuthentication identity(JwtAuthentication message) {
    if (!message.getKeySet().hasExpiresAt()) {
      return message;
    }
    JwtAuthentication.Builder identity = message.toBuilder();
    identity.getKeySetBuilder().clearExpiresAt();
    return identity.build();
  }

  /**
   * Takes over the time at which the keys end from a message that is equal but for it. Results that
   * are there take it over too.
   *
   * @throws InvalidAuthenticationException when the time is out of range: nothing changes
   */
  public void takeKeysEnd(JwtAuthentication newer) throws InvalidAuthenticationException {
    rules.keysEnd().move(TokenRules.keysEnd(newer.getKeySet()));
  }

  /**
   * Loads what computes signatures fastest, and waits for it, 0.1 to 2 s the first time. Otherwise
   * the first token begins that, and tokens are verified more slowly until it is done.
   */
  public static void prepare() {
    Signatures.loadNative();
  }

  /** "namespace/name" of the resource. */
  public String name() {
    return message.getName();
  }

  /** Value of {@code iss}. */
  public String issuer() {
    return rules.issuer();
  }

  /** Where the token may be; at least one. */
  public List<TokenLocation> locations() {
    return rules.locations();
  }

  /** What a token has to be bound to. */
  public Binding boundTo() {
    return rules.boundTo();
  }

  /** What the application gets. */
  public Forwarding forwarding() {
    return rules.forwarding();
  }

  /** Tolerated difference of clocks. */
  public Duration clockSkew() {
    return Duration.ofMillis(rules.skew());
  }

  /** Whether a refused client is told which check failed. */
  public boolean errorDetail() {
    return message.getErrorDetail();
  }

  /**
   * What is required, for people: {@code token of https://issuer for audience a or b, with claim
   * groups any of "admin"}.
   */
  public String requirement() {
    return requirement;
  }

  /**
   * Makes all checks but those of time and of the request (certificate, proof). Takes 20 to 300 µs:
   * not for event loops. Never throws for any bytes.
   *
   * @param token not to be changed while it is verified
   */
  public TokenResult verify(byte[] token) {
    return check(token, null);
  }

  /** Verifies, and says what was checked: all checks, also after one that failed. */
  public TokenResult verify(byte[] token, CheckLog log) {
    return check(token, log);
  }

  /**
   * Makes all checks of claims but that of their signature, as if a key of the issuer had signed
   * them. For questions about policy, never for requests.
   *
   * @param header JSON of the header, whose algorithm and other members are checked; null to check
   *     none
   * @param claims JSON of the claims
   */
  public TokenResult assume(byte @Nullable [] header, byte[] claims) {
    try {
      return TokenCheck.assumed(header, claims, rules);
    } catch (RuntimeException e) {
      log.warn("{}: claims cannot be checked: {}", name(), e.getClass().getName());
      return TokenResult.failed(TokenFailure.MALFORMED, "cannot be checked");
    }
  }

  private TokenResult check(byte[] token, @Nullable CheckLog checks) {
    try {
      return TokenCheck.of(token, rules, checks);
    } catch (RuntimeException e) {
      // Not foreseen; the message may quote the token.
      log.warn("{}: a token cannot be verified: {}", name(), e.getClass().getName());
      return TokenResult.failed(TokenFailure.MALFORMED, "cannot be verified");
    }
  }

  /** Whether the messages are equal, but for the time at which the keys end. */
  @Override
  public boolean equals(Object other) {
    return other instanceof TokenAuthentication that && message.equals(that.message);
  }

  @Override
  public int hashCode() {
    return message.hashCode();
  }

  @Override
  public String toString() {
    return name();
  }
}
