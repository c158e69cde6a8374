package io.signetmesh.cli.simulate;

import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ResourceRef;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The error in a policy object that causes a denial. An authorization that allows nobody because of
 * a typo otherwise looks like any other denial.
 *
 * <p>A typo is the cause if the same call would be allowed with only that typo corrected. The
 * policy engine decides that. If the call would still be denied, the typo is not the cause. For an
 * error without a suggested correction, nobody knows whom the object was meant to allow: it is
 * shown next to the reason, as a possible cause. An error in the DenyPolicy that denies the call is
 * a cause as well.
 *
 * @param finding the error that causes the denial, or may cause it; null when there is none
 * @param certain whether the finding is certainly the cause
 */
public record Cause(@Nullable PortFinding finding, boolean certain) {
  private static final Cause NONE = new Cause(null, false);
  private static final Set<String> GRANTS =
      Set.of(
          "AuthorizationPolicy",
          "ServerAuthorization",
          "MeshTLSAuthentication",
          "NetworkAuthentication",
          "JWTAuthentication",
          "Server");
  private static final Set<String> ROUTES = Set.of("HTTPRoute", "GRPCRoute");
  private static final List<String> TYPICAL =
      List.of("dangling-reference", "bad-target", "not-understood", "bad-authentications");

  /**
   * The cause of an answer.
   *
   * @param findings what is wrong with objects that affect the port
   * @param letsIn whether the call would go through if an object meant what is suggested
   */
  static Cause of(Answer answer, List<PortFinding> findings, Predicate<PortFinding.Meant> letsIn) {
    if (answer.allowed()) {
      return NONE;
    }
    for (PortFinding finding : findings.stream().sorted(BY_RANK).toList()) {
      PortFinding.Meant meant = finding.meant();
      if (meant != null && letsIn.test(meant)) {
        return new Cause(finding, true);
      }
    }
    boolean denied = answer.reason() == Reason.DENIED_BY_POLICY;
    return findings.stream()
        .filter(finding -> finding.error() && finding.meant() == null)
        .filter(finding -> isOfKind(answer, finding))
        .min(BY_RANK)
        .map(finding -> new Cause(finding, denied))
        .orElse(NONE);
  }

  private static boolean isOfKind(Answer answer, PortFinding finding) {
    return switch (answer.reason()) {
      case NO_AUTHORIZATION,
          IDENTITY_MISMATCH,
          NETWORK_MISMATCH,
          TLS_REQUIRED,
          IDENTITY_REQUIRED,
          TOKEN_REQUIRED,
          TOKEN_INVALID,
          CLAIM_MISMATCH ->
          GRANTS.contains(finding.kind());
      case DENIED_BY_POLICY -> {
        ResourceRef denial = answer.decision().authorization();
        yield finding.kind().equals("DenyPolicy")
            && (denial == null || finding.name().equals(denial.name()));
      }
      case NO_ROUTE -> ROUTES.contains(finding.kind());
      default -> false;
    };
  }

  private static final Comparator<PortFinding> BY_RANK =
      Comparator.comparing((PortFinding finding) -> !finding.error()).thenComparingInt(Cause::rank);

  private static int rank(PortFinding finding) {
    int rank = TYPICAL.indexOf(finding.rule());
    return rank < 0 ? TYPICAL.size() : rank;
  }

  /**
   * Verdict and cause in one sentence: {@code denied (403): AuthorizationPolicy shop/web-clients:
   * requires …}.
   */
  String sentence(Answer answer) {
    PortFinding behind = finding;
    if (behind == null) {
      return AnswerText.sentence(answer);
    }
    return certain
        ? "denied (" + AnswerText.outcome(answer) + "): " + behind.sentence()
        : AnswerText.sentence(answer) + " (and: " + behind.sentence() + ")";
  }
}
