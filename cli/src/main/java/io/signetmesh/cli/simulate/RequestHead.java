package io.signetmesh.cli.simulate;

import io.signetmesh.proxy.authorize.RequestFacts;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A request as the proxy decides about it: in origin form, with lower-case header names. */
final class RequestHead implements RequestFacts {
  private static final String ABSOLUTE = "http://";

  private final String method;
  private final String path;
  private final String authority;
  private final Map<String, String> headers;
  private final Set<String> repeated;

  private RequestHead(
      String method,
      String path,
      String authority,
      Map<String, String> headers,
      Set<String> repeated) {
    this.method = method;
    this.path = path;
    this.authority = authority;
    this.headers = headers;
    this.repeated = repeated;
  }

  /**
   * The head of a call; null when its target is none: then the proxy refuses it whatever policy
   * says.
   *
   * @param host host when the call names none
   */
  static @Nullable RequestHead of(Call call, CallProtocol protocol, String host) {
    Map<String, String> headers = new LinkedHashMap<>();
    Set<String> repeated = new HashSet<>();
    for (Call.Header header : call.headers()) {
      String first = headers.putIfAbsent(header.key(), header.value());
      if (first != null && header.key().equals("cookie")) {
        headers.put(header.key(), first + "; " + header.value());
      } else if (first != null && !first.equals(header.value())) {
        repeated.add(header.key());
      }
    }
    String named = headers.remove("host");
    String authority = call.host() != null ? call.host() : named != null ? named : host;
    String method = call.method();
    if (method == null) {
      method = protocol == CallProtocol.GRPC ? "POST" : "GET";
    }
    if (protocol == CallProtocol.GRPC) {
      headers.putIfAbsent("content-type", "application/grpc");
      headers.putIfAbsent("te", "trailers");
    }
    String path = call.path() == null ? "/" : call.path();
    if (protocol == CallProtocol.HTTP1
        && path.regionMatches(true, 0, ABSOLUTE, 0, ABSOLUTE.length())) {
      int start = ABSOLUTE.length();
      int end = start;
      while (end < path.length() && "/?#".indexOf(path.charAt(end)) < 0) {
        end++;
      }
      // RFC 9112 3.2.2: the target's authority replaces Host.
      authority = path.substring(start, end);
      path = end == path.length() ? "/" : path.substring(end);
      path = path.startsWith("/") ? path : "/" + path;
      if (authority.isEmpty() || authority.indexOf('@') >= 0) {
        return null;
      }
    }
    path = octets(path);
    boolean target = path.startsWith("/") || (path.equals("*") && method.equals("OPTIONS"));
    boolean plain = path.chars().noneMatch(c -> c <= ' ' || c == 0x7f || c == '#');
    return target && plain ? new RequestHead(method, path, authority, headers, repeated) : null;
  }

  /** The same with another path. */
  RequestHead withPath(String other) {
    return other.equals(path) ? this : new RequestHead(method, other, authority, headers, repeated);
  }

  /** A character for each octet of the text in UTF-8, as codecs read targets. */
  private static String octets(String text) {
    return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
  }

  Answer.Request request() {
    return new Answer.Request(method, path, authority);
  }

  @Override
  public CharSequence method() {
    return method;
  }

  @Override
  public CharSequence path() {
    return path;
  }

  @Override
  public CharSequence authority() {
    return authority;
  }

  @Override
  public @Nullable CharSequence header(CharSequence lowerCaseName) {
    return headers.get(lowerCaseName.toString());
  }

  @Override
  public boolean repeats(CharSequence lowerCaseName) {
    return repeated.contains(lowerCaseName.toString());
  }
}
