package io.signetmesh.cli.simulate;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Arrays;
import java.util.stream.Collectors;

/** Protocol of a client, as it arrives at the proxy of the called workload. */
public enum CallProtocol {
  /** HTTP/1. */
  HTTP1("http/1"),
  /** HTTP/2. */
  HTTP2("http/2"),
  /** gRPC over HTTP/2. */
  GRPC("grpc"),
  /** Bytes that are not HTTP. */
  TCP("tcp"),
  /** TLS that the applications terminate themselves. */
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

  /** Whether it carries requests. */
  public boolean isHttp() {
    return this == HTTP1 || this == HTTP2 || this == GRPC;
  }

  /**
   * Parses the spelling of {@link #wireName}.
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
