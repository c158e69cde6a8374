package io.signetmesh.bench;

/** What is measured. */
enum Work {
  /** Requests through the pair as bytes. */
  TCP("tcp", "h2load --h1 -c32; proxies forward bytes"),
  /** Requests through the pair as HTTP/1.1, HTTP/2 between the proxies. */
  HTTP1("http1", "h2load --h1 -c32; HTTP/2 between the proxies"),
  /** Requests through the pair as HTTP/2. */
  HTTP2("http2", "h2load -c8 -m16; HTTP/2 all the way"),
  /** As HTTP1, with one of 1,000 tokens in each request. */
  JWT("jwt", "wrk, 32 connections; each request has one of 1,000 tokens by ES256"),
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
