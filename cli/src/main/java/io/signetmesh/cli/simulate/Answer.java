package io.signetmesh.cli.simulate;

import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.TokenProofs;
import org.jspecify.annotations.Nullable;

/**
 * What the proxy would do with a call.
 *
 * @param server Server of the port, or its default policy
 * @param caller the client
 * @param protocol protocol of the call
 * @param request the request in the form that is decided; null for a connection
 * @param decision verdict and reason
 * @param route matched route; null without one
 * @param status HTTP status that the client gets: 200 for anything that the application answers; 0
 *     for none
 * @param grpcStatus gRPC status that the proxy answers with; -1 for none
 * @param location target of a redirect; null without one
 * @param generation generation of the policy
 * @param explanation every rule and route that was considered; null when the call is denied before
 *     policy is consulted
 * @param proofs what the request proves: by tokens, to each JWTAuthentication that decides on it,
 *     and to the policy bundles that were asked for the policy in force
 */
public record Answer(
    ResourceRef server,
    Caller caller,
    CallProtocol protocol,
    @Nullable Request request,
    Decision decision,
    @Nullable ResourceRef route,
    int status,
    int grpcStatus,
    @Nullable String location,
    long generation,
    @Nullable Explanation explanation,
    RequestProofs proofs) {

  /** What the request proves by tokens. */
  public TokenProofs tokens() {
    return proofs.tokens();
  }

  /**
   * A request.
   *
   * @param method HTTP method
   * @param path path and query, in the normalized form that is decided and forwarded
   * @param host host, with a port if the client names one
   */
  public record Request(String method, String path, String host) {}

  /** Whether the call is allowed. */
  public boolean allowed() {
    return decision.allowed();
  }

  /** {@code allow} or {@code deny}. */
  public String verdict() {
    return verdict(decision);
  }

  /** The reason of the decision. */
  public Reason reason() {
    return decision.reason();
  }

  /**
   * The decision if everything in audit mode were enforced. Null when nothing in audit mode affects
   * the call, and when the call is over a rate limit: then the proxy makes no dry run.
   */
  public @Nullable Decision dryRun() {
    Explanation dryRun =
        explanation == null || decision.reason() == Reason.RATE_LIMITED
            ? null
            : explanation.trial();
    return dryRun == null ? null : dryRun.decision();
  }

  /** Verdict of a decision: {@code allow} or {@code deny}. */
  public static String verdict(Decision decision) {
    return decision.allowed() ? "allow" : "deny";
  }
}
