package io.signetmesh.audit;

import org.jspecify.annotations.Nullable;

/**
 * An authorization decision. One allocation on the event loop; it is formatted by the writer.
 *
 * <p>What clients choose freely is cut to {@value #MAX_TEXT} characters, so that a flood of long
 * paths neither fills the memory while it waits to be written nor drives older records out of the
 * journal.
 *
 * @param epochMillis when it was made
 * @param connection the connection that it was made on
 * @param server {@code group/kind/name} of the Server in force, or {@code default/<policy>}
 * @param protocol {@code tcp}, {@code tls}, {@code http/1}, {@code http/2} or {@code grpc}
 * @param method HTTP method, null for connections
 * @param path HTTP path without its query (queries carry secrets), null for connections
 * @param verdict the outcome
 * @param reason stable reason code, see docs/security/audit-format.md
 * @param authorization the authorization that matched, or on a denial the nearest one
 * @param failedAttribute on a denial the attribute that failed: identity, network, tls
 * @param detail on a denial what the nearest authorization wants
 * @param policyGeneration generation of the policy that decided; 0 when unknown
 * @param mode whether the verdict is that of policy, or the client was let through only because the
 *     port's access policy is audit
 * @param trial what the decision would be if everything in audit mode were in force; null when
 *     nothing in audit mode affects the port
 */
public record DecisionEvent(
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
    @Nullable TrialVerdict trial)
    implements AuditEvent {
  private static final int MAX_TEXT = 2048;

  /** Cuts texts that are too long. */
  public DecisionEvent {
    method = cut(method);
    path = cut(path);
    detail = cut(detail);
  }

  static @Nullable String cut(@Nullable String text) {
    return text == null || text.length() <= MAX_TEXT ? text : text.substring(0, MAX_TEXT) + "…";
  }
}
