package io.signetmesh.policy.facts;

import com.google.protobuf.ByteString;
import io.linkerd.proxy.grpc_route.GrpcRpcMatch;
import io.linkerd.proxy.http_route.HeaderMatch;
import io.linkerd.proxy.http_route.HostMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.http_route.QueryParamMatch;
import io.linkerd.proxy.http_route.RequestHeaderModifier;
import io.linkerd.proxy.http_route.RequestRedirect;
import io.linkerd.proxy.http_types.Headers;
import io.linkerd.proxy.http_types.HttpMethod;
import io.linkerd.proxy.http_types.Scheme;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.signetmesh.crds.route.GrpcRouteFilter;
import io.signetmesh.crds.route.GrpcRouteMatch;
import io.signetmesh.crds.route.GrpcRouteSpec;
import io.signetmesh.crds.route.HeaderModifier;
import io.signetmesh.crds.route.HttpRouteFilter;
import io.signetmesh.crds.route.HttpRouteMatch;
import io.signetmesh.crds.route.HttpRouteSpec;
import io.signetmesh.crds.route.MatchType;
import io.signetmesh.crds.route.ParentRef;
import io.signetmesh.crds.route.PathModifier;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Reads the inbound side of routes: what is attached to Servers. A route that asks for something
 * that inbound proxies cannot do is refused as a whole.
 */
final class RouteReader {
  private RouteReader() {}

  /** Null when the route is attached to no Server. */
  static @Nullable RouteFact http(
      ObjectRef ref, String origin, @Nullable Instant created, HttpRouteSpec spec) {
    List<String> servers = servers(ref, spec.parentRefs());
    if (servers.isEmpty()) {
      return null;
    }
    List<HttpRoute.Rule> rules = new ArrayList<>();
    for (HttpRouteSpec.Rule rule : spec.rules()) {
      HttpRoute.Rule.Builder message = HttpRoute.Rule.newBuilder();
      rule.matches().forEach(match -> message.addMatches(match(match)));
      for (HttpRouteFilter filter : rule.filters()) {
        HttpRoute.Filter read = filter(filter);
        if (read != null) {
          message.addFilters(read);
        }
      }
      rules.add(message.build());
    }
    return new RouteFact(
        ref, origin, created, servers, hosts(spec.hostnames()), new RouteFact.Rules.Http(rules));
  }

  /** Null when the route is attached to no Server. */
  static @Nullable RouteFact grpc(
      ObjectRef ref, String origin, @Nullable Instant created, GrpcRouteSpec spec) {
    List<String> servers = servers(ref, spec.parentRefs());
    if (servers.isEmpty()) {
      return null;
    }
    List<GrpcRoute.Rule> rules = new ArrayList<>();
    for (GrpcRouteSpec.Rule rule : spec.rules()) {
      GrpcRoute.Rule.Builder message = GrpcRoute.Rule.newBuilder();
      rule.matches().forEach(match -> message.addMatches(match(match)));
      for (GrpcRouteFilter filter : rule.filters()) {
        GrpcRoute.Filter read = filter(filter);
        if (read != null) {
          message.addFilters(read);
        }
      }
      rules.add(message.build());
    }
    return new RouteFact(
        ref, origin, created, servers, hosts(spec.hostnames()), new RouteFact.Rules.Grpc(rules));
  }

  private static List<String> servers(ObjectRef ref, List<ParentRef> parents) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < parents.size(); i++) {
      ParentRef parent = parents.get(i);
      if (!parent.is(ObjectRef.Kind.SERVER.group(), ObjectRef.Kind.SERVER.resourceKind())) {
        continue;
      }
      String place = "spec.parentRefs[" + i + "]";
      if (!parent.namespaceOr(ref.namespace()).equals(ref.namespace())) {
        throw new IllegalArgumentException(
            place
                + ".namespace is \""
                + parent.namespace()
                + "\": a route is attached to Servers of its own namespace only");
      }
      if (parent.port() != null || parent.sectionName() != null) {
        throw new IllegalArgumentException(
            place + ": a parent that is a Server takes neither port nor sectionName");
      }
      if (!names.contains(parent.name())) {
        names.add(parent.name());
      }
    }
    return names;
  }

  private static List<HostMatch> hosts(List<String> hostnames) {
    return hostnames.stream().map(RouteReader::host).toList();
  }

  private static HostMatch host(String hostname) {
    String lower = hostname.toLowerCase(Locale.ROOT);
    if (!lower.startsWith("*.")) {
      return HostMatch.newBuilder().setExact(lower).build();
    }
    List<String> labels = new ArrayList<>(Arrays.asList(lower.substring(2).split("\\.", -1)));
    Collections.reverse(labels);
    return HostMatch.newBuilder()
        .setSuffix(HostMatch.Suffix.newBuilder().addAllReverseLabels(labels))
        .build();
  }

  private static io.linkerd.proxy.http_route.HttpRouteMatch match(HttpRouteMatch match) {
    var message = io.linkerd.proxy.http_route.HttpRouteMatch.newBuilder();
    String path = match.path().value();
    message.setPath(
        switch (match.path().type()) {
          case EXACT -> PathMatch.newBuilder().setExact(absolute("path of a match", path)).build();
          case PATH_PREFIX ->
              PathMatch.newBuilder().setPrefix(absolute("path of a match", path)).build();
          case REGULAR_EXPRESSION -> PathMatch.newBuilder().setRegex(path).build();
        });
    match.headers().forEach(header -> message.addHeaders(header(header)));
    for (HttpRouteMatch.QueryParam parameter : match.queryParams()) {
      QueryParamMatch.Builder query = QueryParamMatch.newBuilder().setName(parameter.name());
      message.addQueryParams(
          parameter.type() == MatchType.EXACT
              ? query.setExact(parameter.value())
              : query.setRegex(parameter.value()));
    }
    if (match.method() != null) {
      message.setMethod(
          HttpMethod.newBuilder()
              .setRegistered(HttpMethod.Registered.valueOf(match.method().name())));
    }
    return message.build();
  }

  private static io.linkerd.proxy.grpc_route.GrpcRouteMatch match(GrpcRouteMatch match) {
    var message = io.linkerd.proxy.grpc_route.GrpcRouteMatch.newBuilder();
    GrpcRouteMatch.Method method = match.method();
    if (method != null) {
      if (method.type() != MatchType.EXACT) {
        throw new IllegalArgumentException(
            "a method match has the type RegularExpression: expected Exact");
      }
      GrpcRpcMatch.Builder rpc = GrpcRpcMatch.newBuilder();
      if (method.service() != null) {
        rpc.setService(method.service());
      }
      if (method.method() != null) {
        rpc.setMethod(method.method());
      }
      message.setRpc(rpc);
    }
    match.headers().forEach(header -> message.addHeaders(header(header)));
    return message.build();
  }

  private static HeaderMatch header(io.signetmesh.crds.route.HeaderMatch header) {
    HeaderMatch.Builder message =
        HeaderMatch.newBuilder().setName(header.name().toLowerCase(Locale.ROOT));
    return header.type() == MatchType.EXACT
        ? message.setExact(ByteString.copyFromUtf8(header.value())).build()
        : message.setRegex(header.value()).build();
  }

  private static HttpRoute.@Nullable Filter filter(HttpRouteFilter filter) {
    return switch (filter.type()) {
      case REQUEST_HEADER_MODIFIER ->
          HttpRoute.Filter.newBuilder()
              .setRequestHeaderModifier(
                  modifier(given(filter.requestHeaderModifier(), "requestHeaderModifier")))
              .build();
      case REQUEST_REDIRECT ->
          HttpRoute.Filter.newBuilder()
              .setRedirect(redirect(given(filter.requestRedirect(), "requestRedirect")))
              .build();
      // Changes only what goes back, and nothing about who may ask.
      case RESPONSE_HEADER_MODIFIER -> null;
      case REQUEST_MIRROR, URL_REWRITE, EXTENSION_REF -> throw unsupported(filter.type().name());
    };
  }

  private static GrpcRoute.@Nullable Filter filter(GrpcRouteFilter filter) {
    return switch (filter.type()) {
      case REQUEST_HEADER_MODIFIER ->
          GrpcRoute.Filter.newBuilder()
              .setRequestHeaderModifier(
                  modifier(given(filter.requestHeaderModifier(), "requestHeaderModifier")))
              .build();
      case RESPONSE_HEADER_MODIFIER -> null;
      case REQUEST_MIRROR, EXTENSION_REF -> throw unsupported(filter.type().name());
    };
  }

  private static IllegalArgumentException unsupported(String filter) {
    return new IllegalArgumentException(
        "has a filter "
            + filter.toLowerCase(Locale.ROOT).replace('_', '-')
            + ", which a route of a Server cannot have");
  }

  private static <T> T given(@Nullable T value, String field) {
    if (value == null) {
      throw new IllegalArgumentException("has a filter without its field " + field);
    }
    return value;
  }

  private static RequestHeaderModifier modifier(HeaderModifier modifier) {
    RequestHeaderModifier.Builder message =
        RequestHeaderModifier.newBuilder().addAllRemove(modifier.remove());
    if (!modifier.add().isEmpty()) {
      message.setAdd(headers(modifier.add()));
    }
    if (!modifier.set().isEmpty()) {
      message.setSet(headers(modifier.set()));
    }
    return message.build();
  }

  private static Headers headers(List<HeaderModifier.Header> headers) {
    Headers.Builder message = Headers.newBuilder();
    for (HeaderModifier.Header header : headers) {
      message.addHeaders(
          Headers.Header.newBuilder()
              .setName(header.name())
              .setValue(ByteString.copyFromUtf8(header.value())));
    }
    return message.build();
  }

  private static RequestRedirect redirect(HttpRouteFilter.Redirect redirect) {
    RequestRedirect.Builder message = RequestRedirect.newBuilder().setStatus(redirect.statusCode());
    if (redirect.scheme() != null) {
      message.setScheme(
          Scheme.newBuilder()
              .setRegistered(
                  redirect.scheme().equals("https")
                      ? Scheme.Registered.HTTPS
                      : Scheme.Registered.HTTP));
    }
    if (redirect.hostname() != null) {
      message.setHost(redirect.hostname());
    }
    if (redirect.port() != null) {
      message.setPort(redirect.port());
    }
    PathModifier path = redirect.path();
    if (path != null) {
      var replacement = io.linkerd.proxy.http_route.PathModifier.newBuilder();
      message.setPath(
          switch (path.type()) {
            case REPLACE_FULL_PATH ->
                replacement.setFull(
                    absolute(
                        "replaceFullPath of a redirect",
                        given(path.replaceFullPath(), "replaceFullPath")));
            case REPLACE_PREFIX_MATCH ->
                replacement.setPrefix(
                    absolute(
                        "replacePrefixMatch of a redirect",
                        given(path.replacePrefixMatch(), "replacePrefixMatch")));
          });
    }
    return message.build();
  }

  private static String absolute(String what, String path) {
    if (!path.startsWith("/")) {
      throw new IllegalArgumentException(what + " is \"" + path + "\": expected a leading slash");
    }
    return path;
  }
}
