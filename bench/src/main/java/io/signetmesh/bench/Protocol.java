package io.signetmesh.bench;

/** How a load talks to the client proxy. */
public enum Protocol {
  TCP("tcp"),
  HTTP1("http1"),
  HTTP2("http2");

  private final String label;

  Protocol(String label) {
    this.label = label;
  }

  String label() {
    return label;
  }
}
