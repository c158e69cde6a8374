package io.signetmesh.identity.attest;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.signetmesh.identity.attest.AttestationException.Reason;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Workload tokens that the control plane issues itself, for hosts without Kubernetes: JWTs (RFC
 * 7519) signed with ES256 by a key in the state directory ({@code token.key}, mode 0600), for
 * audience {@value Attestor#AUDIENCE}, whose subject is a service account as Kubernetes writes it.
 * Whoever holds such a token is that workload until it expires, so it goes to a file that only the
 * workload can read.
 */
public final class WorkloadTokens implements Attestor {
  /** Longest life of a token. */
  public static final Duration MAX_LIFETIME = Duration.ofDays(365);

  /** How far the clock of the issuing host may be ahead. */
  private static final Duration CLOCK_SKEW = Duration.ofSeconds(10);

  private static final int MAX_TOKEN = 8 * 1024;
  private static final int SUBJECT_PARTS = 4;

  private final PrivateKey privateKey;
  private final PublicKey publicKey;
  private final String keyId;
  private final String controlPlaneNamespace;
  private final String trustDomain;
  private final String issuer;
  private final InstantSource clock;

  private WorkloadTokens(
      PrivateKey privateKey,
      PublicKey publicKey,
      String controlPlaneNamespace,
      String trustDomain,
      InstantSource clock) {
    this.privateKey = privateKey;
    this.publicKey = publicKey;
    this.keyId = HexFormat.of().formatHex(Certificates.sha256(publicKey), 0, 8);
    this.controlPlaneNamespace = controlPlaneNamespace;
    this.trustDomain = trustDomain;
    this.issuer = "identity." + controlPlaneNamespace + "." + trustDomain;
    this.clock = clock;
  }

  /**
   * Loads the key of a state directory, or makes it at first start.
   *
   * @param controlPlaneNamespace part of the identities that tokens stand for
   * @param trustDomain part of the identities that tokens stand for
   * @throws PkiException when the key is readable by others or no ECDSA P-256 key
   */
  public static WorkloadTokens open(
      Path stateDirectory, String controlPlaneNamespace, String trustDomain, InstantSource clock)
      throws IOException, PkiException {
    Path file = stateDirectory.resolve("token.key");
    if (!Files.exists(file)) {
      StateFiles.createDirectory(stateDirectory);
      StateFiles.writeSecret(file, PrivateKeys.toPem(PrivateKeys.generate().getPrivate()));
    }
    StateFiles.requireSecret(file);
    PrivateKey key = PrivateKeys.read(file);
    return new WorkloadTokens(
        key, PrivateKeys.publicKey(key), controlPlaneNamespace, trustDomain, clock);
  }

  /**
   * Issues a token to a service account.
   *
   * @param lifetime more than zero, at most {@link #MAX_LIFETIME}
   */
  public String issue(String namespace, String serviceAccount, Duration lifetime) {
    WorkloadIdentity identity =
        new WorkloadIdentity(serviceAccount, namespace, controlPlaneNamespace, trustDomain);
    if (!lifetime.isPositive() || lifetime.compareTo(MAX_LIFETIME) > 0) {
      throw new IllegalArgumentException(
          "token lifetime " + lifetime + ": expected more than 0, at most " + MAX_LIFETIME);
    }
    Instant now = clock.instant();
    SignedJWT token =
        new SignedJWT(
            new JWSHeader.Builder(JWSAlgorithm.ES256).type(JOSEObjectType.JWT).keyID(keyId).build(),
            new JWTClaimsSet.Builder()
                .issuer(issuer)
                .subject(identity.kubernetesUser())
                .audience(AUDIENCE)
                .issueTime(Date.from(now))
                .notBeforeTime(Date.from(now))
                .expirationTime(Date.from(now.plus(lifetime)))
                .jwtID(UUID.randomUUID().toString())
                .build());
    try {
      token.sign(new ECDSASigner((ECPrivateKey) privateKey));
    } catch (JOSEException e) {
      throw new IllegalStateException("token cannot be signed", e);
    }
    return token.serialize();
  }

  /** Issues a token to a service account, to a file of mode 0600. */
  public void issueTo(Path file, String namespace, String serviceAccount, Duration lifetime)
      throws IOException {
    StateFiles.writeSecret(file, issue(namespace, serviceAccount, lifetime));
  }

  @Override
  public WorkloadIdentity attest(byte[] token) throws AttestationException {
    String name = name(token);
    SignedJWT jwt = parse(name, token);
    if (!JWSAlgorithm.ES256.equals(jwt.getHeader().getAlgorithm())) {
      throw refused(
          name,
          "signed with "
              + WorkloadIdentity.printable(jwt.getHeader().getAlgorithm().getName())
              + ": expected ES256");
    }
    try {
      if (!jwt.verify(new ECDSAVerifier((ECPublicKey) publicKey))) {
        throw refused(name, "not signed by the token key of this control plane");
      }
    } catch (JOSEException | IllegalStateException e) {
      throw refused(name, "signature cannot be verified");
    }
    JWTClaimsSet claims;
    try {
      claims = jwt.getJWTClaimsSet();
    } catch (ParseException e) {
      throw new AttestationException(Reason.MALFORMED, name + " has no claims that can be read");
    }
    checkClaims(name, claims);
    return subject(name, claims.getSubject());
  }

  private void checkClaims(String name, JWTClaimsSet claims) throws AttestationException {
    Instant now = clock.instant();
    if (!issuer.equals(claims.getIssuer())) {
      throw refused(
          name, "issued by " + quoted(claims.getIssuer()) + ": expected \"" + issuer + "\"");
    }
    List<String> audience = claims.getAudience();
    if (audience == null || !audience.contains(AUDIENCE)) {
      throw refused(name, "for audience " + audience + ": expected " + AUDIENCE);
    }
    Instant expiry = instant(name, "exp", claims.getExpirationTime());
    if (!now.isBefore(expiry)) {
      throw refused(name, "expired at " + expiry + ", it is " + now);
    }
    Instant notBefore = instant(name, "nbf", claims.getNotBeforeTime());
    if (now.plus(CLOCK_SKEW).isBefore(notBefore)) {
      throw refused(name, "not valid before " + notBefore + ", it is " + now);
    }
    Instant issued = instant(name, "iat", claims.getIssueTime());
    if (now.plus(CLOCK_SKEW).isBefore(issued)) {
      throw refused(name, "issued in the future, at " + issued + ", it is " + now);
    }
    if (claims.getJWTID() == null || claims.getJWTID().isEmpty()) {
      throw refused(name, "without an id (jti)");
    }
  }

  private WorkloadIdentity subject(String name, @Nullable String subject)
      throws AttestationException {
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

  /**
   * One token has one text: characters that are not of base64url, and bits that do not count, are
   * refused (RFC 7515 section 2). The decoder passes over them.
   */
  private static SignedJWT parse(String name, byte[] token) throws AttestationException {
    if (token.length == 0 || token.length > MAX_TOKEN) {
      throw new AttestationException(
          Reason.MALFORMED, "token of " + token.length + " bytes: expected 1 to " + MAX_TOKEN);
    }
    try {
      String text = new String(token, StandardCharsets.US_ASCII).strip();
      SignedJWT jwt = SignedJWT.parse(text);
      // Parsing takes control characters away at both ends.
      if (!jwt.serialize().equals(text)) {
        throw new ParseException("more than a JWT", 0);
      }
      for (Base64URL part : jwt.getParsedParts()) {
        if (!Base64URL.encode(part.decode()).equals(part)) {
          throw new ParseException("not base64url", 0);
        }
      }
      return jwt;
    } catch (ParseException | RuntimeException e) {
      // The cause quotes parts of the token: left out.
      throw new AttestationException(Reason.MALFORMED, name + " is not a signed JWT");
    }
  }

  private static Instant instant(String name, String claim, @Nullable Date date)
      throws AttestationException {
    if (date == null) {
      throw refused(name, "without " + claim);
    }
    return date.toInstant();
  }

  private static AttestationException refused(String name, String why) {
    return new AttestationException(Reason.NOT_AUTHENTICATED, name + " is " + why);
  }

  private static String quoted(@Nullable String text) {
    return text == null ? "nobody" : WorkloadIdentity.printable(text);
  }

  /** A name for a token in messages: the first 8 hexadecimal digits of its SHA-256. */
  private static String name(byte[] token) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(token);
      return "token " + HexFormat.of().formatHex(digest, 0, 4);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
