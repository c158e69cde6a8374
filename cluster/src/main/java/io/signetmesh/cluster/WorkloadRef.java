package io.signetmesh.cluster;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.signetmesh.crds.text.PlainText;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Identifies a workload, in the way that proxies name it when they ask for policy.
 *
 * @param namespace its namespace, a DNS label (RFC 1123)
 * @param name its name, a DNS subdomain (RFC 1123)
 * @param kind Pod or ExternalWorkload
 */
public record WorkloadRef(String namespace, String name, Kind kind)
    implements Comparable<WorkloadRef> {
  /** Kinds of workload. */
  public enum Kind {
    /** A Kubernetes pod. */
    POD,
    /** An {@code ExternalWorkload}. */
    EXTERNAL_WORKLOAD
  }

  private static final Pattern NAMESPACE = Pattern.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?");
  private static final Pattern NAME =
      Pattern.compile(
          "(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
  private static final int MAX_WIRE = 1024;
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /**
   * Checks the names.
   *
   * @throws IllegalArgumentException when the namespace is not a DNS label or the name is not a DNS
   *     subdomain
   */
  public WorkloadRef {
    if (!NAMESPACE.matcher(namespace).matches()) {
      throw new IllegalArgumentException(
          "namespace " + quoted(namespace) + ": expected a DNS label");
    }
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          (kind == Kind.POD ? "pod " : "external workload ")
              + quoted(name)
              + ": expected a DNS subdomain");
    }
  }

  /** A pod. */
  public static WorkloadRef pod(String namespace, String name) {
    return new WorkloadRef(namespace, name, Kind.POD);
  }

  /** An external workload. */
  public static WorkloadRef externalWorkload(String namespace, String name) {
    return new WorkloadRef(namespace, name, Kind.EXTERNAL_WORKLOAD);
  }

  /**
   * Parses {@code ns:pod}, {@code {"ns":…,"pod":…}} or {@code {"ns":…,"external_workload":…}}.
   * Other fields of the JSON forms are ignored, because context tokens have some.
   *
   * @throws IllegalArgumentException when the text has another form; the message says what is
   *     missing
   */
  public static WorkloadRef parse(String wire) {
    if (wire.length() > MAX_WIRE) {
      throw new IllegalArgumentException(
          "workload of " + wire.length() + " characters: expected at most " + MAX_WIRE);
    }
    if (!wire.stripLeading().startsWith("{")) {
      int colon = wire.indexOf(':');
      if (colon < 0) {
        throw new IllegalArgumentException(
            "workload " + quoted(wire) + ": expected <namespace>:<pod> or a JSON object");
      }
      return pod(wire.substring(0, colon), wire.substring(colon + 1));
    }
    JsonNode json;
    try {
      json = JSON.readTree(wire);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("workload " + quoted(wire) + ": not valid JSON", e);
    }
    String namespace = text(json, "ns", wire);
    String pod = text(json, "pod", wire);
    String external = text(json, "external_workload", wire);
    if (namespace == null) {
      throw new IllegalArgumentException("workload " + quoted(wire) + ": \"ns\" is missing");
    }
    if (pod != null && external == null) {
      return pod(namespace, pod);
    }
    if (external != null && pod == null) {
      return externalWorkload(namespace, external);
    }
    throw new IllegalArgumentException(
        "workload " + quoted(wire) + ": expected either \"pod\" or \"external_workload\"");
  }

  /** The name in the JSON form that {@link #parse} reads. */
  public String toWire() {
    return JsonNodeFactory.instance
        .objectNode()
        .put("ns", namespace)
        .put(kind == Kind.POD ? "pod" : "external_workload", name)
        .toString();
  }

  @Override
  public int compareTo(WorkloadRef other) {
    int order = namespace.compareTo(other.namespace);
    if (order == 0) {
      order = name.compareTo(other.name);
    }
    return order == 0 ? kind.compareTo(other.kind) : order;
  }

  /** {@code ns/pod}, or {@code ns/name (external)}. */
  @Override
  public String toString() {
    return namespace + "/" + name + (kind == Kind.POD ? "" : " (external)");
  }

  private static @Nullable String text(JsonNode json, String field, String wire) {
    JsonNode value = json.get(field);
    if (value == null || value.isNull()) {
      return null;
    }
    if (!value.isTextual()) {
      throw new IllegalArgumentException(
          "workload " + quoted(wire) + ": \"" + field + "\" is not a string");
    }
    return value.textValue();
  }

  private static String quoted(String text) {
    String shown = text.length() <= 120 ? text : text.substring(0, 120) + "...";
    return "\"" + PlainText.of(shown) + "\"";
  }
}
