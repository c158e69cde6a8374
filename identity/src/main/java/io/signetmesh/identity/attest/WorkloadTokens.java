package io.signetmesh.identity.attest;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.signetmesh.identity.attest.AttestationException.Reason;
import io.signetmesh.identity.crypto.JwsSignatures;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Date;
import java.util.HexFormat;
import java.util.UUID;

/**
 * Workload tokens that the control plane issues itself, for hosts without Kubernetes. They are JWTs
 * (RFC 7519) signed with ES256 by a key in the state directory ({@code token.key}, mode 0600), for
 * audience {@value Attestor#AUDIENCE}, with a subject as Kubernetes writes it. A token is a bearer
 * secret until it expires: write it to a file that only the workload can read.
 */
public final class WorkloadTokens implements IssuerAttestor {
  /** Longest validity of a token. */
  public static final Duration MAX_LIFETIME = Duration.ofDays(365);

  /** How far the clock of the issuing host may be ahead. */
  private static final Duration CLOCK_SKEW = Duration.ofSeconds(10);

  private static final String KIND = "workload-token";

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
   * Loads the key of a state directory, or makes it at the first start.
   *
   * @param controlPlaneNamespace control-plane namespace of the attested identities
   * @param trustDomain trust domain of the attested identities
   * @throws PkiException when the key is readable by others or is not an ECDSA P-256 key
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
      token.sign(
          JwsSignatures.fastest(new ECDSASigner((ECPrivateKey) privateKey), JWSAlgorithm.ES256));
    } catch (JOSEException e) {
      throw new IllegalStateException("token cannot be signed", e);
    }
    return token.serialize();
  }

  /**
   * Issues a token to a service account and writes it to a file of mode 0600.
   *
   * @param lifetime more than zero, at most {@link #MAX_LIFETIME}
   * @throws IOException when the file cannot be written
   */
  public void issueTo(Path file, String namespace, String serviceAccount, Duration lifetime)
      throws IOException {
    StateFiles.writeSecret(file, issue(namespace, serviceAccount, lifetime));
  }

  @Override
  public String issuer() {
    return issuer;
  }

  @Override
  public Attested attest(Evidence evidence) throws AttestationException {
    return Attested.now(holder(evidence.token()), KIND, clock.instant());
  }

  /** Who holds a token. */
  WorkloadIdentity holder(byte[] bytes) throws AttestationException {
    SignedToken token = SignedToken.parse(bytes);
    SignedJWT jwt = token.jwt();
    if (!JWSAlgorithm.ES256.equals(jwt.getHeader().getAlgorithm())) {
      throw token.refused(
          Reason.NOT_AUTHENTICATED,
          "signed with "
              + WorkloadIdentity.printable(jwt.getHeader().getAlgorithm().getName())
              + ": expected ES256");
    }
    try {
      if (!jwt.verify(
          JwsSignatures.fastest(new ECDSAVerifier((ECPublicKey) publicKey), JWSAlgorithm.ES256))) {
        throw token.refused(
            Reason.NOT_AUTHENTICATED, "not signed by the token key of this control plane");
      }
    } catch (JOSEException | IllegalStateException e) {
      throw token.refused(Reason.NOT_AUTHENTICATED, "signature cannot be verified");
    }
    token.requireIssuer(issuer);
    token.requireAudience(AUDIENCE);
    token.requireTime(clock.instant(), CLOCK_SKEW, true);
    String id = token.claims().getJWTID();
    if (id == null || id.isEmpty()) {
      throw token.refused(Reason.NOT_AUTHENTICATED, "without an id (jti)");
    }
    return token.serviceAccount(controlPlaneNamespace, trustDomain);
  }
}
