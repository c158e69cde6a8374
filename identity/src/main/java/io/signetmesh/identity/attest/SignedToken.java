package io.signetmesh.identity.attest;

import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.signetmesh.identity.attest.AttestationException.Reason;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A JWT with a signature (RFC 7519) that was read and not verified yet. Messages name it by the
 * first 8 hexadecimal digits of its SHA-256.
 */
final class SignedToken {
  private static final int MAX_TOKEN = 8 * 1024;
  private static final int SUBJECT_PARTS = 4;

  private final String name;
  private final SignedJWT jwt;
  private final JWTClaimsSet claims;

  private SignedToken(String name, SignedJWT jwt, JWTClaimsSet claims) {
    this.name = name;
    this.jwt = jwt;
    this.claims = claims;
  }

  /**
   * Reads a token. One token has one text: characters that are not of base64url, and bits that do
   * not count, are refused (RFC 7515 section 2). The decoder passes over them.
   *
   * @throws AttestationException MALFORMED when it is none
   */
  static SignedToken parse(byte[] token) throws AttestationException {
    if (token.length == 0 || token.length > MAX_TOKEN) {
      throw new AttestationException(
          Reason.MALFORMED, "token of " + token.length + " bytes: expected 1 to " + MAX_TOKEN);
    }
    String name = "token " + HexFormat.of().formatHex(sha256(token), 0, 4);
    SignedJWT jwt;
    try {
      String text = new String(token, StandardCharsets.US_ASCII).strip();
      jwt = SignedJWT.parse(text);
      // Parsing takes control characters away at both ends.
      if (!jwt.serialize().equals(text)) {
        throw new ParseException("more than a JWT", 0);
      }
      for (Base64URL part : jwt.getParsedParts()) {
        if (!Base64URL.encode(part.decode()).equals(part)) {
          throw new ParseException("not base64url", 0);
        }
      }
    } catch (ParseException | RuntimeException e) {
      // The cause quotes parts of the token: left out.
      throw new AttestationException(Reason.MALFORMED, name + " is not a signed JWT");
    }
    try {
      return new SignedToken(name, jwt, jwt.getJWTClaimsSet());
    } catch (ParseException | RuntimeException e) {
      throw new AttestationException(Reason.MALFORMED, name + " has no claims that can be read");
    }
  }

  SignedJWT jwt() {
    return jwt;
  }

  JWTClaimsSet claims() {
    return claims;
  }

  @Nullable String issuer() {
    return claims.getIssuer();
  }

  /** Refuses another issuer than the one expected. */
  void requireIssuer(String expected) throws AttestationException {
    if (!expected.equals(claims.getIssuer())) {
      throw refused(
          Reason.ISSUER,
          "issued by " + quoted(claims.getIssuer()) + ": expected \"" + expected + "\"");
    }
  }

  /** Refuses a token for another audience. */
  void requireAudience(String expected) throws AttestationException {
    List<String> audience = claims.getAudience();
    if (audience == null || !audience.contains(expected)) {
      throw refused(
          Reason.AUDIENCE, "for audience " + printable(audience) + ": expected " + expected);
    }
  }

  /**
   * Refuses a token out of its time.
   *
   * @param strict whether {@code nbf} and {@code iat} must be there; {@code exp} always must
   * @param skew how far the issuer's clock may be ahead; a token is not good after its end
   */
  void requireTime(Instant now, Duration skew, boolean strict) throws AttestationException {
    Instant expiry = instant("exp", claims.getExpirationTime());
    Instant notBefore = optional("nbf", claims.getNotBeforeTime(), strict);
    Instant issued = optional("iat", claims.getIssueTime(), strict);
    if (!now.isBefore(expiry)) {
      throw refused(
          Reason.EXPIRED,
          "expired at "
              + expiry
              + ", it is "
              + now
              + " here: "
              + off(expiry, now)
              + " too late; expected a newer token, or a clock that is right");
    }
    if (notBefore != null && now.plus(skew).isBefore(notBefore)) {
      throw refused(
          Reason.CLOCK,
          "not valid before " + notBefore + ", it is " + now + " here: " + clocks(now, notBefore));
    }
    if (issued != null && now.plus(skew).isBefore(issued)) {
      throw refused(
          Reason.CLOCK,
          "issued in the future, at "
              + issued
              + ", it is "
              + now
              + " here: "
              + clocks(now, issued));
    }
  }

  /** The identity of a subject as Kubernetes writes it. */
  WorkloadIdentity serviceAccount(String controlPlaneNamespace, String trustDomain)
      throws AttestationException {
    String subject = claims.getSubject();
    String[] parts = subject == null ? new String[0] : subject.split(":", -1);
    if (parts.length == SUBJECT_PARTS
        && parts[0].equals("system")
        && parts[1].equals("serviceaccount")) {
      try {
        return new WorkloadIdentity(parts[3], parts[2], controlPlaneNamespace, trustDomain);
      } catch (IllegalArgumentException e) {
        throw new AttestationException(
            Reason.MALFORMED, name + " has subject " + quoted(subject) + ": " + e.getMessage());
      }
    }
    throw new AttestationException(
        Reason.MALFORMED,
        name
            + " has subject "
            + quoted(subject)
            + ": expected system:serviceaccount:<namespace>:<service account>");
  }

  /** A refusal that begins with the token's name. */
  AttestationException refused(Reason reason, String why) {
    return new AttestationException(reason, name + " is " + why);
  }

  static String quoted(@Nullable String text) {
    return text == null ? "nobody" : WorkloadIdentity.printable(text);
  }

  static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static String printable(@Nullable List<String> values) {
    if (values == null || values.isEmpty()) {
      return "[]";
    }
    return values.stream().limit(4).map(WorkloadIdentity::printable).toList().toString();
  }

  private static String clocks(Instant now, Instant then) {
    return off(now, then) + " ahead; the clock of this host or of the issuer's is off";
  }

  private static String off(Instant from, Instant to) {
    return Duration.between(from, to).toSeconds() + " s";
  }

  private @Nullable Instant optional(String claim, @Nullable Date date, boolean required)
      throws AttestationException {
    return date == null && !required ? null : instant(claim, date);
  }

  private Instant instant(String claim, @Nullable Date date) throws AttestationException {
    if (date == null) {
      throw refused(Reason.NOT_AUTHENTICATED, "without " + claim);
    }
    return date.toInstant();
  }

  @Override
  public String toString() {
    return name;
  }
}
