package io.signetmesh.bench;

/** What is measured. */
enum Work {
  /** Requests of wrk through the pair as bytes. */
  TCP("tcp", "wrk, 32 connections; proxies forward bytes"),
  /** Requests of wrk through the pair as HTTP/1.1, HTTP/2 between the proxies. */
  HTTP1("http1", "wrk, 32 connections; HTTP/2 between the proxies"),
  /** Requests of h2load through the pair as HTTP/2. */
  HTTP2("http2", "h2load -c8 -m16; HTTP/2 all the way"),
  /** Full mTLS handshakes with the server proxy. */
  HANDSHAKES("handshakes", "full TLS 1.3 handshakes with client certificate, server proxy alone"),
  /** Resident memory idle, with 32 and with 2,000 connections. */
  MEMORY("memory", "resident memory of one proxy, mean of the pair"),
  /** Time from starting the two proxies to the first answer through them. */
  STARTUP("startup", "start of both proxies to the first answer through them"),
  /** The first ten seconds of a new pair. */
  COLD("cold", "the first 10 s of a new pair, loaded from the first second");

  private final String label;
  private final String description;

  Work(String label, String description) {
    this.label = label;
    this.description = description;
  }

  String label() {
    return label;
  }

  String description() {
    return description;
  }
}
