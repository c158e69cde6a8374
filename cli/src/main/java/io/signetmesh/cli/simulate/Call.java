package io.signetmesh.cli.simulate;

import java.time.Instant;
import java.util.ArrayList;
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
 * @param token token of the call; null for none, or when the headers or the path have it
 * @param at time of the call, by which tokens end; null means now
 */
public record Call(
    @Nullable CallProtocol protocol,
    @Nullable String method,
    @Nullable String path,
    @Nullable String host,
    List<Header> headers,
    @Nullable CallToken token,
    @Nullable Instant at) {
  /** A call of the form that the port expects. */
  public static final Call DEFAULT = new Call(null, null, null, null, List.of());

  private static final String AUTHORIZATION = "authorization";

  /** A call without token, or with one in its headers or its path. */
  public Call(
      @Nullable CallProtocol protocol,
      @Nullable String method,
      @Nullable String path,
      @Nullable String host,
      List<Header> headers) {
    this(protocol, method, path, host, headers, null, null);
  }

  /** Copies the headers. */
  public Call {
    headers = List.copyOf(headers);
  }

  /** Whether any part is set that only requests have. */
  public boolean saysRequest() {
    return method != null || path != null || host != null || !headers.isEmpty() || token != null;
  }

  /**
   * The same call at a time.
   *
   * @param time null for now
   */
  public Call at(@Nullable Instant time) {
    return new Call(protocol, method, path, host, headers, token, time);
  }

  /**
   * The call with its token in place: wherever its headers or its path have {@link
   * CallToken#PLACE}, or else in the header {@code Authorization: Bearer}.
   *
   * @param text the token
   */
  public Call carrying(String text) {
    boolean placed = path != null && path.contains(CallToken.PLACE);
    List<Header> filled = new ArrayList<>();
    for (Header header : headers) {
      placed |= header.value().contains(CallToken.PLACE);
      filled.add(new Header(header.name(), header.value().replace(CallToken.PLACE, text)));
    }
    if (!placed) {
      filled.add(new Header(AUTHORIZATION, "Bearer " + text));
    }
    return new Call(
        protocol,
        method,
        path == null ? null : path.replace(CallToken.PLACE, text),
        host,
        filled,
        null,
        at);
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
