package io.signetmesh.collector.export;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.AuditEntry.Administrative;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.AuditEntry.Missing;
import io.signetmesh.collector.query.AuditEntry.Other;
import io.signetmesh.collector.query.AuditEntry.Token;
import io.signetmesh.collector.query.AuditEntry.Trial;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The fields of an entry by their names, in a fixed order: texts and integers. Names are those of
 * docs/security/audit-format.md, with {@code trial_} and {@code token_} in front of what is nested.
 */
public final class EntryFields {
  /** All names, in the order in which {@link #of} has them. */
  public static final List<String> NAMES =
      List.of(
          "id",
          "time",
          "received",
          "writer",
          "journal",
          "sequence",
          "foreign",
          "kind",
          "workload",
          "server",
          "route",
          "client_identity",
          "client_address",
          "target_address",
          "protocol",
          "method",
          "path",
          "verdict",
          "reason",
          "authorization",
          "failed_attribute",
          "detail",
          "policy_generation",
          "mode",
          "trial_verdict",
          "trial_reason",
          "trial_authorization",
          "trial_failed_attribute",
          "trial_detail",
          "token_issuer",
          "token_subject",
          "token_id",
          "token_key_id",
          "rego",
          "tls_version",
          "tls_group",
          "count",
          "act",
          "actor",
          "subject",
          "attributes",
          "lost",
          "missing_from",
          "missing_to");

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Map<String, Object> fields = new LinkedHashMap<>();

  private EntryFields() {}

  /** The fields that an entry has. Values are {@link String}, {@link Long} or {@link Boolean}. */
  public static Map<String, Object> of(String id, AuditEntry entry) {
    EntryFields all = new EntryFields();
    all.text("id", id);
    all.text("time", entry.timeOrReceived().toString());
    all.text("received", entry.received().toString());
    all.text("writer", entry.writer());
    all.text("journal", entry.journal());
    all.fields.put("sequence", entry.sequence());
    if (entry.foreign()) {
      all.fields.put("foreign", true);
    }
    switch (entry.event()) {
      case Decision decision -> all.decision(decision);
      case Administrative administrative -> all.administrative(administrative);
      case Gap(long lost, String workload) -> {
        all.text("kind", "gap");
        all.text("workload", workload);
        all.fields.put("lost", lost);
      }
      case Missing(long from, long to, boolean unsure) -> {
        all.text("kind", "missing");
        if (unsure) {
          all.text("detail", "the log may have them");
        }
        all.fields.put("missing_from", from);
        all.fields.put("missing_to", to);
      }
      case Other(String kind) -> all.text("kind", kind.isEmpty() ? "other" : kind);
    }
    return all.fields;
  }

  private void text(String name, @Nullable String value) {
    if (value != null) {
      fields.put(name, value);
    }
  }

  private void decision(Decision decision) {
    text("kind", "decision");
    text("workload", decision.workload());
    text("server", decision.server());
    text("route", decision.route());
    text("client_identity", decision.clientIdentity());
    text("client_address", decision.clientAddress());
    text("target_address", decision.targetAddress());
    text("protocol", decision.protocol());
    text("method", decision.method());
    text("path", decision.path());
    text("verdict", decision.verdict());
    text("reason", decision.reason());
    text("authorization", decision.authorization());
    text("failed_attribute", decision.failedAttribute());
    text("detail", decision.detail());
    fields.put("policy_generation", decision.policyGeneration());
    text("mode", decision.mode());
    Trial trial = decision.trial();
    if (trial != null) {
      text("trial_verdict", trial.verdict());
      text("trial_reason", trial.reason());
      text("trial_authorization", trial.authorization());
      text("trial_failed_attribute", trial.failedAttribute());
      text("trial_detail", trial.detail());
    }
    Token token = decision.token();
    if (token != null) {
      text("token_issuer", token.issuer());
      text("token_subject", token.subject());
      text("token_id", token.id());
      text("token_key_id", token.keyId());
    }
    if (!decision.rego().isEmpty()) {
      text("rego", json(decision.rego()));
    }
    text("tls_version", decision.tlsVersion());
    text("tls_group", decision.tlsGroup());
    if (decision.count() > 1) {
      fields.put("count", decision.count());
    }
  }

  private void administrative(Administrative administrative) {
    text("kind", "administrative");
    text("act", administrative.act());
    text("actor", administrative.actor());
    text("subject", administrative.subject());
    if (!administrative.attributes().isEmpty()) {
      text("attributes", json(new TreeMap<>(administrative.attributes())));
    }
  }

  private static String json(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("texts are JSON", e);
    }
  }
}
