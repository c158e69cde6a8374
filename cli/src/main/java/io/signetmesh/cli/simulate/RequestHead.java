package io.signetmesh.cli.simulate;

import io.signetmesh.jwt.HeadFields;
import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.RequestSyntax;
import io.signetmesh.proxy.authorize.RequestTarget;
import io.signetmesh.rego.RegoInput;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request as the proxy decides about it: in origin form, with lower-case header names. Or one
 * that it refuses whatever policy says, because its head is none.
 */
final class RequestHead implements RequestAttributes {
  /** Blanks, as readers of HTTP/1 part a request line by them; and the end of the line. */
  private static final String BLANKS = " \t\u000b\f\r\n";

  private final String method;
  private final String path;
  private final String authority;
  private final Map<String, List<String>> headers;
  private final @Nullable String flaw;
  private final ExpressionWork expressions = new ExpressionWork();

  private RequestHead(
      String method,
      String path,
      String authority,
      Map<String, List<String>> headers,
      @Nullable String flaw) {
    this.method = method;
    this.path = path;
    this.authority = authority;
    this.headers = headers;
    this.flaw = flaw;
  }

  /**
   * The head of a call.
   *
   * @param host host when the call names none
   */
  static RequestHead of(Call call, CallProtocol protocol, String host) {
    boolean http1 = protocol == CallProtocol.HTTP1;
    Map<String, List<String>> headers = new LinkedHashMap<>();
    for (Call.Header header : call.headers()) {
      headers
          .computeIfAbsent(header.key(), key -> new ArrayList<>())
          .add(value(header.value(), http1));
    }
    List<String> hosts = new ArrayList<>(headers.getOrDefault("host", List.of()));
    headers.remove("host");
    if (call.host() != null) {
      hosts.addFirst(value(call.host(), http1));
    }
    String authority = hosts.isEmpty() ? host : hosts.getFirst();
    String method = call.method();
    if (method == null) {
      method = protocol == CallProtocol.GRPC ? "POST" : "GET";
    }
    if (protocol == CallProtocol.GRPC) {
      headers.putIfAbsent("content-type", List.of("application/grpc"));
      headers.putIfAbsent("te", List.of("trailers"));
    }
    String sent = call.path();
    if (sent == null) {
      sent = http1 && method.equals("CONNECT") ? withPort(authority) : "/";
    }
    String path = octets(sent);
    String flaw = flaw(method, headers);
    if (flaw == null && !isOneHost(hosts, http1)) {
      flaw = "it names several hosts";
    }
    if (http1) {
      boolean line = path.chars().noneMatch(c -> BLANKS.indexOf(c) >= 0);
      RequestTarget target = line ? RequestTarget.of(method, path) : null;
      if (target == null) {
        flaw = flaw == null ? "its target has no known form" : flaw;
      } else {
        // RFC 9112 3.2.2: the target's authority replaces Host.
        authority = target.authority() == null ? authority : target.authority();
        path = target.path();
      }
    } else if (flaw == null
        && (!RequestSyntax.isPath(path, method) || !RequestSyntax.isFieldValue(path))) {
      flaw = method.equals("CONNECT") ? "CONNECT over HTTP/2" : "its path is none";
    }
    boolean named =
        // Over HTTP/2, :authority is left out where there is none.
        http1 || call.host() == null
            ? RequestTarget.isHost(authority)
            : RequestTarget.isAuthority(authority);
    if (flaw == null && !named) {
      flaw = "its host is no authority";
    }
    return new RequestHead(method, path, authority, headers, flaw);
  }

  private static String withPort(String authority) {
    return RequestTarget.of("CONNECT", authority) == null ? authority + ":80" : authority;
  }

  private static @Nullable String flaw(String method, Map<String, List<String>> headers) {
    if (!RequestSyntax.isToken(method)) {
      return "its method is no token";
    }
    for (Map.Entry<String, List<String>> header : headers.entrySet()) {
      if (!RequestSyntax.isToken(header.getKey())) {
        return "the name of a header is no token";
      }
      if (!header.getValue().stream().allMatch(RequestSyntax::isFieldValue)) {
        return "the value of header " + header.getKey() + " cannot be sent";
      }
    }
    return null;
  }

  /** With HTTP/2, Host may say again what {@code :authority} says (RFC 9113 8.3.1). */
  private static boolean isOneHost(List<String> hosts, boolean http1) {
    return hosts.size() < 2
        || (!http1 && hosts.size() == 2 && hosts.getFirst().equalsIgnoreCase(hosts.getLast()));
  }

  /** Why the proxy takes no such request, whatever policy says; null when it does. */
  @Nullable String flaw() {
    return flaw;
  }

  /** Whether Max-Forwards, where it counts, is one number. */
  boolean countsForwards() {
    return RequestSyntax.isForwardCount(method, headers.getOrDefault("max-forwards", List.of()));
  }

  /** The same with another path. */
  RequestHead withPath(String other) {
    return other.equals(path) ? this : new RequestHead(method, other, authority, headers, flaw);
  }

  /** A value as codecs read it: HTTP/1 leaves out the blanks around it (RFC 9112 5.1). */
  private static String value(String text, boolean http1) {
    String octets = octets(text);
    return http1 ? octets.strip() : octets;
  }

  /** A character for each octet of the text in UTF-8, as codecs read targets. */
  private static String octets(String text) {
    return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
  }

  /** The head as those read it who look for tokens. */
  HeadFields fields() {
    return new HeadFields() {
      @Override
      public Iterable<? extends CharSequence> values(String lowerCaseName) {
        return headers.getOrDefault(lowerCaseName, List.of());
      }

      @Override
      public CharSequence path() {
        return path;
      }

      @Override
      public CharSequence method() {
        return method;
      }
    };
  }

  /** The head as policy bundles get to know it. */
  RegoInput.Head regoHead() {
    List<RegoInput.Field> fields = new ArrayList<>();
    headers.forEach(
        (name, values) -> values.forEach(value -> fields.add(new RegoInput.Field(name, value))));
    int query = path.indexOf('?');
    return new RegoInput.Head(
        method,
        "http",
        authority,
        query < 0 ? path : path.substring(0, query),
        query < 0 ? "" : path.substring(query + 1),
        fields);
  }

  Answer.Request request() {
    return new Answer.Request(method, path, authority);
  }

  @Override
  public ExpressionWork expressions() {
    return expressions;
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
        : isCookie(lowerCaseName) ? RequestAttributes.cookie(values) : values.getFirst();
  }

  @Override
  public boolean repeats(CharSequence lowerCaseName) {
    List<String> values = headers.get(lowerCaseName.toString());
    return values != null
        && !isCookie(lowerCaseName)
        && RequestAttributes.differ(values.iterator());
  }

  private static boolean isCookie(CharSequence lowerCaseName) {
    return lowerCaseName.toString().equals("cookie");
  }
}
