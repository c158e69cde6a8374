package io.signetmesh.crds.schema;

import java.util.regex.Pattern;

/** Formats of strings, as custom resource definitions and the Kubernetes API require them. */
public enum TextFormat {
  /** API group: empty, or a lower-case DNS subdomain. */
  GROUP("|" + Patterns.SUBDOMAIN, 0, 253, "an API group (a lower-case DNS subdomain, or empty)"),
  /** Kind of a resource. */
  KIND("[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?", 1, 63, "a kind (letters, digits and '-')"),
  /** Name of a resource in a reference: only the length is bounded. */
  NAME("(?s).*", 1, 253, "a name of 1 to 253 characters"),
  /** DNS label (RFC 1123). */
  LABEL(Patterns.LABEL, 1, 63, "a lower-case DNS label of 1 to 63 characters"),
  /** DNS subdomain (RFC 1123): names of most Kubernetes objects. */
  SUBDOMAIN(Patterns.SUBDOMAIN, 1, 253, "a lower-case DNS subdomain"),
  /** Namespace in a reference: only the length is bounded. */
  NAMESPACE("(?s).*", 0, 253, "a namespace of at most 253 characters"),
  /** Host name of a route. The first label may be a wildcard. */
  HOST("(\\*\\.)?" + Patterns.SUBDOMAIN, 1, 253, "a DNS name, with an optional leading '*.'"),
  /** Host name without a wildcard. */
  PRECISE_HOST(Patterns.SUBDOMAIN, 1, 253, "a DNS name"),
  /** Name of a section of a parent. */
  SECTION(Patterns.SUBDOMAIN, 1, 253, "a section name (a lower-case DNS subdomain)"),
  /** HTTP token (RFC 9110, section 5.6.2): header and query parameter names. */
  HTTP_TOKEN("[A-Za-z0-9!#$%&'*+\\-.^_`|~]+", 1, 256, "an HTTP token of 1 to 256 characters"),
  /**
   * Identity in a ServerAuthorization: a DNS name whose first label may be a wildcard, or {@code *}
   * alone.
   */
  IDENTITY(
      "\\*|(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
      1,
      253,
      "'*' or a DNS-like identity whose first label may be '*'"),
  /** Service part of a gRPC method. */
  GRPC_SERVICE("(?i)[a-z_][a-z_0-9]*(\\.[a-z_][a-z_0-9]*)*", 0, 1024, "a gRPC service name"),
  /** Method part of a gRPC method. */
  GRPC_METHOD("[A-Za-z_][A-Za-z_0-9]*", 0, 1024, "a gRPC method name"),
  /** Duration of the Gateway API (GEP-2257). */
  GATEWAY_DURATION(
      "([0-9]{1,5}(h|m|s|ms)){1,4}",
      1,
      24,
      "a duration such as 500ms, 10s or 1h30m (up to four parts)"),
  /** Duration in Go's format; {@link GoDuration} parses it. */
  GO_DURATION(
      "[-+]?(0|([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+",
      1,
      64,
      "a duration such as 500ms, 10s or 1h30m"),
  /** Size of memory; {@link ByteSize} parses it. */
  BYTE_SIZE("[0-9]{1,9}(Ki|Mi|Gi)?", 1, 12, "a size such as 16Mi or 512Ki"),
  /** IPv4 or IPv6 address, without zone. */
  IP("(?s).*", 2, 45, "an IP address");

  private final Pattern pattern;
  private final int min;
  private final int max;
  private final String description;

  TextFormat(String regex, int min, int max, String description) {
    this.pattern = Pattern.compile(regex);
    this.min = min;
    this.max = max;
    this.description = description;
  }

  /** Whether the value has this format. For {@link #IP}, only the length is checked. */
  public boolean matches(String value) {
    return value.length() >= min && value.length() <= max && pattern.matcher(value).matches();
  }

  /** The expected format, for error messages: "a lower-case DNS label of 1 to 63 characters". */
  public String description() {
    return description;
  }

  /** Regular expression that the whole value matches. */
  public String regex() {
    return pattern.pattern();
  }

  /** Least number of characters. */
  public int minLength() {
    return min;
  }

  /** Greatest number of characters. */
  public int maxLength() {
    return max;
  }

  private static final class Patterns {
    static final String LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    static final String SUBDOMAIN = LABEL + "(\\." + LABEL + ")*";

    private Patterns() {}
  }
}
