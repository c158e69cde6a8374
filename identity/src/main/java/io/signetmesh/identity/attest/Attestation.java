package io.signetmesh.identity.attest;

import io.signetmesh.identity.attest.AttestationException.Reason;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The evidence that an identity server accepts besides join tokens and the caller's current leaf.
 *
 * @param issuers attestors for JWTs, each of another issuer ({@code iss})
 * @param renewalLimit how long a workload may renew with its leaf alone, from 0 (not at all) to a
 *     year
 */
public record Attestation(List<IssuerAttestor> issuers, Duration renewalLimit) {
  /** Default of {@code renewalLimit}: 30 days. */
  public static final Duration RENEWAL_LIMIT = Duration.ofDays(30);

  private static final Duration LONGEST = Duration.ofDays(365);

  /** Refuses a limit out of range, and two attestors of one issuer. */
  public Attestation {
    issuers = List.copyOf(issuers);
    if (renewalLimit.isNegative() || renewalLimit.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(
          "renewal limit " + renewalLimit + ": expected 0 to " + LONGEST.toDays() + " days");
    }
    byIssuer(issuers);
  }

  /** The given issuers with the default renewal limit. */
  public static Attestation of(IssuerAttestor... issuers) {
    return new Attestation(List.of(issuers), RENEWAL_LIMIT);
  }

  /**
   * Combines all attestors into one. The form of the evidence selects exactly one of them. A token
   * takes precedence over the caller's certificate, because it is newer evidence.
   *
   * @param joins attests join tokens
   * @param renewals attests the caller's certificate
   */
  public Attestor attestor(Attestor joins, Attestor renewals) {
    Map<String, IssuerAttestor> known = byIssuer(issuers);
    return evidence -> {
      byte[] token = evidence.token();
      if (token.length == 0) {
        if (evidence.peer() == null) {
          throw new AttestationException(
              Reason.MISSING,
              "CertifyRequest.token is empty, and the connection has no client certificate to renew"
                  + " by");
        }
        return renewals.attest(evidence);
      }
      if (JoinTokens.isOne(token)) {
        return joins.attest(evidence);
      }
      SignedToken jwt = SignedToken.parse(token);
      String issuer = jwt.issuer();
      IssuerAttestor attestor = issuer == null ? null : known.get(issuer);
      if (attestor == null) {
        throw new AttestationException(
            Reason.ISSUER,
            jwt
                + " is issued by "
                + (issuer == null ? "nobody" : WorkloadIdentity.printable(issuer))
                + ": expected one of "
                + known.keySet().stream().sorted().toList());
      }
      return attestor.attest(evidence);
    };
  }

  private static Map<String, IssuerAttestor> byIssuer(List<IssuerAttestor> issuers) {
    Map<String, IssuerAttestor> known = new HashMap<>();
    for (IssuerAttestor one : issuers) {
      if (known.put(one.issuer(), one) != null) {
        throw new IllegalArgumentException("issuer " + one.issuer() + " is configured twice");
      }
    }
    return known;
  }
}
