package io.signetmesh.cli.simulate;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Arrays;
import java.util.stream.Collectors;

/** What a client speaks, as it arrives at the proxy of the workload that is called. */
public enum CallProtocol {
  /** HTTP/1. */
  HTTP1("http/1"),
  /** HTTP/2. */
  HTTP2("http/2"),
  /** gRPC over HTTP/2. */
  GRPC("grpc"),
  /** Bytes that are no HTTP. */
  TCP("tcp"),
  /** TLS of the applications' own. */
  TLS("tls");

  private final String wireName;

  CallProtocol(String wireName) {
    this.wireName = wireName;
  }

  /** Spelling in case files, options and records. */
  @JsonValue
  public String wireName() {
    return wireName;
  }

  /** Whether it consists of requests. */
  public boolean isHttp() {
    return this == HTTP1 || this == HTTP2 || this == GRPC;
  }

  /**
   * The protocol of that spelling.
   *
   * @throws IllegalArgumentException for any other text
   */
  public static CallProtocol parse(String text) {
    for (CallProtocol protocol : values()) {
      if (protocol.wireName.equals(text)) {
        return protocol;
      }
    }
    throw new IllegalArgumentException(
        "'"
            + text
            + "' is no protocol: expected "
            + Arrays.stream(values())
                .map(CallProtocol::wireName)
                .collect(Collectors.joining(", ")));
  }
}
