package io.signetmesh.cli.simulate;

import io.signetmesh.proxy.authorize.RequestFacts;
import io.signetmesh.proxy.authorize.RequestPath;
import io.signetmesh.proxy.authorize.RequestTarget;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A request as the proxy decides about it: in origin form, with lower-case header names. */
final class RequestHead implements RequestFacts {
  private final String method;
  private final String path;
  private final String authority;
  private final Map<String, List<String>> headers;

  private RequestHead(
      String method, String path, String authority, Map<String, List<String>> headers) {
    this.method = method;
    this.path = path;
    this.authority = authority;
    this.headers = headers;
  }

  /**
   * The head of a call; null when its target is none: then the proxy refuses it whatever policy
   * says.
   *
   * @param host host when the call names none
   */
  static @Nullable RequestHead of(Call call, CallProtocol protocol, String host) {
    Map<String, List<String>> headers = new LinkedHashMap<>();
    for (Call.Header header : call.headers()) {
      headers.computeIfAbsent(header.key(), key -> new ArrayList<>()).add(header.value());
    }
    List<String> named = headers.remove("host");
    String authority = call.host() != null ? call.host() : named != null ? named.getFirst() : host;
    String method = call.method();
    if (method == null) {
      method = protocol == CallProtocol.GRPC ? "POST" : "GET";
    }
    if (protocol == CallProtocol.GRPC) {
      headers.putIfAbsent("content-type", List.of("application/grpc"));
      headers.putIfAbsent("te", List.of("trailers"));
    }
    String path = call.path() == null ? "/" : call.path();
    if (protocol == CallProtocol.HTTP1 && !(method.equals("CONNECT") && path.startsWith("/"))) {
      RequestTarget target = RequestTarget.of(method, path);
      if (target == null) {
        return null;
      }
      // RFC 9112 3.2.2: the target's authority replaces Host.
      authority = target.authority() == null ? authority : target.authority();
      path = target.path();
    } else if (!path.startsWith("/") && !(path.equals("*") && method.equals("OPTIONS"))) {
      return null;
    }
    path = octets(path);
    return RequestPath.isTarget(path) ? new RequestHead(method, path, authority, headers) : null;
  }

  /** The same with another path. */
  RequestHead withPath(String other) {
    return other.equals(path) ? this : new RequestHead(method, other, authority, headers);
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
    List<String> values = headers.get(lowerCaseName.toString());
    return values == null
        ? null
        : isCookie(lowerCaseName) ? RequestFacts.cookie(values) : values.getFirst();
  }

  @Override
  public boolean repeats(CharSequence lowerCaseName) {
    List<String> values = headers.get(lowerCaseName.toString());
    return values != null && !isCookie(lowerCaseName) && RequestFacts.differ(values.iterator());
  }

  private static boolean isCookie(CharSequence lowerCaseName) {
    return lowerCaseName.toString().equals("cookie");
  }
}
