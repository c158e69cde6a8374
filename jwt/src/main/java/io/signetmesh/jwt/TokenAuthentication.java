package io.signetmesh.jwt;

import io.signetmesh.v1.JwtAuthentication;
import java.util.List;

/** A JWTAuthentication with its keys, compiled. Immutable. */
public final class TokenAuthentication {
  private final JwtAuthentication message;

  private TokenAuthentication(JwtAuthentication message) {
    this.message = message;
  }

  /**
   * Compiles a message.
   *
   * @throws InvalidAuthenticationException when a part is missing, out of range or unknown
   */
  public static TokenAuthentication compile(JwtAuthentication message)
      throws InvalidAuthenticationException {
    if (message.getName().isEmpty()) {
      throw new InvalidAuthenticationException("authentication without name");
    }
    return new TokenAuthentication(message);
  }

  /** "namespace/name" of the resource. */
  public String name() {
    return message.getName();
  }

  /** Value of {@code iss}. */
  public String issuer() {
    return message.getIssuer();
  }

  /** Where the token may be; at least one. */
  public List<TokenLocation> locations() {
    return List.of(new TokenLocation.Header("authorization", "Bearer "));
  }

  /** What a token has to be bound to. */
  public Binding boundTo() {
    return Binding.NONE;
  }

  /** What the application gets. */
  public Forwarding forwarding() {
    return new Forwarding(true, List.of(), null);
  }

  /** Whether a refused client is told which check failed. */
  public boolean errorDetail() {
    return false;
  }

  /**
   * What is required, for people: {@code token of https://issuer for audience a or b, with claim
   * groups any of "admin"}.
   */
  public String requirement() {
    return "token of " + issuer();
  }

  /**
   * Makes all checks but those of time and of the request (certificate, proof). Takes 20 to 300 µs:
   * not for event loops. Never throws for any bytes.
   */
  public TokenResult verify(byte[] token) {
    return verify(token, (name, passed, detail) -> {});
  }

  /** Verifies, and says what was checked. */
  public TokenResult verify(byte[] token, CheckLog log) {
    return TokenResult.failed(TokenFailure.KEYS_UNAVAILABLE, "tokens are not verified yet");
  }

  /** Whether the messages are equal. */
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
