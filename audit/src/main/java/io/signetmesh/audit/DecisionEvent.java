package io.signetmesh.audit;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An authorization decision. Creating one is a single allocation on the event loop; the writer
 * formats it.
 *
 * <p>Text that clients choose is cut to {@value #MAX_TEXT} characters. So a flood of long paths can
 * neither fill the memory while records wait, nor push older records out of the journal.
 *
 * @param epochMillis time of the decision in milliseconds since the Unix epoch
 * @param connection the connection
 * @param server {@code group/kind/name} of the Server, or {@code default/<policy>}
 * @param route {@code group/kind/name} of the route that the request took, or {@code
 *     default/<name>}; null for connections and where none was looked for
 * @param protocol {@code tcp}, {@code tls}, {@code http/1}, {@code http/2} or {@code grpc}
 * @param method HTTP method; null for connections
 * @param path HTTP path without the query, which may carry secrets; null for connections
 * @param verdict allow or deny
 * @param reason stable reason code (docs/security/audit-format.md)
 * @param authorization the authorization that matched, or on a denial the one that came nearest;
 *     null for none
 * @param failedAttribute on a denial, the attribute that failed: identity, network, tls, token,
 *     claim or rego
 * @param detail on a denial, what the nearest authorization requires
 * @param policyGeneration generation of the policy that decided; 0 when unknown
 * @param mode whether the verdict is that of the policy, or the client was allowed only because the
 *     port's access policy is {@code audit}
 * @param trial dry-run verdict: what the decision would be if everything in audit mode were
 *     enforced; null when nothing in audit mode affects the port
 * @param token whom the token of the request names; null when the request has none whose signature
 *     was verified
 * @param rego what policy bundles answered about the request, in the order in which they were asked
 * @param count decisions that the record stands for, 1 or more
 * @param sampled whether it was picked by chance from about {@code count} decisions, so that the
 *     number is an estimate
 */
public record DecisionEvent(
    long epochMillis,
    AuditedConnection connection,
    String server,
    @Nullable String route,
    String protocol,
    @Nullable String method,
    @Nullable String path,
    Verdict verdict,
    String reason,
    @Nullable String authorization,
    @Nullable String failedAttribute,
    @Nullable String detail,
    long policyGeneration,
    DecisionMode mode,
    @Nullable TrialVerdict trial,
    @Nullable AuditedToken token,
    List<AuditedRego> rego,
    long count,
    boolean sampled)
    implements AuditEvent {
  private static final int MAX_TEXT = 2048;

  /** An event about a client of whose request nothing was proved. */
  public DecisionEvent(
      long epochMillis,
      AuditedConnection connection,
      String server,
      String protocol,
      @Nullable String method,
      @Nullable String path,
      Verdict verdict,
      String reason,
      @Nullable String authorization,
      @Nullable String failedAttribute,
      @Nullable String detail,
      long policyGeneration,
      DecisionMode mode,
      @Nullable TrialVerdict trial) {
    this(
        epochMillis,
        connection,
        server,
        null,
        protocol,
        method,
        path,
        verdict,
        reason,
        authorization,
        failedAttribute,
        detail,
        policyGeneration,
        mode,
        trial,
        null,
        List.of(),
        1,
        false);
  }

  /** One decision of a sample: it stands for as many as there are for each that is picked. */
  public DecisionEvent sampledOf(long each) {
    return times(epochMillis, method, path, detail, each, true);
  }

  /**
   * Several decisions that differ only in what a summary does not have: method, path, detail.
   *
   * @param epochMillis time of the last one
   * @param count how many
   */
  public DecisionEvent summary(long epochMillis, long count) {
    return times(epochMillis, null, null, null, count, false);
  }

  private DecisionEvent times(
      long epochMillis,
      @Nullable String method,
      @Nullable String path,
      @Nullable String detail,
      long count,
      boolean sampled) {
    return new DecisionEvent(
        epochMillis,
        connection,
        server,
        route,
        protocol,
        method,
        path,
        verdict,
        reason,
        authorization,
        failedAttribute,
        detail,
        policyGeneration,
        mode,
        trial,
        token,
        rego,
        count,
        sampled);
  }

  /** Cuts method, path and detail to {@value #MAX_TEXT} characters. */
  public DecisionEvent {
    if (count < 1) {
      throw new IllegalArgumentException("count " + count + ": expected 1 or more");
    }
    rego = List.copyOf(rego);
    method = cut(method);
    path = cut(path);
    detail = cut(detail);
  }

  static @Nullable String cut(@Nullable String text) {
    return text == null || text.length() <= MAX_TEXT ? text : text.substring(0, MAX_TEXT) + "…";
  }
}
