package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.LinearPattern;
import io.signetmesh.proxy.authorize.RequestAttributes;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One match of one route, for one of its hosts.
 *
 * @param route what a request takes that matches
 * @param host host, null: any
 * @param path path, null: any
 * @param headers headers, all of which have to match
 * @param query query parameters, all of which have to match
 * @param method method, null: any
 */
record RouteEntry(
    CompiledRoute route,
    @Nullable HostPattern host,
    @Nullable PathPattern path,
    List<ValuePattern> headers,
    List<ValuePattern> query,
    @Nullable String method) {

  RouteEntry {
    headers = List.copyOf(headers);
    query = List.copyOf(query);
  }

  /** Whether every request matches. */
  boolean matchesEverything() {
    return host == null && path == null && isUnconditional() && method == null;
  }

  /** Whether neither headers nor query matter. */
  boolean isUnconditional() {
    return headers.isEmpty() && query.isEmpty();
  }

  /** Whether method, headers and query match. */
  boolean accepts(RequestAttributes request, CharSequence target, int pathEnd) {
    if (method != null && !method.contentEquals(request.method())) {
      return false;
    }
    boolean expressions = false;
    for (int i = 0; i < headers.size(); i++) {
      ValuePattern header = headers.get(i);
      if (header.exact() == null) {
        expressions = true;
      } else if (!header.matches(request.header(header.name()))) {
        return false;
      }
    }
    for (int i = 0; i < query.size(); i++) {
      ValuePattern parameter = query.get(i);
      if (parameter.exact() == null) {
        expressions = true;
      } else if (!parameter.matchesParameter(target, pathEnd, null)) {
        return false;
      }
    }
    return !expressions || expressionsAccept(request, target, pathEnd);
  }

  /** Asks the expressions, which comes last: they cost more than all else. */
  private boolean expressionsAccept(RequestAttributes request, CharSequence target, int pathEnd) {
    for (int i = 0; i < headers.size(); i++) {
      ValuePattern header = headers.get(i);
      if (header.exact() == null
          && !header.matches(request.header(header.name()), request.expressions())) {
        return false;
      }
    }
    for (int i = 0; i < query.size(); i++) {
      ValuePattern parameter = query.get(i);
      if (parameter.exact() == null
          && !parameter.matchesParameter(target, pathEnd, request.expressions())) {
        return false;
      }
    }
    return true;
  }

  /** Instructions of the expressions that a request may have to be asked, together. */
  int instructions() {
    int sum =
        path instanceof PathPattern.Expression expression ? expression.pattern().instructions() : 0;
    for (ValuePattern header : headers) {
      sum += header.regex() == null ? 0 : header.regex().instructions();
    }
    for (ValuePattern parameter : query) {
      sum += parameter.regex() == null ? 0 : parameter.regex().instructions();
    }
    return sum;
  }

  /**
   * A host.
   *
   * @param text lower-case name
   * @param suffix whether it stands for names that end with it, at least one label longer
   */
  record HostPattern(String text, boolean suffix) {
    @Override
    public String toString() {
      return suffix ? "*." + text : text;
    }
  }

  /** Which paths a route is for. */
  sealed interface PathPattern {
    /** How many characters a match counts for in choosing among routes. */
    int matchedCharacters(CharSequence path, int end);

    /** Position among patterns that match as many characters: exact first. */
    int order();

    /**
     * One path.
     *
     * @param text path
     */
    record Exact(String text) implements PathPattern {
      @Override
      public int matchedCharacters(CharSequence path, int end) {
        return end == text.length() && begins(path, text) ? end : -1;
      }

      @Override
      public int order() {
        return 0;
      }

      @Override
      public String toString() {
        return text;
      }
    }

    /**
     * Paths that begin with these segments.
     *
     * @param text path without slash at its end, not empty
     */
    record Prefix(String text) implements PathPattern {
      @Override
      public int matchedCharacters(CharSequence path, int end) {
        int length = text.length();
        if (length > end || !begins(path, text)) {
          return -1;
        }
        return length == end || path.charAt(length) == '/' ? length : -1;
      }

      @Override
      public int order() {
        return 1;
      }

      @Override
      public String toString() {
        return "prefix " + text;
      }
    }

    /**
     * Paths that an expression matches as a whole.
     *
     * @param pattern the expression
     */
    record Expression(LinearPattern pattern) implements PathPattern {
      @Override
      public int matchedCharacters(CharSequence path, int end) {
        return pattern.matches(path, end) ? end : -1;
      }

      @Override
      public int order() {
        return 2;
      }

      @Override
      public String toString() {
        return "regular expression " + pattern;
      }
    }

    /**
     * A gRPC method of any service: {@code /SERVICE/method}. Less specific than any service.
     *
     * @param method its name
     */
    record RpcMethod(String method) implements PathPattern {
      @Override
      public int matchedCharacters(CharSequence path, int end) {
        int begin = nameStart(path, end);
        if (begin < 0 || end - begin != method.length()) {
          return -1;
        }
        for (int i = 0; i < method.length(); i++) {
          if (path.charAt(begin + i) != method.charAt(i)) {
            return -1;
          }
        }
        return 0;
      }

      @Override
      public int order() {
        return 1;
      }

      /** Where the method's name begins in a path of the form {@code /service/method}, or -1. */
      static int nameStart(CharSequence path, int end) {
        if (end < 3 || path.charAt(0) != '/') {
          return -1;
        }
        int slash = -1;
        for (int i = 1; i < end; i++) {
          if (path.charAt(i) == '/') {
            if (slash >= 0) {
              return -1;
            }
            slash = i;
          }
        }
        return slash > 1 ? slash + 1 : -1;
      }

      @Override
      public String toString() {
        return "method " + method + " of any service";
      }
    }

    private static boolean begins(CharSequence path, String text) {
      if (path instanceof String string) {
        return string.startsWith(text);
      }
      for (int i = 0; i < text.length(); i++) {
        if (path.charAt(i) != text.charAt(i)) {
          return false;
        }
      }
      return true;
    }
  }

  /**
   * A header or a query parameter.
   *
   * @param name name; lower-case for a header
   * @param exact value, or null
   * @param regex expression that the value has to match as a whole, where {@code exact} is null
   */
  record ValuePattern(String name, @Nullable String exact, @Nullable LinearPattern regex) {
    boolean matches(@Nullable CharSequence value) {
      return matches(value, null);
    }

    /**
     * Whether a value matches.
     *
     * @param work asks expressions; null: they are asked whatever it costs
     */
    boolean matches(@Nullable CharSequence value, @Nullable ExpressionWork work) {
      if (value == null) {
        return false;
      }
      if (exact != null) {
        return exact.contentEquals(value);
      }
      if (regex == null) {
        return false;
      }
      return work == null ? regex.matches(value) : work.matches(regex, value, value.length());
    }

    /** Whether the first parameter of the name, percent-decoded, matches; see {@link #matches}. */
    boolean matchesParameter(CharSequence target, int pathEnd, @Nullable ExpressionWork work) {
      int length = target.length();
      int begin = pathEnd + 1;
      while (begin <= length) {
        int end = begin;
        int equals = -1;
        boolean encoded = false;
        for (; end < length && target.charAt(end) != '&'; end++) {
          char c = target.charAt(end);
          if (c == '=' && equals < 0) {
            equals = end;
          }
          encoded |= c == '%' || c == '+';
        }
        int nameEnd = equals < 0 ? end : equals;
        int valueBegin = equals < 0 ? end : equals + 1;
        if (encoded) {
          String parameter = decoded(target.subSequence(begin, nameEnd));
          if (name.equals(parameter)) {
            return matches(decoded(target.subSequence(valueBegin, end)), work);
          }
        } else if (regionEquals(target, begin, nameEnd, name)) {
          return exact != null
              ? regionEquals(target, valueBegin, end, exact)
              : matches(target.subSequence(valueBegin, end), work);
        }
        begin = end + 1;
      }
      return false;
    }

    /** Null when an escape is malformed: it matches nothing. */
    private static @Nullable String decoded(CharSequence text) {
      try {
        return URLDecoder.decode(text.toString(), StandardCharsets.UTF_8);
      } catch (IllegalArgumentException e) {
        return null;
      }
    }

    private static boolean regionEquals(CharSequence text, int from, int to, String expected) {
      if (to - from != expected.length()) {
        return false;
      }
      for (int i = 0; i < expected.length(); i++) {
        if (text.charAt(from + i) != expected.charAt(i)) {
          return false;
        }
      }
      return true;
    }

    @Override
    public String toString() {
      return exact != null ? exact : "regular expression " + regex;
    }
  }
}
