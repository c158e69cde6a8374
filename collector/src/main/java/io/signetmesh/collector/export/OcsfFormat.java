package io.signetmesh.collector.export;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.AuditEntry.Administrative;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.AuditEntry.Missing;
import io.signetmesh.collector.query.AuditEntry.Other;
import io.signetmesh.collector.query.ClientPattern;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Open Cybersecurity Schema Framework, version 1.8.0: an object of JSON a line. Decisions on
 * requests are HTTP Activity (4002), those on connections Network Activity (4001), both with the
 * profile {@code security_control}. Administrative acts are Entity Management (3004), anything else
 * is the Base Event. What the schema has no place for is in {@code unmapped}, by the names of
 * docs/security/audit-format.md.
 */
public final class OcsfFormat implements RecordFormat {
  private static final String SCHEMA = "1.8.0";
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final int NETWORK_ACTIVITY = 4001;
  private static final int HTTP_ACTIVITY = 4002;
  private static final List<String> METHODS =
      List.of("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE", "PATCH");
  private static final int OPEN = 1;
  private static final int REFUSE = 5;
  private static final int ENTITY_MANAGEMENT = 3004;
  private static final int OTHER = 99;

  private static final int INFORMATIONAL = 1;
  private static final int MEDIUM = 3;
  private static final int HIGH = 4;

  /** Fields of the record that have a place in the schema. */
  private static final Set<String> MAPPED =
      Set.of(
          "id",
          "time",
          "received",
          "sequence",
          "client_identity",
          "client_address",
          "target_address",
          "workload",
          "method",
          "path",
          "protocol",
          "verdict",
          "reason",
          "authorization",
          "detail",
          "tls_version",
          "count",
          "act",
          "actor",
          "subject");

  private final String origin;
  private final String version;

  /**
   * A format.
   *
   * @param origin name of the log
   * @param version of Signet
   */
  public OcsfFormat(String origin, String version) {
    this.origin = origin;
    this.version = version;
  }

  @Override
  public byte[] entry(String id, AuditEntry entry) {
    ObjectNode event = JSON.createObjectNode();
    switch (entry.event()) {
      case Decision decision -> decision(event, decision);
      case Administrative act -> administrative(event, act);
      case Gap gap -> base(event, "Records were lost", gap.lost(), HIGH);
      case Missing(long from, long to, boolean unsure) ->
          base(
              event,
              unsure
                  ? "Records may not have reached the collector"
                  : "Records did not reach the collector",
              to - from + 1,
              unsure ? INFORMATIONAL : HIGH);
      case Other other -> base(event, "Record of another kind", 1, INFORMATIONAL);
    }
    event.put("time", entry.timeOrReceived().toEpochMilli());
    metadata(event.putObject("metadata"), id, entry);
    ObjectNode unmapped = JSON.createObjectNode();
    Map<String, Object> fields = EntryFields.of(id, entry);
    boolean isDecision = entry.event() instanceof Decision;
    fields.forEach(
        (name, value) -> {
          if (!MAPPED.contains(name) || (name.equals("workload") && !isDecision)) {
            put(unmapped, name, value);
          }
        });
    event.set("unmapped", unmapped);
    try {
      return (JSON.writeValueAsString(event) + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("texts and numbers are JSON", e);
    }
  }

  private static void put(ObjectNode node, String name, Object value) {
    switch (value) {
      case Long number -> node.put(name, number);
      case Boolean flag -> node.put(name, flag);
      default -> node.put(name, SafeText.of(value.toString()));
    }
  }

  private static void text(ObjectNode node, String name, @Nullable String value) {
    if (value != null) {
      node.put(name, SafeText.of(value));
    }
  }

  private static void kind(ObjectNode event, int eventClass, int activity, int severity) {
    event
        .put("category_uid", eventClass / 1000)
        .put("class_uid", eventClass)
        .put("activity_id", activity)
        .put("type_uid", eventClass * 100L + activity)
        .put("severity_id", severity);
  }

  private void metadata(ObjectNode metadata, String id, AuditEntry entry) {
    metadata.put("version", SCHEMA);
    metadata
        .putObject("product")
        .put("name", "Signet")
        .put("vendor_name", "Signet")
        .put("version", version);
    text(metadata, "uid", id);
    text(metadata, "log_name", origin);
    metadata.put("logged_time", entry.received().toEpochMilli());
    metadata.put("sequence", entry.sequence());
    if (entry.event() instanceof Decision) {
      metadata.putArray("profiles").add("security_control");
    }
  }

  private static void decision(ObjectNode event, Decision decision) {
    boolean allowed = decision.isAllowed();
    int severity = allowed ? INFORMATIONAL : MEDIUM;
    if (decision.method() == null) {
      kind(event, NETWORK_ACTIVITY, allowed ? OPEN : REFUSE, severity);
    } else {
      request(event, decision, decision.method(), severity);
    }
    event.put("action_id", allowed ? 1 : 2).put("disposition_id", allowed ? 1 : 2);
    event.put("status_id", allowed ? 1 : 2);
    text(event, "status_code", decision.reason());
    text(event, "status_detail", decision.detail());
    event.put("message", SafeText.of((allowed ? "allowed: " : "denied: ") + decision.reason()));
    if (decision.authorization() != null) {
      text(event.putObject("policy"), "name", decision.authorization());
    }
    endpoint(event, "src_endpoint", decision.clientAddress(), decision.clientIdentity());
    endpoint(event, "dst_endpoint", decision.targetAddress(), decision.workload());
    event.putObject("connection_info").put("direction_id", 1).put("protocol_name", "tcp");
    text(event, "app_name", decision.protocol());
    if (decision.tlsVersion() != null) {
      text(event.putObject("tls"), "version", decision.tlsVersion());
    }
    if (decision.count() > 1) {
      event.put("count", decision.count());
    }
  }

  private static void request(ObjectNode event, Decision decision, String method, int severity) {
    int known = METHODS.indexOf(method) + 1;
    kind(event, HTTP_ACTIVITY, known == 0 ? OTHER : known, severity);
    if (known == 0) {
      text(event, "activity_name", method);
    }
    ObjectNode request = event.putObject("http_request");
    text(request, "http_method", method);
    if (decision.path() != null) {
      text(request.putObject("url"), "path", decision.path());
    }
  }

  private static void endpoint(
      ObjectNode event, String name, @Nullable String address, @Nullable String service) {
    ObjectNode endpoint = event.putObject(name);
    if (address != null) {
      String host = ClientPattern.host(address);
      String port = address.substring(address.lastIndexOf(':') + 1);
      try {
        endpoint.put("ip", InetAddress.ofLiteral(host).getHostAddress());
        if (port.matches("[0-9]{1,5}")) {
          endpoint.put("port", Integer.parseInt(port));
        }
      } catch (IllegalArgumentException e) {
        text(endpoint, "name", address);
      }
    }
    text(endpoint, "svc_name", service == null && address == null ? "unknown" : service);
  }

  private static void administrative(ObjectNode event, Administrative act) {
    kind(event, ENTITY_MANAGEMENT, OTHER, INFORMATIONAL);
    event.put("activity_name", SafeText.of(String.valueOf(act.act())));
    event.put("message", SafeText.of(act.act() + " " + act.subject()));
    ObjectNode entity = event.putObject("entity");
    text(entity, "name", act.subject() == null ? "unknown" : act.subject());
    if (act.actor() != null) {
      text(event.putObject("actor"), "app_name", act.actor());
    }
  }

  private static void base(ObjectNode event, String message, long count, int severity) {
    kind(event, 0, OTHER, severity);
    event.put("activity_name", message).put("message", message);
    if (count > 0) {
      event.put("count", count);
    }
  }
}
