package io.signetmesh.crds.policy;

import com.fasterxml.jackson.annotation.JsonValue;

/** Protocol that a proxy expects on a Server's port. Spellings are case-sensitive. */
public enum ProxyProtocol {
  /** Not declared: the proxy detects it. */
  UNKNOWN("unknown"),
  /** HTTP/1.x. */
  HTTP_1("HTTP/1"),
  /** HTTP/2. */
  HTTP_2("HTTP/2"),
  /** gRPC. */
  GRPC("gRPC"),
  /** Opaque bytes: the proxy does not parse them. */
  OPAQUE("opaque"),
  /** TLS that the application terminates itself. */
  TLS("TLS");

  private final String wireName;

  ProxyProtocol(String wireName) {
    this.wireName = wireName;
  }

  /** Spelling in manifests. */
  @JsonValue
  public String wireName() {
    return wireName;
  }
}
