package io.signetmesh.bench;

/** How a load talks to the client proxy. */
public enum Protocol {
  TCP("tcp"),
  HTTP1("http1"),
  HTTP2("http2"),
  /** HTTP/1.1 with a token in each request. */
  JWT("jwt");

  private final String label;

  Protocol(String label) {
    this.label = label;
  }

  /** Name in results. */
  public String label() {
    return label;
  }
}
