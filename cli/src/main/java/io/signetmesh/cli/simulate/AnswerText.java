package io.signetmesh.cli.simulate;

import io.signetmesh.crds.text.PlainText;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.jwt.TokenPrincipal;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Formats answers for people. */
public final class AnswerText {
  private AnswerText() {}

  /** The call: {@code http/1 GET /catalog of host web}. */
  public static String call(Answer answer) {
    Answer.Request request = answer.request();
    return answer.protocol().wireName()
        + (request == null
            ? " connection"
            : " " + request.method() + " " + request.path() + " of host " + request.host());
  }

  /** What the client gets: {@code 403}, {@code grpc-status 7}, {@code the connection is closed}. */
  public static String outcome(Answer answer) {
    if (answer.grpcStatus() >= 0) {
      return "grpc-status " + answer.grpcStatus();
    }
    if (answer.status() != 0) {
      return Integer.toString(answer.status());
    }
    return answer.allowed() ? "forwarded" : "connection closed";
  }

  /** Verdict and reason in one sentence. */
  public static String sentence(Answer answer) {
    String start = (answer.allowed() ? "allowed" : "denied") + " (" + outcome(answer) + "): ";
    return PlainText.of(start + why(answer.decision(), answer.server(), answer.route()));
  }

  /** Result of a dry run: {@code would deny: Server web has no authorization}. */
  public static String dryRun(Explanation dryRun) {
    Route route = dryRun.route();
    return PlainText.of(
        "would "
            + Answer.verdict(dryRun.decision())
            + ": "
            + why(dryRun.decision(), dryRun.server(), route == null ? null : route.ref()));
  }

  /**
   * What the tokens of the call prove, one line for each JWTAuthentication that decides on it:
   * {@code shop/users: expired, exp has ended, 300 s beyond what is tolerated}.
   */
  public static List<String> tokens(Answer answer) {
    TokenProofs tokens = answer.tokens();
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < tokens.size(); i++) {
      TokenProof proof = tokens.proof(i);
      TokenPrincipal principal = proof.principal();
      String detail = detail(proof, tokens.epochMillis());
      lines.add(
          PlainText.of(
              tokens.authentication(i).name()
                  + (i < tokens.enforced() ? ": " : " (dry run): ")
                  + result(proof)
                  + (principal == null || principal.subject() == null
                      ? ""
                      : ", subject " + principal.subject())
                  + (detail == null ? "" : ", " + detail)));
    }
    return lines;
  }

  /**
   * What policy bundles answered about the call, one line for each that was asked: {@code
   * shop/hours: deny, closed at night}.
   */
  public static List<String> rego(Answer answer) {
    return answer.proofs().rego().stream()
        .map(proof -> proof.question().authentication().name() + ": " + proof.text())
        .map(PlainText::of)
        .toList();
  }

  /** {@code passed}, {@code missing}, or the code of the failure. */
  static String result(TokenProof proof) {
    TokenFailure failure = proof.failure();
    return failure != null ? failure.code() : proof.isMissing() ? "missing" : "passed";
  }

  /** One sentence on a failure; null when there is nothing more to say. */
  static @Nullable String detail(TokenProof proof, long epochMillis) {
    return proof.result() == null || proof.failure() == null
        ? null
        : proof.result().detailAt(epochMillis);
  }

  /** The reason of a decision, in words. */
  public static String why(Decision decision, ResourceRef server, @Nullable ResourceRef route) {
    ResourceRef ref = decision.authorization();
    String detail = decision.detail() == null ? "" : ", which " + decision.detail();
    return switch (decision.reason()) {
      case AUTHORIZED -> "authorized by " + name(ref);
      case LOOPBACK -> "the workload calls itself";
      case AUDITED -> "nothing grants it; " + name(ref) + " lets it through and records it";
      case DENIED_BY_POLICY ->
          name(ref)
              + " denies it, whatever else allows it"
              + (decision.detail() == null ? "" : ": it " + decision.detail());
      case IDENTITY_MISMATCH,
          NETWORK_MISMATCH,
          TLS_REQUIRED,
          IDENTITY_REQUIRED,
          TOKEN_REQUIRED,
          TOKEN_INVALID,
          CLAIM_MISMATCH,
          REGO_DENIED,
          REGO_FAILED ->
          decision.reason().code()
              + ": nothing grants it; nearest is "
              + name(ref)
              + (detail.isEmpty() ? "" : detail);
      case NO_AUTHORIZATION ->
          name(server)
              + (route == null || route.kind().equals("default")
                  ? " has no authorization"
                  : " and " + route(route) + " have no authorization");
      case NO_ROUTE -> "no route of " + name(server) + " matches the request";
      case TUNNEL_REFUSED ->
          "CONNECT asks for a tunnel, and no route of " + name(server) + " names the method";
      case INVALID_POLICY -> "the policy of the port is not valid: " + decision.detail();
      case UNSAFE_PATH ->
          "the path can be read in more than one way"
              + (decision.detail() == null ? "" : ": " + decision.detail());
      case PROTOCOL_ERROR ->
          decision.detail() == null
              ? "what the client speaks is not what " + name(server) + " takes"
              : "the proxy takes no such request: " + decision.detail();
      case RATE_LIMITED -> "the rate limit of " + name(server) + " is exhausted";
      case NO_POLICY,
          FOREIGN_ADDRESS,
          TLS_HANDSHAKE,
          OVERLOAD,
          AUDIT_UNAVAILABLE,
          TUNNEL,
          PEER_REVOKED,
          PEER_UNTRUSTED,
          PEER_EXPIRED ->
          decision.reason().code();
    };
  }

  /** Short name of a route: {@code HTTPRoute orders}, {@code default route}. */
  public static String route(ResourceRef ref) {
    return ref.kind().equals("default") ? ref.name() + " route" : name(ref);
  }

  /** Short name of a policy object: {@code AuthorizationPolicy web-clients}. */
  public static String name(@Nullable ResourceRef ref) {
    if (ref == null) {
      return "nothing";
    }
    if (ref.kind().equals("default")) {
      return "default policy " + ref.name();
    }
    for (ObjectRef.Kind kind : ObjectRef.Kind.values()) {
      if (kind.resourceKind().equalsIgnoreCase(ref.kind())) {
        return kind.resourceKind() + " " + ref.name();
      }
    }
    return ref.kind() + " " + ref.name();
  }
}
