package io.signetmesh.proxy.authorize;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A route of a {@link ServerPolicy}, with its filters. */
public interface Route {
  /** The HTTPRoute or GRPCRoute, or {@code default/<name>}. */
  ResourceRef ref();

  /** Filters in the order in which they apply. */
  List<Filter> filters();

  /** Whether requests of the route reach the application: no filter answers or fails them. */
  default boolean reachesApplication() {
    List<Filter> all = filters();
    for (int i = 0; i < all.size(); i++) {
      if (!(all.get(i) instanceof Filter.RequestHeaders)) {
        return false;
      }
    }
    return true;
  }

  /** A filter: what a route does to a request. */
  sealed interface Filter {
    /**
     * Changes request headers: add, then set, then remove.
     *
     * @param add name and value pairs to append
     * @param set name and value pairs that replace
     * @param remove names to delete
     */
    record RequestHeaders(List<Header> add, List<Header> set, List<String> remove)
        implements Filter {}

    /**
     * Answers with a redirect.
     *
     * @param scheme scheme, or null to keep
     * @param host host, or null to keep
     * @param path full path or prefix replacement, or null to keep
     * @param replacesPrefix whether {@code path} replaces the matched prefix only
     * @param matchedPrefixLength characters of the path that the route's prefix match took; used
     *     with {@code replacesPrefix}
     * @param port port, or 0 to keep
     * @param status status code, 301 when the policy states none
     */
    record Redirect(
        @Nullable String scheme,
        @Nullable String host,
        @Nullable String path,
        boolean replacesPrefix,
        int matchedPrefixLength,
        int port,
        int status)
        implements Filter {

      /**
       * Value of the Location header (Gateway API HTTPRequestRedirectFilter). Parts that the filter
       * does not replace are those of the request. The query is always kept.
       *
       * @param target path and query of the request
       * @param authority host of the request, with port where it names one
       */
      public String location(String target, String authority) {
        int colon = authority.lastIndexOf(':');
        boolean hasPort = colon >= 0 && authority.indexOf(']', colon) < 0;
        String to = host;
        if (to == null) {
          to = hasPort ? authority.substring(0, colon) : authority;
        }
        String by = scheme == null ? "http" : scheme;
        String at = "";
        if (port != 0) {
          boolean standard =
              (by.equals("http") && port == 80) || (by.equals("https") && port == 443);
          at = standard ? "" : ":" + port;
        } else if (hasPort && scheme == null && host == null) {
          at = authority.substring(colon);
        }
        return by + "://" + to + at + replaced(target);
      }

      private String replaced(String target) {
        String replacement = path;
        if (replacement == null) {
          return target;
        }
        int query = target.indexOf('?');
        String suffix = query < 0 ? "" : target.substring(query);
        if (!replacesPrefix) {
          return replacement + suffix;
        }
        String plain = query < 0 ? target : target.substring(0, query);
        String rest = plain.substring(Math.min(matchedPrefixLength, plain.length()));
        String base =
            replacement.endsWith("/") && rest.startsWith("/")
                ? replacement.substring(0, replacement.length() - 1)
                : replacement;
        return base + rest + suffix;
      }
    }

    /**
     * Fails the request: a failure injector, or a filter that this proxy does not support.
     *
     * @param message what is wrong
     */
    record Fail(String message) implements Filter {}

    /**
     * A header.
     *
     * @param name lower-case name
     * @param value value
     */
    record Header(String name, String value) {}
  }
}
