package io.signetmesh.crds.token;

import com.fasterxml.jackson.annotation.JsonValue;

/** What a token must be bound to. */
public enum TokenBinding {
  /** Nothing: whoever has the token may use it. */
  NONE("None"),
  /** The client's mesh certificate, by {@code cnf.x5t#S256} (RFC 8705 section 3). */
  CERTIFICATE("Certificate"),
  /** A key that the client proves to have with each request, by {@code cnf.jkt} (RFC 9449). */
  DPOP("DPoP");

  private final String wireName;

  TokenBinding(String wireName) {
    this.wireName = wireName;
  }

  /** Spelling in manifests. */
  @JsonValue
  public String wireName() {
    return wireName;
  }
}
