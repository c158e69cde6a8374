package io.signetmesh.cli.simulate;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A call. A part that is null takes the form that the port expects: its protocol, GET (POST for
 * gRPC), path {@code /}, and the workload's name as host.
 *
 * @param protocol protocol that the client uses
 * @param method HTTP method
 * @param path request target, as sent: path and query, {@code *}, or with HTTP/1 the absolute form
 * @param host host, with or without port
 * @param headers additional headers
 */
public record Call(
    @Nullable CallProtocol protocol,
    @Nullable String method,
    @Nullable String path,
    @Nullable String host,
    List<Header> headers) {
  /** A call of the form that the port expects. */
  public static final Call DEFAULT = new Call(null, null, null, null, List.of());

  /** Copies the headers. */
  public Call {
    headers = List.copyOf(headers);
  }

  /** Whether any part is set that only requests have. */
  public boolean saysRequest() {
    return method != null || path != null || host != null || !headers.isEmpty();
  }

  /**
   * A header.
   *
   * @param name name, case-insensitive
   * @param value value
   */
  public record Header(String name, String value) {
    /**
     * Parses {@code name: value} or {@code name:value}.
     *
     * @throws IllegalArgumentException when the text has another form
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
