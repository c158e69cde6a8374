package io.signetmesh.proxy.http;

import io.signetmesh.proxy.authorize.Route;

/** Location of a redirect (Gateway API HTTPRequestRedirectFilter). */
final class Redirects {
  private Redirects() {}

  static String location(Route.Filter.Redirect redirect, String path, String authority) {
    int colon = authority.lastIndexOf(':');
    boolean hasPort = colon >= 0 && authority.indexOf(']', colon) < 0;
    String host = redirect.host();
    if (host == null) {
      host = hasPort ? authority.substring(0, colon) : authority;
    }
    String scheme = redirect.scheme() == null ? "http" : redirect.scheme();
    String port = "";
    if (redirect.port() != 0) {
      boolean standard =
          (scheme.equals("http") && redirect.port() == 80)
              || (scheme.equals("https") && redirect.port() == 443);
      port = standard ? "" : ":" + redirect.port();
    } else if (hasPort && redirect.scheme() == null && redirect.host() == null) {
      port = authority.substring(colon);
    }
    String target = path;
    String replacement = redirect.path();
    if (replacement != null) {
      int query = path.indexOf('?');
      String suffix = query < 0 ? "" : path.substring(query);
      String plain = query < 0 ? path : path.substring(0, query);
      if (redirect.replacesPrefix()) {
        String rest = plain.substring(Math.min(redirect.matchedPrefixLength(), plain.length()));
        String base =
            replacement.endsWith("/") && rest.startsWith("/")
                ? replacement.substring(0, replacement.length() - 1)
                : replacement;
        target = base + rest + suffix;
      } else {
        target = replacement + suffix;
      }
    }
    return scheme + "://" + host + port + target;
  }
}
