package io.signetmesh.collector.export;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest;
import io.opentelemetry.proto.common.v1.AnyValue;
import io.opentelemetry.proto.common.v1.InstrumentationScope;
import io.opentelemetry.proto.common.v1.KeyValue;
import io.opentelemetry.proto.logs.v1.LogRecord;
import io.opentelemetry.proto.logs.v1.ResourceLogs;
import io.opentelemetry.proto.logs.v1.ScopeLogs;
import io.opentelemetry.proto.logs.v1.SeverityNumber;
import io.opentelemetry.proto.resource.v1.Resource;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.AuditEntry.Administrative;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.AuditEntry.Missing;
import io.signetmesh.collector.query.AuditEntry.Other;
import io.signetmesh.collector.query.ClientPattern;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Log records of OpenTelemetry (OTLP 1.x). As lines it is the format of OTLP's file exporter: a
 * request in OTLP's form of JSON each. Attributes are named by OpenTelemetry's semantic conventions
 * where they have a name, and {@code signet.} and the field of the record otherwise.
 */
public final class OtlpFormat implements RecordFormat {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Fields that have an attribute of the conventions, or a place in the record. */
  private static final List<String> ELSEWHERE =
      List.of("id", "time", "received", "client_address", "target_address", "method", "path");

  private final String origin;
  private final String version;

  /**
   * A format.
   *
   * @param origin name of the log
   * @param version of Signet
   */
  public OtlpFormat(String origin, String version) {
    this.origin = origin;
    this.version = version;
  }

  @Override
  public byte[] entry(String id, AuditEntry entry) {
    try {
      String line = JSON.writeValueAsString(json(request(List.of(record(id, entry)))));
      return (SafeText.of(line) + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("texts and numbers are JSON", e);
    }
  }

  /** A request that delivers records. */
  public ExportLogsServiceRequest request(List<LogRecord> records) {
    return ExportLogsServiceRequest.newBuilder()
        .addResourceLogs(
            ResourceLogs.newBuilder()
                .setResource(
                    Resource.newBuilder()
                        .addAttributes(text("service.name", "signet"))
                        .addAttributes(text("service.version", version))
                        .addAttributes(text("signet.audit.log", origin)))
                .addScopeLogs(
                    ScopeLogs.newBuilder()
                        .setScope(
                            InstrumentationScope.newBuilder()
                                .setName("io.signetmesh.audit")
                                .setVersion(version))
                        .addAllLogRecords(records)))
        .build();
  }

  /** The record of an entry. */
  public LogRecord record(String id, AuditEntry entry) {
    LogRecord.Builder record =
        LogRecord.newBuilder()
            .setTimeUnixNano(nanos(entry.timeOrReceived()))
            .setObservedTimeUnixNano(nanos(entry.received()));
    Map<String, Object> fields = EntryFields.of(id, entry);
    record.setEventName("signet.audit." + fields.get("kind"));
    record.addAttributes(text("log.record.uid", id));
    switch (entry.event()) {
      case Decision decision -> {
        boolean allowed = decision.isAllowed();
        severity(
            record,
            allowed ? SeverityNumber.SEVERITY_NUMBER_INFO : SeverityNumber.SEVERITY_NUMBER_WARN);
        record.setBody(body((allowed ? "allowed: " : "denied: ") + decision.reason()));
        endpoint(record, "client", decision.clientAddress());
        endpoint(record, "server", decision.targetAddress());
        optional(record, "http.request.method", decision.method());
        optional(record, "url.path", decision.path());
      }
      case Administrative act -> {
        severity(record, SeverityNumber.SEVERITY_NUMBER_INFO);
        record.setBody(body(act.act() + " " + act.subject()));
      }
      case Gap gap -> {
        severity(record, SeverityNumber.SEVERITY_NUMBER_ERROR);
        record.setBody(body("records were lost: " + gap.lost()));
      }
      case Missing(long from, long to, boolean unsure) -> {
        severity(
            record,
            unsure ? SeverityNumber.SEVERITY_NUMBER_INFO : SeverityNumber.SEVERITY_NUMBER_ERROR);
        record.setBody(
            body(
                (unsure
                        ? "records may not have reached the collector: "
                        : "records did not reach the collector: ")
                    + from
                    + " to "
                    + to));
      }
      case Other other -> {
        severity(record, SeverityNumber.SEVERITY_NUMBER_INFO);
        record.setBody(body("record of another kind: " + other.kind()));
      }
    }
    fields.forEach(
        (name, value) -> {
          if (!ELSEWHERE.contains(name)) {
            record.addAttributes(attribute("signet." + name, value));
          }
        });
    return record.build();
  }

  private static void severity(LogRecord.Builder record, SeverityNumber severity) {
    record.setSeverityNumber(severity);
    record.setSeverityText(severity.name().substring("SEVERITY_NUMBER_".length()));
  }

  private static AnyValue body(String text) {
    return AnyValue.newBuilder().setStringValue(SafeText.of(text)).build();
  }

  private static void optional(LogRecord.Builder record, String name, @Nullable String value) {
    if (value != null) {
      record.addAttributes(text(name, value));
    }
  }

  private static void endpoint(LogRecord.Builder record, String side, @Nullable String address) {
    if (address != null) {
      record.addAttributes(text(side + ".address", ClientPattern.host(address)));
      String port = address.substring(address.lastIndexOf(':') + 1);
      if (port.matches("[0-9]{1,5}")) {
        record.addAttributes(attribute(side + ".port", Long.parseLong(port)));
      }
    }
  }

  private static KeyValue text(String name, String value) {
    return attribute(name, value);
  }

  private static KeyValue attribute(String name, Object value) {
    AnyValue.Builder any = AnyValue.newBuilder();
    switch (value) {
      case Long number -> any.setIntValue(number);
      case Boolean flag -> any.setBoolValue(flag);
      default -> any.setStringValue(SafeText.of(value.toString()));
    }
    return KeyValue.newBuilder().setKey(name).setValue(any).build();
  }

  /** Since 1970, up to the year 2262, which is what 64 bits hold: a writer chooses the time. */
  private static long nanos(Instant time) {
    long seconds = Math.clamp(time.getEpochSecond(), 0, Long.MAX_VALUE / 1_000_000_000L - 1);
    return seconds * 1_000_000_000L + time.getNano();
  }

  /** OTLP's form of JSON: enumerations are numbers, 64-bit integers are texts. */
  private static ObjectNode json(ExportLogsServiceRequest request) {
    ObjectNode all = JSON.createObjectNode();
    ArrayNode resources = all.putArray("resourceLogs");
    for (ResourceLogs resourceLogs : request.getResourceLogsList()) {
      ObjectNode resource = resources.addObject();
      attributes(
          resource.putObject("resource").putArray("attributes"),
          resourceLogs.getResource().getAttributesList());
      ArrayNode scopes = resource.putArray("scopeLogs");
      for (ScopeLogs scopeLogs : resourceLogs.getScopeLogsList()) {
        ObjectNode scope = scopes.addObject();
        scope
            .putObject("scope")
            .put("name", scopeLogs.getScope().getName())
            .put("version", scopeLogs.getScope().getVersion());
        ArrayNode records = scope.putArray("logRecords");
        for (LogRecord record : scopeLogs.getLogRecordsList()) {
          ObjectNode node =
              records
                  .addObject()
                  .put("timeUnixNano", Long.toUnsignedString(record.getTimeUnixNano()))
                  .put(
                      "observedTimeUnixNano",
                      Long.toUnsignedString(record.getObservedTimeUnixNano()))
                  .put("severityNumber", record.getSeverityNumberValue())
                  .put("severityText", record.getSeverityText());
          node.set("body", value(record.getBody()));
          attributes(node.putArray("attributes"), record.getAttributesList());
          node.put("eventName", record.getEventName());
        }
      }
    }
    return all;
  }

  private static void attributes(ArrayNode array, List<KeyValue> attributes) {
    for (KeyValue attribute : attributes) {
      array.addObject().put("key", attribute.getKey()).set("value", value(attribute.getValue()));
    }
  }

  private static ObjectNode value(AnyValue any) {
    ObjectNode node = JSON.createObjectNode();
    return switch (any.getValueCase()) {
      case INT_VALUE -> node.put("intValue", Long.toString(any.getIntValue()));
      case BOOL_VALUE -> node.put("boolValue", any.getBoolValue());
      default -> node.put("stringValue", any.getStringValue());
    };
  }
}
