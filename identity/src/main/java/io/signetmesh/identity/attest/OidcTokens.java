package io.signetmesh.identity.attest;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSVerifier;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.RSAKey;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.signetmesh.identity.attest.AttestationException.Reason;
import io.signetmesh.identity.crypto.JwsSignatures;
import io.signetmesh.identity.node.NodeIdentity;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Attests callers by JWTs (RFC 7519) of an external issuer, verified offline with its public keys:
 * service account tokens of a Kubernetes cluster, or identity tokens of a cloud or a CI system.
 *
 * <p>A token must be signed by a key of the issuer with an allowed algorithm, name that issuer and
 * the configured audience, and be within its validity period. Its claims are mapped to a workload:
 * by the Kubernetes subject {@code system:serviceaccount:<namespace>:<name>}, or by the first rule
 * whose claims all match. A Kubernetes subject never stands for a node: every Pod in the namespace
 * of the control plane could have it.
 */
public final class OidcTokens implements IssuerAttestor {
  /** Algorithms that may be allowed (RFC 7518 section 3.1). HMAC and {@code none} are excluded. */
  public static final Set<String> ALGORITHMS =
      Set.of("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512");

  private static final Logger log = LoggerFactory.getLogger(OidcTokens.class);
  private static final String KIND = "oidc-token";

  private final Issuer issuer;
  private final IssuerKeys keys;
  private final String controlPlaneNamespace;
  private final String trustDomain;
  private final InstantSource clock;
  private final @Nullable ExecutorService owned;

  /** Source of the issuer's public keys. */
  public sealed interface Keys {
    /** A file with a JWK set; read anew at each refresh. */
    record InFile(Path file) implements Keys {}

    /** A URL, https. */
    record AtUrl(URI url) implements Keys {}

    /** The URL that the issuer's discovery document names. */
    record Discovered() implements Keys {}
  }

  /**
   * Maps claims to a workload.
   *
   * @param claims names and values that the token must have, at least one
   * @param identity identity of the workload
   */
  public record Rule(Map<String, String> claims, WorkloadIdentity identity) {
    /** Refuses a rule without claims, which every token would match. */
    public Rule {
      claims = Map.copyOf(claims);
      if (claims.isEmpty()) {
        throw new IllegalArgumentException("rule without claims: expected at least one");
      }
    }
  }

  /**
   * Configuration of an issuer and of the checks of its tokens.
   *
   * @param issuer value of {@code iss}
   * @param keys source of its keys
   * @param trust PEM file with anchors for the server of the keys; null for the JDK's anchors
   * @param audience value that {@code aud} must contain
   * @param algorithms some of {@link #ALGORITHMS}
   * @param skew how far the issuer's clock may be ahead, 0 to 5 minutes
   * @param refresh age at which keys are fetched again, at least 30 s
   * @param maxAge age at which keys are no longer used, at least {@code refresh}
   * @param rules map claims to workloads; empty for Kubernetes subjects
   */
  public record Issuer(
      String issuer,
      Keys keys,
      @Nullable Path trust,
      String audience,
      Set<String> algorithms,
      Duration skew,
      Duration refresh,
      Duration maxAge,
      List<Rule> rules) {
    private static final Duration MAX_SKEW = Duration.ofMinutes(5);

    /** Refuses values out of range. */
    public Issuer {
      algorithms = Set.copyOf(algorithms);
      rules = List.copyOf(rules);
      if (issuer.isEmpty() || audience.isEmpty()) {
        throw new IllegalArgumentException("issuer or audience is empty");
      }
      if (algorithms.isEmpty() || !ALGORITHMS.containsAll(algorithms)) {
        throw new IllegalArgumentException(
            "algorithms "
                + new TreeSet<>(algorithms)
                + ": expected some of "
                + new TreeSet<>(ALGORITHMS));
      }
      if (skew.isNegative() || skew.compareTo(MAX_SKEW) > 0) {
        throw new IllegalArgumentException("clock skew " + skew + ": expected 0 to 5 minutes");
      }
      if (refresh.compareTo(IssuerKeys.PAUSE) < 0 || maxAge.compareTo(refresh) < 0) {
        throw new IllegalArgumentException(
            "refresh "
                + refresh
                + " and maximum age "
                + maxAge
                + ": expected 30 s <= refresh <= maximum age");
      }
    }
  }

  private OidcTokens(
      Issuer issuer,
      IssuerKeys keys,
      String controlPlaneNamespace,
      String trustDomain,
      InstantSource clock,
      @Nullable ExecutorService owned) {
    this.issuer = issuer;
    this.keys = keys;
    this.controlPlaneNamespace = controlPlaneNamespace;
    this.trustDomain = trustDomain;
    this.clock = clock;
    this.owned = owned;
  }

  /**
   * Starts the attestor. A key file must exist. Remote keys are fetched in the background; until
   * they arrive, tokens are refused as UNAVAILABLE.
   *
   * @throws IOException when the key file cannot be read
   * @throws PkiException when the trust anchors are not valid
   */
  public static OidcTokens open(
      Issuer issuer, String controlPlaneNamespace, String trustDomain, InstantSource clock)
      throws IOException, PkiException {
    KeySource source =
        switch (issuer.keys()) {
          case Keys.InFile(Path file) -> () -> read(file);
          case Keys.AtUrl(URI url) -> HttpKeys.at(url, issuer.trust());
          case Keys.Discovered() -> HttpKeys.discovered(issuer.issuer(), issuer.trust());
        };
    ExecutorService thread =
        Executors.newSingleThreadExecutor(new DefaultThreadFactory("issuer-keys", true));
    IssuerKeys keys = keys(issuer, source, thread, clock);
    if (issuer.keys() instanceof Keys.InFile) {
      try {
        keys.refresh();
      } catch (IOException e) {
        thread.shutdownNow();
        throw e;
      }
    } else {
      thread.execute(
          () -> {
            try {
              keys.refresh();
            } catch (IOException | RuntimeException e) {
              log.warn("keys of issuer {} cannot be had yet: {}", issuer.issuer(), e.getMessage());
            }
          });
    }
    return new OidcTokens(issuer, keys, controlPlaneNamespace, trustDomain, clock, thread);
  }

  /** With keys from elsewhere, fetched by the executor. */
  static OidcTokens of(
      Issuer issuer,
      KeySource source,
      Executor executor,
      String controlPlaneNamespace,
      String trustDomain,
      InstantSource clock) {
    return new OidcTokens(
        issuer,
        keys(issuer, source, executor, clock),
        controlPlaneNamespace,
        trustDomain,
        clock,
        null);
  }

  private static IssuerKeys keys(
      Issuer issuer, KeySource source, Executor executor, InstantSource clock) {
    return new IssuerKeys(
        issuer.issuer(), source, issuer.refresh(), issuer.maxAge(), executor, clock);
  }

  @Override
  public String issuer() {
    return issuer.issuer();
  }

  @Override
  public Attested attest(Evidence evidence) throws AttestationException {
    SignedToken token = SignedToken.parse(evidence.token());
    JWSHeader header = token.jwt().getHeader();
    JWSAlgorithm algorithm = header.getAlgorithm();
    if (!issuer.algorithms().contains(algorithm.getName())) {
      throw token.refused(
          Reason.NOT_AUTHENTICATED,
          "signed with "
              + WorkloadIdentity.printable(algorithm.getName())
              + ": expected one of "
              + new TreeSet<>(issuer.algorithms()));
    }
    token.requireIssuer(issuer.issuer());
    verify(token, keys.candidates(token, header.getKeyID(), algorithm));
    token.requireAudience(issuer.audience());
    token.requireTime(clock.instant(), issuer.skew(), false);
    return Attested.now(identity(token), KIND, clock.instant());
  }

  @Override
  public void close() {
    if (owned != null) {
      owned.shutdownNow();
    }
  }

  private static void verify(SignedToken token, List<JWK> candidates) throws AttestationException {
    for (JWK key : candidates) {
      try {
        JWSVerifier verifier =
            key instanceof ECKey ec
                ? new ECDSAVerifier(ec.toECPublicKey())
                : new RSASSAVerifier(((RSAKey) key).toRSAPublicKey());
        if (token
            .jwt()
            .verify(JwsSignatures.fastest(verifier, token.jwt().getHeader().getAlgorithm()))) {
          return;
        }
      } catch (JOSEException | RuntimeException e) {
        log.debug("{} cannot be verified by a key of its issuer: {}", token, e.toString());
      }
    }
    throw token.refused(Reason.NOT_AUTHENTICATED, "not signed by a key of its issuer");
  }

  private WorkloadIdentity identity(SignedToken token) throws AttestationException {
    if (issuer.rules().isEmpty()) {
      WorkloadIdentity identity = token.serviceAccount(controlPlaneNamespace, trustDomain);
      if (NodeIdentity.isReserved(identity)) {
        throw new AttestationException(
            Reason.CLAIMS,
            token
                + " is of service account "
                + identity.namespace()
                + "/"
                + identity.serviceAccount()
                + ", which is reserved for nodes: expected a token of the control plane, a join"
                + " token, or a rule that maps the claims of nodes");
      }
      return identity;
    }
    for (Rule rule : issuer.rules()) {
      boolean fits =
          rule.claims().entrySet().stream()
              .allMatch(wanted -> wanted.getValue().equals(claim(token, wanted.getKey())));
      if (fits) {
        return rule.identity();
      }
    }
    throw new AttestationException(
        Reason.CLAIMS,
        token
            + " of subject "
            + SignedToken.quoted(token.claims().getSubject())
            + " fits none of the "
            + issuer.rules().size()
            + " rules of issuer "
            + issuer.issuer());
  }

  /** A claim as text; null when it is missing or holds more than one value. */
  private static @Nullable String claim(SignedToken token, String name) {
    Object value = token.claims().getClaim(name);
    return value instanceof String || value instanceof Boolean || value instanceof Number
        ? value.toString()
        : null;
  }

  private static String read(Path file) throws IOException {
    if (Files.size(file) > KeySource.MAX_BYTES) {
      throw new IOException(
          file + " is larger than a key set: expected at most " + KeySource.MAX_BYTES + " bytes");
    }
    return Files.readString(file);
  }
}
