package io.signetmesh.cli.record;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A decision in an audit journal (docs/security/audit-format.md).
 *
 * @param sequence sequence number of the record in its journal
 * @param time time of the decision
 * @param workload workload whose proxy decided, {@code namespace/name}
 * @param server Server of the port, or its default policy
 * @param clientIdentity verified identity of the client; null without one
 * @param clientAddress address of the client, {@code ip:port}
 * @param targetAddress address that the client connected to, {@code ip:port}
 * @param protocol {@code tcp}, {@code tls}, {@code http/1}, {@code http/2} or {@code grpc}
 * @param method HTTP method; null for connections
 * @param path HTTP path; null for connections
 * @param allowed whether the client was allowed
 * @param reason stable reason code
 * @param authorization the authorization that matched, or on a denial the one that came nearest
 * @param failedAttribute on a denial, the attribute that failed: identity, network or tls
 * @param detail on a denial, what the nearest authorization requires
 * @param policyGeneration generation of the policy that decided
 * @param mode {@code enforce}; {@code audit} if the client was allowed only by the access policy
 *     {@code audit}; empty in records of proxies that do not state it
 * @param trial dry-run verdict: what the decision would be if everything in audit mode were
 *     enforced; null when nothing in audit mode affects the port
 * @param tlsVersion TLS version, such as {@code TLSv1.3}; null without TLS
 * @param tlsGroup key exchange group, such as {@code X25519MLKEM768}; null without TLS
 */
public record DecisionRecord(
    long sequence,
    Instant time,
    String workload,
    String server,
    @Nullable String clientIdentity,
    String clientAddress,
    String targetAddress,
    String protocol,
    @Nullable String method,
    @Nullable String path,
    boolean allowed,
    String reason,
    @Nullable String authorization,
    @Nullable String failedAttribute,
    @Nullable String detail,
    long policyGeneration,
    String mode,
    @Nullable DryRun trial,
    @Nullable String tlsVersion,
    @Nullable String tlsGroup) {

  /**
   * Verdict of a dry run.
   *
   * @param allowed whether the client would be allowed
   * @param reason stable reason code
   * @param authorization the authorization that would match, or on a denial the one that comes
   *     nearest
   * @param failedAttribute on a denial, the attribute that would fail
   * @param detail on a denial, what the nearest authorization requires
   */
  public record DryRun(
      boolean allowed,
      String reason,
      @Nullable String authorization,
      @Nullable String failedAttribute,
      @Nullable String detail) {

    private static @Nullable DryRun of(@Nullable JsonNode dryRun) {
      return dryRun == null
          ? null
          : new DryRun(
              dryRun.path("verdict").asText().equals("allow"),
              dryRun.path("reason").asText(),
              text(dryRun, "authorization"),
              text(dryRun, "failed_attribute"),
              text(dryRun, "detail"));
    }
  }

  /** The record of a journal line; null when the line is no decision. */
  static @Nullable DecisionRecord of(JsonNode line) {
    JsonNode decision = line.get("decision");
    if (decision == null) {
      return null;
    }
    return new DecisionRecord(
        line.path("sequence").asLong(),
        Instant.parse(line.path("time").asText()),
        decision.path("workload").asText(),
        decision.path("server").asText(),
        text(decision, "client_identity"),
        decision.path("client_address").asText(),
        decision.path("target_address").asText(),
        decision.path("protocol").asText(),
        text(decision, "method"),
        text(decision, "path"),
        decision.path("verdict").asText().equals("allow"),
        decision.path("reason").asText(),
        text(decision, "authorization"),
        text(decision, "failed_attribute"),
        text(decision, "detail"),
        decision.path("policy_generation").asLong(),
        decision.path("mode").asText(),
        DryRun.of(decision.get("trial")),
        text(decision, "tls_version"),
        text(decision, "tls_group"));
  }

  private static @Nullable String text(JsonNode node, String name) {
    JsonNode value = node.get(name);
    return value == null || value.isNull() ? null : value.asText();
  }
}
