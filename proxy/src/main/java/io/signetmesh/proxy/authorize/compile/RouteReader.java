package io.signetmesh.proxy.authorize.compile;

import com.google.protobuf.Message;
import io.linkerd.proxy.grpc_route.GrpcRouteMatch;
import io.linkerd.proxy.http_route.HostMatch;
import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.http_route.RequestHeaderModifier;
import io.linkerd.proxy.http_route.RequestRedirect;
import io.linkerd.proxy.http_types.Headers;
import io.linkerd.proxy.http_types.HttpMethod;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.meta.Metadata;
import io.signetmesh.path.RoutePath;
import io.signetmesh.proxy.authorize.LinearPattern;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.compile.RouteEntry.HostPattern;
import io.signetmesh.proxy.authorize.compile.RouteEntry.PathPattern;
import io.signetmesh.proxy.authorize.compile.RouteEntry.ValuePattern;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Reads the HTTP and gRPC routes of a message into entries of a {@link RouteTable}. */
final class RouteReader {
  private final AuthorizationReader authorizations;
  private final long generation;
  private final List<RouteEntry> entries = new ArrayList<>();

  /**
   * @param generation of the message
   */
  RouteReader(AuthorizationReader authorizations, long generation) {
    this.authorizations = authorizations;
    this.generation = generation;
  }

  /** What has been read, in order of precedence. */
  List<RouteEntry> entries() {
    return entries;
  }

  /** What routes of all kinds have. */
  private record Head(
      ResourceRef ref,
      @Nullable AuthorizationIndex denials,
      @Nullable AuthorizationIndex own,
      List<@Nullable HostPattern> hosts) {

    CompiledRoute with(List<Route.Filter> filters) {
      return new CompiledRoute(ref, filters, denials, own);
    }

    /** Holds the conditions of a match to what this proxy knows. */
    void requireKnown(Message conditions) throws InvalidPolicyException {
      InvalidPolicyException.requireKnown(conditions, "route " + ref.label());
    }
  }

  private Head head(
      Metadata metadata, List<Authz> denials, List<Authz> grants, List<HostMatch> hosts)
      throws InvalidPolicyException {
    return new Head(
        AuthorizationReader.ref(metadata),
        authorizations.denials(denials, generation),
        grants.isEmpty() ? null : authorizations.index(grants, false, generation),
        hosts(hosts));
  }

  /** The route of a port that has none: all requests match it. */
  void all() {
    CompiledRoute all =
        new CompiledRoute(new ResourceRef("", "default", "default"), List.of(), null, null);
    entries.add(new RouteEntry(all, null, null, List.of(), List.of(), null));
  }

  /** Reads HTTP routes. */
  void http(List<HttpRoute> routes) throws InvalidPolicyException {
    // Of matches that tie, those whose paths are what was written come first.
    List<RouteEntry> rewritten = new ArrayList<>();
    for (HttpRoute route : routes) {
      if (!route.hasMetadata()) {
        throw new InvalidPolicyException("an HTTP route has no metadata");
      }
      // Those of probes are compared as they are written.
      boolean normalized = route.getMetadata().hasResource();
      Head head =
          head(
              route.getMetadata(),
              route.getSignetDenialsList(),
              route.getAuthorizationsList(),
              route.getHostsList());
      for (HttpRoute.Rule rule : route.getRulesList()) {
        for (HttpRouteMatch match :
            orAll(rule.getMatchesList(), HttpRouteMatch.getDefaultInstance())) {
          head.requireKnown(match);
          boolean later = normalized && isRewritten(match.getPath());
          http(head, rule, match, normalized, later ? rewritten : entries);
        }
      }
    }
    entries.addAll(rewritten);
  }

  private static void http(
      Head head,
      HttpRoute.Rule rule,
      HttpRouteMatch match,
      boolean normalized,
      List<RouteEntry> list)
      throws InvalidPolicyException {
    PathPattern path = path(match, normalized);
    CompiledRoute compiled = head.with(filters(rule, path));
    String method = match.hasMethod() ? method(match.getMethod()) : null;
    List<ValuePattern> headers = headers(match.getHeadersList());
    List<ValuePattern> query = query(head, match);
    for (HostPattern host : head.hosts()) {
      list.add(new RouteEntry(compiled, host, path, headers, query, method));
    }
  }

  private static List<Route.Filter> filters(HttpRoute.Rule rule, @Nullable PathPattern path) {
    List<Route.Filter> filters = new ArrayList<>();
    for (HttpRoute.Filter filter : rule.getFiltersList()) {
      filters.add(
          switch (filter.getKindCase()) {
            case REQUEST_HEADER_MODIFIER -> modifier(filter.getRequestHeaderModifier());
            case REDIRECT -> redirect(filter.getRedirect(), path);
            case FAILURE_INJECTOR ->
                new Route.Filter.Fail(filter.getFailureInjector().getMessage());
            case KIND_NOT_SET -> new Route.Filter.Fail("unknown filter");
          });
    }
    return filters;
  }

  private static List<ValuePattern> query(Head head, HttpRouteMatch match)
      throws InvalidPolicyException {
    List<ValuePattern> query = new ArrayList<>();
    for (var parameter : match.getQueryParamsList()) {
      head.requireKnown(parameter);
      query.add(
          switch (parameter.getValueCase()) {
            case EXACT -> new ValuePattern(parameter.getName(), parameter.getExact(), null);
            case REGEX -> new ValuePattern(parameter.getName(), null, regex(parameter.getRegex()));
            case VALUE_NOT_SET -> throw new InvalidPolicyException("a query match has no value");
          });
    }
    return List.copyOf(query);
  }

  /** Reads gRPC routes. */
  void grpc(List<GrpcRoute> routes) throws InvalidPolicyException {
    for (GrpcRoute route : routes) {
      if (!route.hasMetadata()) {
        throw new InvalidPolicyException("a gRPC route has no metadata");
      }
      Head head =
          head(
              route.getMetadata(),
              route.getSignetDenialsList(),
              route.getAuthorizationsList(),
              route.getHostsList());
      for (GrpcRoute.Rule rule : route.getRulesList()) {
        CompiledRoute compiled = head.with(filters(rule));
        for (GrpcRouteMatch match :
            orAll(rule.getMatchesList(), GrpcRouteMatch.getDefaultInstance())) {
          head.requireKnown(match);
          head.requireKnown(match.getRpc());
          PathPattern path = rpc(match);
          List<ValuePattern> headers = headers(match.getHeadersList());
          for (HostPattern host : head.hosts()) {
            entries.add(new RouteEntry(compiled, host, path, headers, List.of(), "POST"));
          }
        }
      }
    }
  }

  private static List<Route.Filter> filters(GrpcRoute.Rule rule) {
    List<Route.Filter> filters = new ArrayList<>();
    for (GrpcRoute.Filter filter : rule.getFiltersList()) {
      filters.add(
          switch (filter.getKindCase()) {
            case REQUEST_HEADER_MODIFIER -> modifier(filter.getRequestHeaderModifier());
            case FAILURE_INJECTOR ->
                new Route.Filter.Fail(filter.getFailureInjector().getMessage());
            case KIND_NOT_SET -> new Route.Filter.Fail("unknown filter");
          });
    }
    return filters;
  }

  /** A rule without matches matches everything. */
  private static <T> List<T> orAll(List<T> matches, T all) {
    return matches.isEmpty() ? List.of(all) : matches;
  }

  private static @Nullable PathPattern rpc(GrpcRouteMatch match) {
    String service = match.getRpc().getService();
    String method = match.getRpc().getMethod();
    if (service.isEmpty() && method.isEmpty()) {
      return null;
    }
    if (service.isEmpty()) {
      return new PathPattern.RpcMethod(method);
    }
    return method.isEmpty()
        ? new PathPattern.Prefix("/" + service)
        : new PathPattern.Exact("/" + service + "/" + method);
  }

  private static List<@Nullable HostPattern> hosts(List<HostMatch> matches)
      throws InvalidPolicyException {
    List<@Nullable HostPattern> hosts = new ArrayList<>();
    if (matches.isEmpty()) {
      hosts.add(null);
    }
    for (HostMatch match : matches) {
      switch (match.getMatchCase()) {
        case EXACT -> hosts.add(new HostPattern(host(match.getExact()), false));
        case SUFFIX -> {
          List<String> labels = new ArrayList<>(match.getSuffix().getReverseLabelsList());
          Collections.reverse(labels);
          String suffix = host(String.join(".", labels));
          // No label at all: every name ends so.
          hosts.add(suffix.isEmpty() ? null : new HostPattern(suffix, true));
        }
        case MATCH_NOT_SET -> throw new InvalidPolicyException("a host match is empty");
      }
    }
    return hosts;
  }

  private static String host(String name) {
    StringBuilder host = new StringBuilder(name.length());
    int end = name.endsWith(".") ? name.length() - 1 : name.length();
    for (int i = 0; i < end; i++) {
      host.append(HostIndex.lower(name.charAt(i)));
    }
    return host.toString();
  }

  /** Whether a path of a policy is taken for another, as it holds empty segments. */
  private static boolean isRewritten(PathMatch path) {
    return RoutePath.of(path.hasExact() ? path.getExact() : path.getPrefix()).meaning()
        == RoutePath.Meaning.MERGED;
  }

  private static String path(String written, boolean normalized) {
    return normalized ? RoutePath.of(written).text() : RoutePath.asWritten(written);
  }

  private static @Nullable PathPattern path(HttpRouteMatch match, boolean normalized)
      throws InvalidPolicyException {
    if (!match.hasPath()) {
      return null;
    }
    return switch (match.getPath().getKindCase()) {
      case EXACT -> new PathPattern.Exact(path(match.getPath().getExact(), normalized));
      case PREFIX -> {
        String prefix = path(match.getPath().getPrefix(), normalized);
        int end = prefix.length();
        while (end > 0 && prefix.charAt(end - 1) == '/') {
          end--;
        }
        if (end > 0) {
          yield new PathPattern.Prefix(prefix.substring(0, end));
        }
        // Of slashes alone, only one is the prefix of everything: normal paths have no more.
        yield normalized && prefix.length() > 1 ? new PathPattern.Exact(prefix) : null;
      }
      case REGEX -> new PathPattern.Expression(regex(match.getPath().getRegex()));
      case KIND_NOT_SET -> throw new InvalidPolicyException("a path match is empty");
    };
  }

  private static List<ValuePattern> headers(List<io.linkerd.proxy.http_route.HeaderMatch> matches)
      throws InvalidPolicyException {
    List<ValuePattern> headers = new ArrayList<>();
    for (io.linkerd.proxy.http_route.HeaderMatch match : matches) {
      String name = match.getName().toLowerCase(Locale.ROOT);
      InvalidPolicyException.requireKnown(match, "a match of the header " + name);
      headers.add(
          switch (match.getValueCase()) {
            case EXACT ->
                new ValuePattern(
                    name, match.getExact().toString(StandardCharsets.ISO_8859_1), null);
            case REGEX -> new ValuePattern(name, null, regex(match.getRegex()));
            case VALUE_NOT_SET -> throw new InvalidPolicyException("a header match has no value");
          });
    }
    return List.copyOf(headers);
  }

  private static LinearPattern regex(String text) throws InvalidPolicyException {
    try {
      return LinearPattern.compile(text);
    } catch (IllegalArgumentException e) {
      throw new InvalidPolicyException(String.valueOf(e.getMessage()));
    }
  }

  private static String method(HttpMethod method) throws InvalidPolicyException {
    return switch (method.getTypeCase()) {
      case REGISTERED -> {
        if (method.getRegistered() == HttpMethod.Registered.UNRECOGNIZED) {
          throw new InvalidPolicyException("a method match names an unknown method");
        }
        yield method.getRegistered().name();
      }
      case UNREGISTERED -> method.getUnregistered();
      case TYPE_NOT_SET -> throw new InvalidPolicyException("a method match is empty");
    };
  }

  private static Route.Filter modifier(RequestHeaderModifier message) {
    return new Route.Filter.RequestHeaders(
        pairs(message.getAdd()),
        pairs(message.getSet()),
        message.getRemoveList().stream().map(name -> name.toLowerCase(Locale.ROOT)).toList());
  }

  private static List<Route.Filter.Header> pairs(Headers headers) {
    return headers.getHeadersList().stream()
        .map(
            header ->
                new Route.Filter.Header(
                    header.getName().toLowerCase(Locale.ROOT),
                    header.getValue().toString(StandardCharsets.ISO_8859_1)))
        .toList();
  }

  private static Route.Filter redirect(RequestRedirect message, @Nullable PathPattern path) {
    String replacement =
        switch (message.getPath().getReplaceCase()) {
          case FULL -> message.getPath().getFull();
          case PREFIX -> message.getPath().getPrefix();
          case REPLACE_NOT_SET -> null;
        };
    if (replacement != null && !replacement.startsWith("/")) {
      return new Route.Filter.Fail("redirect path does not start with /");
    }
    String scheme =
        switch (message.getScheme().getTypeCase()) {
          case REGISTERED -> message.getScheme().getRegistered().name().toLowerCase(Locale.ROOT);
          case UNREGISTERED -> message.getScheme().getUnregistered();
          case TYPE_NOT_SET -> null;
        };
    boolean prefix = message.getPath().hasPrefix();
    int matched = path instanceof PathPattern.Prefix taken ? taken.text().length() : 0;
    int status = message.getStatus() == 0 ? 301 : message.getStatus();
    if (status < 300 || status > 399) {
      return new Route.Filter.Fail("redirect status " + status);
    }
    return new Route.Filter.Redirect(
        scheme,
        message.getHost().isEmpty() ? null : message.getHost(),
        replacement,
        prefix,
        matched,
        message.getPort(),
        status);
  }
}
