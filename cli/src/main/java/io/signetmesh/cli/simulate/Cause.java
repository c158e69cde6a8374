package io.signetmesh.cli.simulate;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Why a call is refused, where something wrong with the policy objects is behind it: an
 * authorization that grants nothing because of a typo looks like any other refusal.
 */
public final class Cause {
  private static final Set<String> GRANTS =
      Set.of(
          "AuthorizationPolicy",
          "ServerAuthorization",
          "MeshTLSAuthentication",
          "NetworkAuthentication",
          "Server");
  private static final Set<String> ROUTES = Set.of("HTTPRoute", "GRPCRoute");
  private static final List<String> TYPICAL =
      List.of("dangling-reference", "bad-target", "not-understood", "bad-authentications");

  private static final Pattern SUGGESTION = Pattern.compile("did you mean \"([^\"]*)\"");

  private Cause() {}

  /** The finding that most likely explains a refusal; empty when it is a plain one. */
  public static Optional<PortFinding> of(Answer answer, List<PortFinding> findings) {
    if (answer.allowed()) {
      return Optional.empty();
    }
    Set<String> kinds =
        switch (answer.reason()) {
          case NO_AUTHORIZATION,
              IDENTITY_MISMATCH,
              NETWORK_MISMATCH,
              TLS_REQUIRED,
              IDENTITY_REQUIRED ->
              GRANTS;
          case DENIED_BY_POLICY -> Set.of("DenyPolicy");
          case NO_ROUTE -> ROUTES;
          default -> Set.of();
        };
    @Nullable String denial =
        kinds.contains("DenyPolicy") && answer.decision().authorization() != null
            ? answer.decision().authorization().name()
            : null;
    return findings.stream()
        .filter(finding -> finding.error() || isMeantFor(answer.caller(), finding))
        .filter(finding -> kinds.contains(finding.kind()))
        .filter(finding -> denial == null || finding.name().equals(denial))
        .min(Comparator.comparingInt(Cause::rank));
  }

  /**
   * Whether a reference to a service account that is not there surely means the caller: it need not
   * be an error, since not everybody lists service accounts in manifests.
   */
  private static boolean isMeantFor(Caller caller, PortFinding finding) {
    String identity = caller.identity();
    Matcher suggestion = SUGGESTION.matcher(finding.message());
    return identity != null
        && finding.rule().equals("dangling-reference")
        && suggestion.find()
        && identity.startsWith(suggestion.group(1) + ".");
  }

  private static int rank(PortFinding finding) {
    int rank = TYPICAL.indexOf(finding.rule());
    return rank < 0 ? TYPICAL.size() : rank;
  }

  /**
   * Verdict and cause in one sentence: {@code denied (403): AuthorizationPolicy shop/web-clients:
   * requires …}.
   */
  public static String sentence(Answer answer, List<PortFinding> findings) {
    return of(answer, findings)
        .map(
            finding ->
                "denied ("
                    + AnswerText.outcome(answer)
                    + "): "
                    + finding.object()
                    + ": "
                    + finding.message())
        .orElseGet(() -> AnswerText.sentence(answer));
  }
}
