package io.signetmesh.cli.simulate;

import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ResourceRef;
import org.jspecify.annotations.Nullable;

/**
 * What the proxy would do with a call.
 *
 * @param server Server, or default policy, that has the port
 * @param caller who calls
 * @param protocol what it speaks
 * @param request the request as it is decided about; null for a connection
 * @param decision verdict and reason
 * @param route route taken; null without one
 * @param status HTTP status that the client gets: 200 stands for whatever the application answers;
 *     0 when it gets none
 * @param grpcStatus gRPC status that the client gets from the proxy; -1 when it gets none
 * @param location where a redirect leads; null without one
 * @param generation generation of the policy
 * @param explanation every rule and route considered; null when the call was refused before policy
 *     was asked
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
    @Nullable Explanation explanation) {

  /**
   * A request.
   *
   * @param method method token
   * @param path path with query, in the form that is decided about and forwarded
   * @param host host, with port where the client names one
   */
  public record Request(String method, String path, String host) {}

  /** Whether the call goes through. */
  public boolean allowed() {
    return decision.allowed();
  }

  /** {@code allow} or {@code deny}. */
  public String verdict() {
    return verdict(decision);
  }

  /** Why. */
  public Reason reason() {
    return decision.reason();
  }

  /**
   * What it would be if everything in audit mode were in force; null when nothing affects it, and
   * over a rate limit, where the proxy tries nothing.
   */
  public @Nullable Decision dryRun() {
    Explanation dryRun =
        explanation == null || decision.reason() == Reason.RATE_LIMITED
            ? null
            : explanation.trial();
    return dryRun == null ? null : dryRun.decision();
  }

  /** {@code allow} or {@code deny}. */
  public static String verdict(Decision decision) {
    return decision.allowed() ? "allow" : "deny";
  }
}
