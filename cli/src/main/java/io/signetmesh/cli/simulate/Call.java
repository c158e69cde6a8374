package io.signetmesh.cli.simulate;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What is asked for. What is null takes the form that the port expects: its protocol, GET (POST for
 * gRPC), path {@code /}, the workload's name as host.
 *
 * @param protocol what the client speaks
 * @param method method token
 * @param path target as sent: path with query, {@code *}, or absolute form with HTTP/1
 * @param host host, with or without port
 * @param headers further headers
 */
public record Call(
    @Nullable CallProtocol protocol,
    @Nullable String method,
    @Nullable String path,
    @Nullable String host,
    List<Header> headers) {
  /** Whatever the port expects. */
  public static final Call DEFAULT = new Call(null, null, null, null, List.of());

  /** Copies the headers. */
  public Call {
    headers = List.copyOf(headers);
  }

  /** Whether something is said that only requests have. */
  public boolean saysRequest() {
    return method != null || path != null || host != null || !headers.isEmpty();
  }

  /**
   * A header.
   *
   * @param name name; compared without regard to case
   * @param value value
   */
  public record Header(String name, String value) {
    /**
     * Reads {@code name: value} or {@code name:value}.
     *
     * @throws IllegalArgumentException for anything else
     */
    public static Header parse(String text) {
      int colon = text.indexOf(':');
      if (colon < 1) {
        throw new IllegalArgumentException("'" + text + "' is no header: expected NAME:VALUE");
      }
      return new Header(text.substring(0, colon), text.substring(colon + 1).strip());
    }

    /** The name in lower case. */
    String key() {
      return name.toLowerCase(Locale.ROOT);
    }
  }
}
