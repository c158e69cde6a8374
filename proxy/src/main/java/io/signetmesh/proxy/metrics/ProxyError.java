package io.signetmesh.proxy.metrics;

/** Failures of the proxy itself, as {@code *_errors_total} name them. */
public enum ProxyError {
  /** No endpoint was ready in time. */
  FAILFAST("failfast"),
  /** A queue was full. */
  LOADSHED("loadshed"),
  GATEWAY_LOOP("gateway loop"),
  GATEWAY_DOMAIN_INVALID("gateway domain invalid"),
  /** The peer does not have the required identity. */
  IDENTITY_REQUIRED("identity required"),
  /** A connection failed or broke. */
  IO("i/o"),
  /** It could not be put on record. */
  UNRECORDED("audit unavailable"),
  RESPONSE_TIMEOUT("response timeout"),
  TLS_DETECTION_TIMEOUT("tls detection timeout"),
  UNEXPECTED("unexpected");

  private final String label;

  ProxyError(String label) {
    this.label = label;
  }

  /** Value of the {@code error} label. */
  public String label() {
    return label;
  }
}
