package io.signetmesh.policy.model;

import com.google.protobuf.ByteString;
import io.linkerd.proxy.grpc_route.GrpcFailureInjector;
import io.linkerd.proxy.grpc_route.GrpcRpcMatch;
import io.linkerd.proxy.http_route.HeaderMatch;
import io.linkerd.proxy.http_route.HostMatch;
import io.linkerd.proxy.http_route.HttpFailureInjector;
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
import io.signetmesh.crds.route.LinearExpression;
import io.signetmesh.crds.route.MatchType;
import io.signetmesh.crds.route.ParentRef;
import io.signetmesh.crds.route.PathModifier;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads the inbound side of routes: what is attached to Servers.
 *
 * <p>To leave out what is not understood would open what it was written to close, because its
 * requests fall to other routes then. So a match that is not understood matches whatever its other
 * conditions allow, at the rank of a regular expression, and is refused; the other matches stay. A
 * rule with a filter that inbound proxies do not have refuses what it matches, as the Gateway API
 * wants it. A parent that cannot be one is no attachment, and while there is one the route is
 * granted to no one.
 */
final class RouteReader {
  /** Matches any path or value; never fails to compile. */
  private static final String ANYTHING = ".*";

  private static final int INTERNAL_SERVER_ERROR = 500;
  private static final int GRPC_INTERNAL = 13;
  private static final String REFUSAL = "route is not understood";
  private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9!#$%&'*+\\-.^_`|~]+");

  private final List<RouteModel.Flaw> flaws = new ArrayList<>();

  private RouteReader() {}

  static RouteModel http(
      ObjectRef ref, String origin, @Nullable Instant created, HttpRouteSpec spec) {
    RouteReader reader = new RouteReader();
    List<String> servers = reader.servers(ref, spec.parentRefs());
    List<HttpRoute.Rule> rules = new ArrayList<>();
    boolean inbound = !servers.isEmpty() || !reader.flaws.isEmpty();
    for (int i = 0; inbound && i < spec.rules().size(); i++) {
      reader.rule("spec.rules[" + i + "]", spec.rules().get(i), rules);
    }
    return new RouteModel(
        ref,
        origin,
        created,
        servers,
        elsewhere(spec.parentRefs()),
        hosts(spec.hostnames()),
        new RouteModel.Rules.Http(rules),
        reader.flaws);
  }

  static RouteModel grpc(
      ObjectRef ref, String origin, @Nullable Instant created, GrpcRouteSpec spec) {
    RouteReader reader = new RouteReader();
    List<String> servers = reader.servers(ref, spec.parentRefs());
    List<GrpcRoute.Rule> rules = new ArrayList<>();
    boolean inbound = !servers.isEmpty() || !reader.flaws.isEmpty();
    for (int i = 0; inbound && i < spec.rules().size(); i++) {
      reader.rule("spec.rules[" + i + "]", spec.rules().get(i), rules);
    }
    return new RouteModel(
        ref,
        origin,
        created,
        servers,
        elsewhere(spec.parentRefs()),
        hosts(spec.hostnames()),
        new RouteModel.Rules.Grpc(rules),
        reader.flaws);
  }

  private void rule(String place, HttpRouteSpec.Rule rule, List<HttpRoute.Rule> rules) {
    List<HttpRoute.Filter> filters = new ArrayList<>();
    try {
      for (int i = 0; i < rule.filters().size(); i++) {
        HttpRoute.Filter filter = filter(place + ".filters[" + i + "]", rule.filters().get(i));
        if (filter != null) {
          filters.add(filter);
        }
      }
    } catch (NotUnderstoodException e) {
      note(e, "; its requests are refused");
      filters = List.of(httpRefusal());
    }
    HttpRoute.Rule.Builder understood = HttpRoute.Rule.newBuilder().addAllFilters(filters);
    HttpRoute.Rule.Builder refused = HttpRoute.Rule.newBuilder().addFilters(httpRefusal());
    for (int i = 0; i < rule.matches().size(); i++) {
      int flawed = flaws.size();
      var match = match(place + ".matches[" + i + "]", rule.matches().get(i));
      (flaws.size() == flawed ? understood : refused).addMatches(match);
    }
    if (understood.getMatchesCount() > 0 || refused.getMatchesCount() == 0) {
      rules.add(understood.build());
    }
    if (refused.getMatchesCount() > 0) {
      rules.add(refused.build());
    }
  }

  private void rule(String place, GrpcRouteSpec.Rule rule, List<GrpcRoute.Rule> rules) {
    List<GrpcRoute.Filter> filters = new ArrayList<>();
    try {
      for (int i = 0; i < rule.filters().size(); i++) {
        GrpcRoute.Filter filter = filter(place + ".filters[" + i + "]", rule.filters().get(i));
        if (filter != null) {
          filters.add(filter);
        }
      }
    } catch (NotUnderstoodException e) {
      note(e, "; its requests are refused");
      filters = List.of(grpcRefusal());
    }
    GrpcRoute.Rule.Builder understood = GrpcRoute.Rule.newBuilder().addAllFilters(filters);
    GrpcRoute.Rule.Builder refused = GrpcRoute.Rule.newBuilder().addFilters(grpcRefusal());
    for (int i = 0; i < rule.matches().size(); i++) {
      int flawed = flaws.size();
      var match = match(place + ".matches[" + i + "]", rule.matches().get(i));
      (flaws.size() == flawed ? understood : refused).addMatches(match);
    }
    if (understood.getMatchesCount() > 0 || refused.getMatchesCount() == 0) {
      rules.add(understood.build());
    }
    if (refused.getMatchesCount() > 0) {
      rules.add(refused.build());
    }
  }

  private static HttpRoute.Filter httpRefusal() {
    return HttpRoute.Filter.newBuilder()
        .setFailureInjector(
            HttpFailureInjector.newBuilder().setStatus(INTERNAL_SERVER_ERROR).setMessage(REFUSAL))
        .build();
  }

  private static GrpcRoute.Filter grpcRefusal() {
    return GrpcRoute.Filter.newBuilder()
        .setFailureInjector(
            GrpcFailureInjector.newBuilder().setCode(GRPC_INTERNAL).setMessage(REFUSAL))
        .build();
  }

  private void note(NotUnderstoodException flaw, String effect) {
    flaws.add(
        new RouteModel.Flaw(
            flaw.field,
            flaw.getMessage() + effect,
            flaw.admitted ? RouteModel.Part.ADMITTED_FILTER : RouteModel.Part.RULE));
  }

  private void widened(String field, String message) {
    flaws.add(
        new RouteModel.Flaw(
            field, message + "; whatever the match may be about is refused", RouteModel.Part.RULE));
  }

  private static List<Reference> elsewhere(List<ParentRef> parents) {
    return parents.stream()
        .filter(parent -> !parent.isServer())
        .map(
            parent ->
                new Reference(parent.group(), parent.kind(), parent.namespace(), parent.name()))
        .toList();
  }

  private List<String> servers(ObjectRef ref, List<ParentRef> parents) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < parents.size(); i++) {
      ParentRef parent = parents.get(i);
      if (!parent.isServer()) {
        continue;
      }
      String place = "spec.parentRefs[" + i + "]";
      String effect =
          "; it is not attached to that Server, and authorizations of the route grant nothing";
      if (!parent.namespaceOr(ref.namespace()).equals(ref.namespace())) {
        flaws.add(
            new RouteModel.Flaw(
                place + ".namespace",
                place
                    + ".namespace is \""
                    + parent.namespace()
                    + "\": a route is attached to Servers of its own namespace only"
                    + effect,
                RouteModel.Part.PARENT));
      } else if (parent.port() != null || parent.sectionName() != null) {
        flaws.add(
            new RouteModel.Flaw(
                place + (parent.port() != null ? ".port" : ".sectionName"),
                place + ": a parent that is a Server takes neither port nor sectionName" + effect,
                RouteModel.Part.PARENT));
      } else if (!names.contains(parent.name())) {
        names.add(parent.name());
      }
    }
    return names;
  }

  /** Something of a filter that is not understood. */
  private static final class NotUnderstoodException extends Exception {
    private static final long serialVersionUID = 1L;
    final String field;

    /** Whether Linkerd's admission takes it. */
    final boolean admitted;

    NotUnderstoodException(String field, String message) {
      this(field, message, false);
    }

    NotUnderstoodException(String field, String message, boolean admitted) {
      super(message);
      this.field = field;
      this.admitted = admitted;
    }
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

  private io.linkerd.proxy.http_route.HttpRouteMatch match(String place, HttpRouteMatch match) {
    var message = io.linkerd.proxy.http_route.HttpRouteMatch.newBuilder();
    message.setPath(path(place + ".path", match.path()));
    for (int i = 0; i < match.headers().size(); i++) {
      header(place + ".headers[" + i + "]", match.headers().get(i)).ifPresent(message::addHeaders);
    }
    for (int i = 0; i < match.queryParams().size(); i++) {
      HttpRouteMatch.QueryParam parameter = match.queryParams().get(i);
      QueryParamMatch.Builder query = QueryParamMatch.newBuilder().setName(parameter.name());
      message.addQueryParams(
          parameter.type() == MatchType.EXACT
              ? query.setExact(parameter.value())
              : query.setRegex(regex(place + ".queryParams[" + i + "].value", parameter.value())));
    }
    if (match.method() != null) {
      message.setMethod(
          HttpMethod.newBuilder()
              .setRegistered(HttpMethod.Registered.valueOf(match.method().name())));
    }
    return message.build();
  }

  private PathMatch path(String place, HttpRouteMatch.Path path) {
    PathMatch.Builder message = PathMatch.newBuilder();
    String value = path.value();
    if (path.type() == HttpRouteMatch.PathType.REGULAR_EXPRESSION) {
      return message.setRegex(regex(place + ".value", value)).build();
    }
    if (!value.startsWith("/")) {
      widened(place + ".value", place + ".value is \"" + value + "\": expected a leading slash");
      return message.setRegex(ANYTHING).build();
    }
    return (path.type() == HttpRouteMatch.PathType.EXACT
            ? message.setExact(value)
            : message.setPrefix(value))
        .build();
  }

  private io.linkerd.proxy.grpc_route.GrpcRouteMatch match(String place, GrpcRouteMatch match) {
    var message = io.linkerd.proxy.grpc_route.GrpcRouteMatch.newBuilder();
    GrpcRouteMatch.Method method = match.method();
    if (method != null) {
      GrpcRpcMatch.Builder rpc = GrpcRpcMatch.newBuilder();
      if (method.type() != MatchType.EXACT) {
        widened(
            place + ".method.type",
            place + ".method has the type RegularExpression: expected Exact");
      } else {
        if (method.service() != null) {
          rpc.setService(method.service());
        }
        if (method.method() != null) {
          rpc.setMethod(method.method());
        }
      }
      message.setRpc(rpc);
    }
    for (int i = 0; i < match.headers().size(); i++) {
      header(place + ".headers[" + i + "]", match.headers().get(i)).ifPresent(message::addHeaders);
    }
    return message.build();
  }

  private Optional<HeaderMatch> header(String place, io.signetmesh.crds.route.HeaderMatch header) {
    if (!TOKEN.matcher(header.name()).matches()) {
      widened(place + ".name", place + ".name is \"" + header.name() + "\", which no header has");
      return Optional.empty();
    }
    HeaderMatch.Builder message =
        HeaderMatch.newBuilder().setName(header.name().toLowerCase(Locale.ROOT));
    return Optional.of(
        header.type() == MatchType.EXACT
            ? message.setExact(ByteString.copyFromUtf8(header.value())).build()
            : message.setRegex(regex(place + ".value", header.value())).build());
  }

  /** The expression, or one that matches anything when it is none that proxies understand. */
  private String regex(String field, String expression) {
    String problem = LinearExpression.problem(expression).orElse(null);
    if (problem == null) {
      return expression;
    }
    widened(
        field,
        field
            + " is \""
            + expression
            + "\", which is no regular expression (RE2 syntax): "
            + problem);
    return ANYTHING;
  }

  private static HttpRoute.@Nullable Filter filter(String place, HttpRouteFilter filter)
      throws NotUnderstoodException {
    return switch (filter.type()) {
      case REQUEST_HEADER_MODIFIER ->
          HttpRoute.Filter.newBuilder()
              .setRequestHeaderModifier(modifier(place, filter.requestHeaderModifier()))
              .build();
      case REQUEST_REDIRECT ->
          HttpRoute.Filter.newBuilder()
              .setRedirect(redirect(place + ".requestRedirect", filter.requestRedirect()))
              .build();
      // Changes only what goes back, and nothing about who may ask.
      case RESPONSE_HEADER_MODIFIER -> null;
      case REQUEST_MIRROR -> throw unsupported(place, "RequestMirror");
      case URL_REWRITE -> throw unsupported(place, "URLRewrite");
      case EXTENSION_REF -> throw unsupported(place, "ExtensionRef");
      case CORS -> throw unsupported(place, "CORS");
      case EXTERNAL_AUTH -> throw unsupported(place, "ExternalAuth");
    };
  }

  private static GrpcRoute.@Nullable Filter filter(String place, GrpcRouteFilter filter)
      throws NotUnderstoodException {
    return switch (filter.type()) {
      case REQUEST_HEADER_MODIFIER ->
          GrpcRoute.Filter.newBuilder()
              .setRequestHeaderModifier(modifier(place, filter.requestHeaderModifier()))
              .build();
      case RESPONSE_HEADER_MODIFIER -> null;
      case REQUEST_MIRROR -> throw unsupported(place, "RequestMirror");
      case EXTENSION_REF -> throw unsupported(place, "ExtensionRef");
    };
  }

  private static NotUnderstoodException unsupported(String place, String filter) {
    return new NotUnderstoodException(
        place + ".type",
        place + ".type is " + filter + ", a filter that a route of a Server cannot have",
        true);
  }

  private static <T> T given(String field, @Nullable T value) throws NotUnderstoodException {
    if (value == null) {
      throw new NotUnderstoodException(field, field + " is missing");
    }
    return value;
  }

  private static RequestHeaderModifier modifier(String place, @Nullable HeaderModifier given)
      throws NotUnderstoodException {
    String field = place + ".requestHeaderModifier";
    HeaderModifier modifier = given(field, given);
    for (String name : modifier.remove()) {
      name(field + ".remove", name);
    }
    RequestHeaderModifier.Builder message =
        RequestHeaderModifier.newBuilder().addAllRemove(modifier.remove());
    if (!modifier.add().isEmpty()) {
      message.setAdd(headers(field + ".add", modifier.add()));
    }
    if (!modifier.set().isEmpty()) {
      message.setSet(headers(field + ".set", modifier.set()));
    }
    return message.build();
  }

  private static Headers headers(String field, List<HeaderModifier.Header> headers)
      throws NotUnderstoodException {
    Headers.Builder message = Headers.newBuilder();
    for (HeaderModifier.Header header : headers) {
      name(field, header.name());
      if (!header.value().chars().allMatch(c -> c == '\t' || (c >= ' ' && c <= '~'))) {
        throw new NotUnderstoodException(
            field, field + " gives " + header.name() + " a value that no header can have");
      }
      message.addHeaders(
          Headers.Header.newBuilder()
              .setName(header.name())
              .setValue(ByteString.copyFromUtf8(header.value())));
    }
    return message.build();
  }

  private static void name(String field, String name) throws NotUnderstoodException {
    if (!TOKEN.matcher(name).matches()) {
      throw new NotUnderstoodException(
          field, field + " names \"" + name + "\", which no header has");
    }
    if (HeaderModifier.isReserved(name)) {
      throw new NotUnderstoodException(
          field, field + " names \"" + name + "\", which no route may change");
    }
  }

  private static RequestRedirect redirect(String place, HttpRouteFilter.@Nullable Redirect given)
      throws NotUnderstoodException {
    HttpRouteFilter.Redirect redirect = given(place, given);
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
                    absolute(place + ".path.replaceFullPath", path.replaceFullPath()));
            case REPLACE_PREFIX_MATCH ->
                replacement.setPrefix(
                    absolute(place + ".path.replacePrefixMatch", path.replacePrefixMatch()));
          });
    }
    return message.build();
  }

  private static String absolute(String field, @Nullable String given)
      throws NotUnderstoodException {
    String path = given(field, given);
    if (!path.startsWith("/")) {
      throw new NotUnderstoodException(
          field, field + " is \"" + path + "\": expected a leading slash");
    }
    return path;
  }
}
