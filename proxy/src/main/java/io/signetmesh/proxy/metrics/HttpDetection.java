package io.signetmesh.proxy.metrics;

/** Result of the detection of HTTP on a connection. */
public enum HttpDetection {
  NOT_HTTP("not_http"),
  HTTP1("http/1"),
  HTTP2("http/2"),
  READ_TIMEOUT("read_timeout"),
  ERROR("error");

  private final String label;

  HttpDetection(String label) {
    this.label = label;
  }

  /** Value of the {@code result} label. */
  public String label() {
    return label;
  }
}
