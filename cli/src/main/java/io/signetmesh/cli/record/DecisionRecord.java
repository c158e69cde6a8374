package io.signetmesh.cli.record;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A decision as an audit journal has it, see docs/security/audit-format.md.
 *
 * @param sequence number of the record in its journal
 * @param time when it was made
 * @param workload workload that decided, {@code namespace/name}
 * @param server Server in force
 * @param clientIdentity identity of the client; null when it showed none
 * @param clientAddress address of the client, {@code ip:port}
 * @param targetAddress address that the client wanted, {@code ip:port}
 * @param protocol {@code tcp}, {@code tls}, {@code http/1}, {@code http/2} or {@code grpc}
 * @param method HTTP method; null for connections
 * @param path HTTP path; null for connections
 * @param allowed the verdict
 * @param reason stable reason code
 * @param authorization what matched, or came nearest
 * @param failedAttribute on a denial the attribute that failed
 * @param detail on a denial what the nearest authorization wants
 * @param policyGeneration generation of the policy that decided
 * @param mode {@code enforce}, or {@code audit} when the client was let through by audit only;
 *     empty in records of proxies that do not state it
 * @param trial what the decision would be if everything in audit mode were in force; null when
 *     nothing in audit mode affects the port
 * @param tlsVersion TLS version; null without TLS
 * @param tlsGroup key exchange group; null without TLS
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
   * The dry-run verdict.
   *
   * @param allowed what the outcome would be
   * @param reason stable reason code
   * @param authorization what would match, or comes nearest
   * @param failedAttribute on a denial the attribute that would fail
   * @param detail on a denial what the nearest authorization wants
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
